//! Laying out the steps: what the site asks for before a machine (a key, a network, a lease), the machines side by side,
//! their public addresses, then each machine's set-up in its order, and the work itself once every machine is ready.

use std::collections::BTreeMap;

use super::{Action, ExistingResources, LeaseSpec, MachineSpec, Phase, Pick, PlannedResource, Step};
use crate::demand::{Demand, PythonRequest, Workload};
use crate::hash::sha256;
use crate::name::GroupName;
use crate::offer::{ClaimTerm, HostId, KeyTerm, NetworkTerm, ReachTerm, Terms};
use crate::setup::{PeerAccess, PhaseKind, RayRequest};
use crate::ticket::{Ref, StepId};
use crate::time::Window;
use crate::verify::ExpectedMachine;

/// Every step of a plan, each behind those that it needs.
pub(super) fn lay_out(demand: &Demand, picks: &[Pick], window: &Window) -> Vec<Step> {
    let surroundings = Surroundings::of(demand, picks, window);
    let machines = machines(demand, picks, &surroundings);
    let all = Meeting::of(&machines, demand.workload.phases.peers);
    let set_ups: Vec<Vec<Step>> =
        machines.iter().map(|(machine, pick)| set_up(&demand.workload, machine, pick, &all)).collect();
    let last = set_ups.iter().map(|steps| steps.last().map(|step| step.id.clone()));
    let runs: Vec<Step> =
        machines.iter().zip(last).filter_map(|((machine, _), last)| run(&demand.workload, machine, last)).collect();
    let mut set_ups: Vec<Step> = set_ups.into_iter().flatten().collect();
    // Phase by phase over all machines: then each step stands behind all that it waits for, on other machines too.
    set_ups.sort_by_key(kind_of);
    let creations: Vec<Step> = machines.iter().map(|(machine, _)| creation(machine)).collect();
    let addresses = machines.iter().filter_map(|(machine, pick)| address(machine, pick));
    surroundings.into_steps().chain(creations).chain(addresses).chain(set_ups).chain(runs).collect()
}

fn kind_of(step: &Step) -> PhaseKind {
    match &step.action {
        Action::SetUp { phase, .. } => phase.kind(),
        Action::Create(_) | Action::WaitSsh { .. } => PhaseKind::WaitSsh,
    }
}

/// What is made before the machines, as far as the site's terms ask for it.
struct Surroundings {
    keypair: Option<Step>,
    network: Option<Step>,
    lease: Option<Step>,
}

impl Surroundings {
    /// All picks are at one site: its machines must reach each other.
    fn of(demand: &Demand, picks: &[Pick], window: &Window) -> Self {
        let site_where =
            |asks: fn(&Terms) -> bool| picks.iter().find(|pick| asks(&pick.terms)).map(|pick| pick.site.clone());
        let step =
            |id: &str, after: Vec<StepId>, what| Step { id: StepId::nearest(id), after, action: Action::Create(what) };
        let keypair = site_where(|terms| terms.key == KeyTerm::Keypair)
            .map(|site| step("keypair", Vec::new(), PlannedResource::Keypair { site }));
        let network = site_where(|terms| terms.network == NetworkTerm::Own)
            .map(|site| step("network", Vec::new(), PlannedResource::Network { site }));
        // A lease is paid for from its start on, so it comes after all that could fail for nothing.
        let before_lease = [&keypair, &network].into_iter().flatten().map(|step| step.id.clone()).collect();
        let lease = site_where(|terms| terms.claim == ClaimTerm::Lease).map(|site| {
            let leased = picks.iter().filter(|pick| pick.terms.claim == ClaimTerm::Lease);
            let hosts = leased.flat_map(|pick| &pick.hosts).cloned().collect();
            let spec = LeaseSpec { name: lease_name(demand), site, window: *window, hosts };
            step("lease", before_lease, PlannedResource::Lease(spec))
        });
        Self { keypair, network, lease }
    }

    fn into_steps(self) -> impl Iterator<Item = Step> {
        [self.keypair, self.network, self.lease].into_iter().flatten()
    }
}

