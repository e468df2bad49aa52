//! The steps of a plan: the resources that the site requires before a machine (a key, a network, a lease), the machines in
//! parallel, their public addresses, the set-up of each machine, and `run` once every machine is ready.

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

/// Every step of a plan, each after those that it depends on.
pub(super) fn lay_out(demand: &Demand, picks: &[Pick], window: &Window) -> Vec<Step> {
    let surroundings = Surroundings::of(demand, picks, window);
    let machines = machines(demand, picks, &surroundings);
    let all = Peers::of(&machines, demand.workload.phases.peers);
    let set_ups: Vec<Vec<Step>> =
        machines.iter().map(|(machine, pick)| set_up(&demand.workload, machine, pick, &all)).collect();
    let last = set_ups.iter().map(|steps| steps.last().map(|step| step.id.clone()));
    let runs: Vec<Step> =
        machines.iter().zip(last).filter_map(|((machine, _), last)| run(&demand.workload, machine, last)).collect();
    let mut set_ups: Vec<Step> = set_ups.into_iter().flatten().collect();
    // Phase by phase over all machines, so that each step comes after its dependencies on other machines.
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

/// The steps before the machines, as far as the site's terms require them.
struct Surroundings {
    keypair: Option<Step>,
    network: Option<Step>,
    lease: Option<Step>,
}

impl Surroundings {
    /// All picks are at one site, since the machines must reach each other.
    fn of(demand: &Demand, picks: &[Pick], window: &Window) -> Self {
        let site_where = |requires: fn(&Terms) -> bool| {
            picks.iter().find(|pick| requires(&pick.terms)).map(|pick| pick.site.clone())
        };
        let step = |id: &str, after: Vec<StepId>, resource| Step {
            id: StepId::nearest(id),
            after,
            action: Action::Create(resource),
        };
        let keypair = site_where(|terms| terms.key == KeyTerm::Keypair)
            .map(|site| step("keypair", Vec::new(), PlannedResource::Keypair { site }));
        let network = site_where(|terms| terms.network == NetworkTerm::Own)
            .map(|site| step("network", Vec::new(), PlannedResource::Network { site }));
        // A lease costs from its start on, so steps that may fail at no cost come first.
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
        existing: existing(terms),
    }
}

fn existing(terms: &Terms) -> ExistingResources {
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

/// Maximum length of a label of a host name (RFC 1123).
const MAX_HOST_NAME: usize = 63;

/// `train-2`, or `train-worker-2`. A name that is too long is truncated and made unique with a hash.
fn host_name(demand: &Demand, group: Option<&GroupName>, number: u32) -> String {
    let stem = match group {
        Some(group) => format!("{}-{group}", demand.name),
        None => demand.name.to_string(),
    };
    let name = format!("{stem}-{number}");
    if name.len() <= MAX_HOST_NAME {
        return name;
    }
    let hash = &sha256(&stem)[..8];
    let room = MAX_HOST_NAME - hash.len() - number.to_string().len() - 2;
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
    let resource =
        PlannedResource::Address { site: machine.site.clone(), pool: pool.clone(), machine: Some(created.clone()) };
    Some(Step { id: step_of("address", machine), after: vec![created], action: Action::Create(resource) })
}

/// The step after which a machine has its address for SSH.
fn reachable(machine: &MachineSpec, pick: &Pick) -> StepId {
    address(machine, pick).map_or_else(|| step_of("machine", machine), |step| step.id)
}

/// The steps of a machine from the first login to its last check, each after the previous one.
///
/// Some also depend on other machines: `peer-names` waits until all machines accept a login, and Ray's workers wait for
/// its head.
fn set_up(work: &Workload, machine: &MachineSpec, pick: &Pick, all: &Peers) -> Vec<Step> {
    let created = step_of("machine", machine);
    let wait_ssh = Step {
        id: step_of("wait-ssh", machine),
        after: vec![reachable(machine, pick)],
        action: Action::WaitSsh { machine: created.clone() },
    };
    let mut steps = vec![wait_ssh];
    let mut numbers = BTreeMap::new();
    for phase in verify(pick).into_iter().chain(phases(work, machine, all)) {
        let number = numbers.entry(phase.kind()).or_insert(0);
        *number += 1;
        let mut after: Vec<StepId> = steps.last().map(|step| step.id.clone()).into_iter().collect();
        after.extend(all.dependencies(&phase, machine));
        let id = phase_step(&phase, machine, *number);
        steps.push(Step { id, after, action: Action::SetUp { machine: created.clone(), phase } });
    }
    steps
}

/// The id of a phase's step; numbered if the phase can occur several times.
fn phase_step(phase: &Phase, machine: &MachineSpec, number: u32) -> StepId {
    let id = step_of(phase.name(), machine);
    match phase {
        Phase::Check { .. } | Phase::Custom(_) => StepId::nearest(&format!("{id}-{number}")),
        _ => id,
    }
}

/// Dependencies between machines. With hundreds of machines, dependencies of each on all others would dominate the plan.
/// So all synchronise through the first machine: it waits for the others, and they wait for it.
struct Peers {
    /// The machine of rank 0.
    first: Option<MachineSpec>,
    /// All machines.
    machines: Vec<MachineSpec>,
    access: PeerAccess,
}

impl Peers {
    fn of(machines: &[(MachineSpec, &Pick)], access: PeerAccess) -> Self {
        let machines: Vec<MachineSpec> = machines.iter().map(|(machine, _)| machine.clone()).collect();
        Self { first: machines.first().cloned(), machines, access }
    }

    fn are_set_up(&self) -> bool {
        self.machines.len() > 1 && self.access == PeerAccess::On
    }

    fn is_first(&self, machine: &MachineSpec) -> bool {
        self.first.as_ref().is_some_and(|first| first.rank == machine.rank)
    }

    /// The step of a phase on every other machine.
    fn of_others(&self, kind: PhaseKind, machine: &MachineSpec) -> Vec<StepId> {
        let others = self.machines.iter().filter(|other| other.rank != machine.rank);
        others.map(|other| step_of(kind.name(), other)).collect()
    }

    fn of_the_first(&self, kind: PhaseKind, machine: &MachineSpec) -> Vec<StepId> {
        let first = self.first.as_ref().filter(|first| first.rank != machine.rank);
        first.map(|first| step_of(kind.name(), first)).into_iter().collect()
    }

    /// The steps of other machines that a phase depends on. The user's commands receive the addresses of all machines, so
    /// they wait until all have one.
    fn dependencies(&self, phase: &Phase, machine: &MachineSpec) -> Vec<StepId> {
        match phase.kind() {
            PhaseKind::PeerNames if self.is_first(machine) => self.of_others(PhaseKind::WaitSsh, machine),
            PhaseKind::PeerNames => self.of_the_first(PhaseKind::PeerNames, machine),
            PhaseKind::PeerSsh => self.of_others(PhaseKind::PeerNames, machine),
            PhaseKind::RayStatus => self.of_others(PhaseKind::RayStart, machine),
            PhaseKind::RayStart if !self.is_first(machine) => self.of_the_first(PhaseKind::RayStart, machine),
            PhaseKind::RayStart | PhaseKind::Custom | PhaseKind::Setup | PhaseKind::Check if self.are_set_up() => {
                self.of_the_first(PhaseKind::PeerSsh, machine)
            }
            PhaseKind::Custom | PhaseKind::Setup | PhaseKind::Check => self.of_others(PhaseKind::WaitSsh, machine),
            _ => Vec::new(),
        }
    }
}

/// Compares a physical host with the inventory that it was chosen by. A machine of a divisible offer has the size that it
/// was created with.
fn verify(pick: &Pick) -> Option<Phase> {
    let expected = || ExpectedMachine { shape: pick.shape.clone(), arch: pick.arch.clone(), os: pick.os.clone() };
    (!pick.hosts.is_empty()).then(|| Phase::Verify(expected()))
}

/// The phases that the work requires, in order.
fn phases(work: &Workload, machine: &MachineSpec, all: &Peers) -> Vec<Phase> {
    let request = &work.phases;
    let is_first = all.is_first(machine);
    let packages =
        (!work.packages.is_empty()).then(|| Phase::Packages { packages: work.packages.iter().cloned().collect() });
    let ray = request.ray.as_ref().map(|ray| ray_for(ray, work));
    let tools = [
        request.system.map(Phase::System),
        packages,
        request.interpreter.clone().map(Phase::Interpreter),
        request.conda.clone().map(Phase::Conda),
        request.docker.clone().map(Phase::Docker),
        (!request.gpu.is_off()).then(|| Phase::Gpu(request.gpu.clone())),
        ray.clone().map(Phase::Ray),
        all.are_set_up().then_some(Phase::PeerNames),
        (all.are_set_up() && is_first).then_some(Phase::PeerSsh),
        ray.clone().map(Phase::RayStart),
        ray.filter(|_| is_first).map(Phase::RayStatus),
    ];
    let own = [
        (work.source.is_some() || !work.files.is_empty()).then_some(Phase::Source),
        work.python.clone().map(|python| Phase::Python(with_ray(python, request.ray.as_ref()))),
        request.docker.as_ref().and_then(|docker| docker.build.clone()).map(|directory| Phase::Image { directory }),
        work.setup.clone().map(|script| Phase::Setup { script }),
    ];
    let custom = request.custom.iter().cloned().map(Phase::Custom);
    let checks = work.checks.iter().map(|command| Phase::Check { command: command.clone() });
    tools.into_iter().flatten().chain(custom).chain(own.into_iter().flatten()).chain(checks).collect()
}

/// Ray runs on the same Python version as the programs that use it.
fn ray_for(ray: &RayRequest, work: &Workload) -> RayRequest {
    let python = ray.python.clone().or_else(|| work.python.as_ref()?.version.clone());
    RayRequest { python, ..ray.clone() }
}

/// Installs Ray into the repository's environment, in the version of the cluster.
fn with_ray(mut python: PythonRequest, ray: Option<&RayRequest>) -> PythonRequest {
    if let Some(ray) = ray {
        python.requirements.push(format!("ray[default]=={}", ray.version));
        python.version = python.version.or_else(|| ray.python.clone());
    }
    python
}

/// The `run` step, after the machine's set-up. The journal starts it on no machine before all are ready.
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