fn id_if(step: &Option<Step>, needed: bool) -> Option<StepId> {
    step.as_ref().filter(|_| needed).map(|step| step.id.clone())
}

fn machines<'p>(demand: &Demand, picks: &'p [Pick], around: &Surroundings) -> Vec<(MachineSpec, &'p Pick)> {
    let all: u64 = picks.iter().map(|pick| u64::from(pick.count)).sum();
    let numbered = picks.iter().flat_map(|pick| (1..=pick.count).map(move |number| (pick, number)));
    let machine = |(rank, (pick, number)): (u32, (&'p Pick, u32))| {
        let name = match (all, picks.len()) {
            (1, _) => demand.name.to_string(),
            (_, 1) => host_name(demand, None, number),
            _ => host_name(demand, Some(&pick.group), number),
        };
        (machine(name, rank, pick, pick.hosts.get(number as usize - 1), around), pick)
    };
    (0..).zip(numbered).map(machine).collect()
}

fn machine(name: String, rank: u32, pick: &Pick, host: Option<&HostId>, around: &Surroundings) -> MachineSpec {
    let terms = &pick.terms;
    MachineSpec {
        name,
        group: pick.group.clone(),
        rank,
        site: pick.site.clone(),
        node_type: pick.node_type.clone(),
        shape: pick.shape.clone(),
        image: pick.image.clone(),
        user: pick.user.clone(),
        network: id_if(&around.network, terms.network == NetworkTerm::Own),
        shared_network: match &terms.network {
            NetworkTerm::Shared(name) => Some(name.clone()),
            NetworkTerm::Own | NetworkTerm::SiteManaged => None,
        },
        host: host.cloned(),
        lease: id_if(&around.lease, terms.claim == ClaimTerm::Lease),
        keypair: id_if(&around.keypair, terms.key == KeyTerm::Keypair),
        existing: uses(terms),
    }
}

fn uses(terms: &Terms) -> ExistingResources {
    ExistingResources {
        lease: match &terms.claim {
            ClaimTerm::Existing(lease) => Some(lease.clone()),
            ClaimTerm::OnLaunch | ClaimTerm::Lease => None,
        },
        keypair: match &terms.key {
            KeyTerm::Registered(name) => Some(Ref(name.clone())),
            KeyTerm::Inline | KeyTerm::Keypair | KeyTerm::IdentityFile(_) => None,
        },
        identity: match &terms.key {
            KeyTerm::IdentityFile(file) => Some(file.clone()),
            KeyTerm::Inline | KeyTerm::Keypair | KeyTerm::Registered(_) => None,
        },
    }
}

fn lease_name(demand: &Demand) -> String {
    demand.terms.lease_name.clone().unwrap_or_else(|| demand.name.to_string())
}

/// The longest label of a host name (RFC 1123).
const LONGEST_HOST_NAME: usize = 63;

/// `train-2`, or `train-worker-2`. What would be too long for a host name is cut, and told apart by a hash.
fn host_name(demand: &Demand, group: Option<&GroupName>, number: u32) -> String {
    let stem = match group {
        Some(group) => format!("{}-{group}", demand.name),
        None => demand.name.to_string(),
    };
    let name = format!("{stem}-{number}");
    if name.len() <= LONGEST_HOST_NAME {
        return name;
    }
    let hash = &sha256(&stem)[..8];
    let room = LONGEST_HOST_NAME - hash.len() - number.to_string().len() - 2;
    let start: String = stem.chars().take(room).collect();
    format!("{}-{hash}-{number}", start.trim_end_matches('-'))
}

fn creation(machine: &MachineSpec) -> Step {
    Step {
        id: step_of("machine", machine),
        after: [&machine.keypair, &machine.network, &machine.lease].into_iter().flatten().cloned().collect(),
        action: Action::Create(PlannedResource::Machine(Box::new(machine.clone()))),
    }
}

fn address(machine: &MachineSpec, pick: &Pick) -> Option<Step> {
    let ReachTerm::PublicAddress(pool) = &pick.terms.reach else { return None };
    let created = step_of("machine", machine);
    let what =
        PlannedResource::Address { site: machine.site.clone(), pool: pool.clone(), machine: Some(created.clone()) };
    Some(Step { id: step_of("address", machine), after: vec![created], action: Action::Create(what) })
}

/// The step after which a machine has the address that it is reached at.
fn reachable(machine: &MachineSpec, pick: &Pick) -> StepId {
    address(machine, pick).map_or_else(|| step_of("machine", machine), |step| step.id)
}

/// A machine's steps from the first login to its last check, each after the one before.
///
/// What is done on one machine may need the others: the machines are made known to each other once all can be logged in
/// to, and Ray's workers start once its head runs. The first machine stands for all: the others wait for its steps.
fn set_up(work: &Workload, machine: &MachineSpec, pick: &Pick, all: &Meeting) -> Vec<Step> {
    let created = step_of("machine", machine);
    let reach = Step {
        id: step_of("wait-ssh", machine),
        after: vec![reachable(machine, pick)],
        action: Action::WaitSsh { machine: created.clone() },
    };
    let mut steps = vec![reach];
    let mut numbers = BTreeMap::new();
    for phase in verify(pick).into_iter().chain(phases(work, machine, all)) {
        let number = numbers.entry(phase.kind()).or_insert(0);
        *number += 1;
        let mut after: Vec<StepId> = steps.last().map(|step| step.id.clone()).into_iter().collect();
        after.extend(all.awaited(&phase, machine));
        let id = phase_step(&phase, machine, *number);
        steps.push(Step { id, after, action: Action::SetUp { machine: created.clone(), phase } });
    }
    steps
}

/// The id of a phase's step; of phases that may be there several times, with a number.
fn phase_step(phase: &Phase, machine: &MachineSpec, number: u32) -> StepId {
    let id = step_of(phase.name(), machine);
    match phase {
        Phase::Check { .. } | Phase::Custom(_) => StepId::nearest(&format!("{id}-{number}")),
        _ => id,
    }
}

/// Where machines wait for each other. As few steps as will do: with hundreds of machines that each wait for all others, a
/// plan would be made of nothing else. So the first machine stands for all: it waits for them, and they for it.
struct Meeting {
    /// The machine of rank 0.
    first: Option<MachineSpec>,
    /// All of them.
    machines: Vec<MachineSpec>,
    peers: PeerAccess,
}

impl Meeting {
    fn of(machines: &[(MachineSpec, &Pick)], peers: PeerAccess) -> Self {
        let machines: Vec<MachineSpec> = machines.iter().map(|(machine, _)| machine.clone()).collect();
        Self { first: machines.first().cloned(), machines, peers }
    }

    fn introduces(&self) -> bool {
        self.machines.len() > 1 && self.peers == PeerAccess::On
    }

    fn is_first(&self, machine: &MachineSpec) -> bool {
        self.first.as_ref().is_some_and(|first| first.rank == machine.rank)
    }

    /// A step of every machine but this one.
    fn of_others(&self, kind: PhaseKind, machine: &MachineSpec) -> Vec<StepId> {
        let others = self.machines.iter().filter(|other| other.rank != machine.rank);
        others.map(|other| step_of(kind.name(), other)).collect()
    }

    fn of_the_first(&self, kind: PhaseKind, machine: &MachineSpec) -> Vec<StepId> {
        let first = self.first.as_ref().filter(|first| first.rank != machine.rank);
        first.map(|first| step_of(kind.name(), first)).into_iter().collect()
    }

    /// The steps of other machines that a phase waits for. The user's own commands are told of all machines.
    fn awaited(&self, phase: &Phase, machine: &MachineSpec) -> Vec<StepId> {
        match phase.kind() {
            PhaseKind::PeerNames if self.is_first(machine) => self.of_others(PhaseKind::WaitSsh, machine),
            PhaseKind::PeerNames => self.of_the_first(PhaseKind::PeerNames, machine),
            PhaseKind::PeerSsh => self.of_others(PhaseKind::PeerNames, machine),
            PhaseKind::RayStatus => self.of_others(PhaseKind::RayStart, machine),
            PhaseKind::RayStart if !self.is_first(machine) => self.of_the_first(PhaseKind::RayStart, machine),
            PhaseKind::RayStart | PhaseKind::Custom | PhaseKind::Setup | PhaseKind::Check if self.introduces() => {
                self.of_the_first(PhaseKind::PeerSsh, machine)
            }
            PhaseKind::Custom | PhaseKind::Setup | PhaseKind::Check => self.of_others(PhaseKind::WaitSsh, machine),
            _ => Vec::new(),
        }
    }
}

/// Hardware that was chosen by an inventory is compared with it. What is cut to measure is as it was cut.
fn verify(pick: &Pick) -> Option<Phase> {
    let promise = || ExpectedMachine { shape: pick.shape.clone(), arch: pick.arch.clone(), os: pick.os.clone() };
    (!pick.hosts.is_empty()).then(|| Phase::Verify(promise()))
}

/// The parts of the set-up that the work asks for, in their order.
fn phases(work: &Workload, machine: &MachineSpec, all: &Meeting) -> Vec<Phase> {
    let wish = &work.phases;
    let is_first = all.is_first(machine);
    let packages =
        (!work.packages.is_empty()).then(|| Phase::Packages { packages: work.packages.iter().cloned().collect() });
    let ray = wish.ray.as_ref().map(|ray| ray_for(ray, work));
    let tools = [
        wish.system.map(Phase::System),
        packages,
        wish.interpreter.clone().map(Phase::Interpreter),
        wish.conda.clone().map(Phase::Conda),
        wish.docker.clone().map(Phase::Docker),
        (!wish.gpu.is_off()).then(|| Phase::Gpu(wish.gpu.clone())),
        ray.clone().map(Phase::Ray),
        all.introduces().then_some(Phase::PeerNames),
        (all.introduces() && is_first).then_some(Phase::PeerSsh),
        ray.clone().map(Phase::RayStart),
        ray.filter(|_| is_first).map(Phase::RayStatus),
    ];
    let own = [
        (work.source.is_some() || !work.files.is_empty()).then_some(Phase::Source),
        work.python.clone().map(|python| Phase::Python(with_ray(python, wish.ray.as_ref()))),
        wish.docker.as_ref().and_then(|docker| docker.build.clone()).map(|directory| Phase::Image { directory }),
        work.setup.clone().map(|script| Phase::Setup { script }),
    ];
    let custom = wish.custom.iter().cloned().map(Phase::Custom);
    let checks = work.checks.iter().map(|command| Phase::Check { command: command.clone() });
    tools.into_iter().flatten().chain(custom).chain(own.into_iter().flatten()).chain(checks).collect()
}

/// Ray and the programs that use it must run on one version of Python.
fn ray_for(ray: &RayRequest, work: &Workload) -> RayRequest {
    let python = ray.python.clone().or_else(|| work.python.as_ref()?.version.clone());
    RayRequest { python, ..ray.clone() }
}

/// A repository whose machines have Ray imports it, in the cluster's own version.
fn with_ray(mut python: PythonRequest, ray: Option<&RayRequest>) -> PythonRequest {
    if let Some(ray) = ray {
        python.requirements.push(format!("ray[default]=={}", ray.version));
        python.version = python.version.or_else(|| ray.python.clone());
    }
    python
}

/// The work comes after the machine's own set-up; the journal starts it on no machine before all are ready.
fn run(work: &Workload, machine: &MachineSpec, last: Option<StepId>) -> Option<Step> {
    let script = work.run.clone()?;
    Some(Step {
        id: step_of("run", machine),
        after: last.into_iter().collect(),
        action: Action::SetUp { machine: step_of("machine", machine), phase: Phase::Run { script } },
    })
}

fn step_of(what: &str, machine: &MachineSpec) -> StepId {
    StepId::nearest(&format!("{what}-{}", machine.name))
}
