//! Laying out the steps: what the site asks for before a machine (a key, a network, a lease), the machines side by side,
//! their public addresses, then each machine's set-up in its order, and the work itself once every machine is ready.

use sha2::{Digest, Sha256};

use super::{Action, LeaseSpec, MachineSpec, Phase, Pick, Step, Uses, What};
use crate::demand::{Demand, Work};
use crate::name::GroupName;
use crate::offer::{HoldTerm, HostId, KeyTerm, NetworkTerm, ReachTerm, Terms};
use crate::ticket::{Ref, StepId};
use crate::time::Window;
use crate::verify::Promise;

/// Every step of a plan, each behind those that it needs.
pub(super) fn lay_out(demand: &Demand, picks: &[Pick], window: &Window) -> Vec<Step> {
    let surroundings = Surroundings::of(demand, picks, window);
    let machines = machines(demand, picks, &surroundings);
    let all: Vec<StepId> = machines.iter().map(|(machine, pick)| reachable(machine, pick)).collect();
    let set_ups: Vec<Vec<Step>> =
        machines.iter().map(|(machine, pick)| set_up(&demand.work, machine, pick, &all)).collect();
    let ready: Vec<StepId> = set_ups.iter().filter_map(|steps| steps.last()).map(|step| step.id.clone()).collect();
    let runs: Vec<Step> = machines.iter().filter_map(|(machine, _)| run(&demand.work, machine, &ready)).collect();
    let creations: Vec<Step> = machines.iter().map(|(machine, _)| creation(machine)).collect();
    let addresses = machines.iter().filter_map(|(machine, pick)| address(machine, pick));
    surroundings
        .into_steps()
        .chain(creations)
        .chain(addresses)
        .chain(set_ups.into_iter().flatten())
        .chain(runs)
        .collect()
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
            .map(|site| step("keypair", Vec::new(), What::Keypair { site }));
        let network = site_where(|terms| terms.network == NetworkTerm::Own)
            .map(|site| step("network", Vec::new(), What::Network { site }));
        // A lease is paid for from its start on, so it comes after all that could fail for nothing.
        let before_lease = [&keypair, &network].into_iter().flatten().map(|step| step.id.clone()).collect();
        let lease = site_where(|terms| terms.hold == HoldTerm::Lease).map(|site| {
            let leased = picks.iter().filter(|pick| pick.terms.hold == HoldTerm::Lease);
            let hosts = leased.flat_map(|pick| &pick.hosts).cloned().collect();
            let spec = LeaseSpec { name: lease_name(demand), site, window: *window, hosts };
            step("lease", before_lease, What::Lease(spec))
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
            NetworkTerm::Own | NetworkTerm::Given => None,
        },
        host: host.cloned(),
        lease: id_if(&around.lease, terms.hold == HoldTerm::Lease),
        keypair: id_if(&around.keypair, terms.key == KeyTerm::Keypair),
        uses: uses(terms),
    }
}

fn uses(terms: &Terms) -> Uses {
    Uses {
        lease: match &terms.hold {
            HoldTerm::Held(lease) => Some(lease.clone()),
            HoldTerm::Launch | HoldTerm::Lease => None,
        },
        keypair: match &terms.key {
            KeyTerm::Registered(name) => Some(Ref(name.clone())),
            KeyTerm::Inline | KeyTerm::Keypair | KeyTerm::Present(_) => None,
        },
        identity: match &terms.key {
            KeyTerm::Present(file) => Some(file.clone()),
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
    let hash: String = Sha256::digest(&stem).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST_HOST_NAME - hash.len() - number.to_string().len() - 2;
    let start: String = stem.chars().take(room).collect();
    format!("{}-{hash}-{number}", start.trim_end_matches('-'))
}

fn creation(machine: &MachineSpec) -> Step {
    Step {
        id: step_of("machine", machine),
        after: [&machine.keypair, &machine.network, &machine.lease].into_iter().flatten().cloned().collect(),
        action: Action::Create(What::Machine(Box::new(machine.clone()))),
    }
}

fn address(machine: &MachineSpec, pick: &Pick) -> Option<Step> {
    let ReachTerm::PublicAddress(pool) = &pick.terms.reach else { return None };
    let created = step_of("machine", machine);
    let what = What::Address { site: machine.site.clone(), pool: pool.clone(), machine: Some(created.clone()) };
    Some(Step { id: step_of("address", machine), after: vec![created], action: Action::Create(what) })
}

/// The step after which a machine has the address that it is reached at.
fn reachable(machine: &MachineSpec, pick: &Pick) -> StepId {
    address(machine, pick).map_or_else(|| step_of("machine", machine), |step| step.id)
}

/// A machine's steps from the first login to its last check, each after the one before. The user's own commands are told
/// the addresses of all machines, so they also wait until all are there.
fn set_up(work: &Work, machine: &MachineSpec, pick: &Pick, all: &[StepId]) -> Vec<Step> {
    let created = step_of("machine", machine);
    let reach = Step {
        id: step_of("reach", machine),
        after: vec![reachable(machine, pick)],
        action: Action::Reach { machine: created.clone() },
    };
    let mut steps = vec![reach];
    let mut checks = 0;
    for phase in verify(pick).into_iter().chain(phases(work)) {
        let mut id = step_of(phase.name(), machine);
        if matches!(phase, Phase::Check { .. }) {
            checks += 1;
            id = StepId::nearest(&format!("{id}-{checks}"));
        }
        let mut after: Vec<StepId> = steps.last().map(|step| step.id.clone()).into_iter().collect();
        if matches!(phase, Phase::Setup { .. } | Phase::Check { .. }) {
            after.extend(all.iter().filter(|other| **other != reachable(machine, pick)).cloned());
        }
        steps.push(Step { id, after, action: Action::SetUp { machine: created.clone(), phase } });
    }
    steps
}

/// Hardware that was chosen by an inventory is compared with it. What is cut to measure is as it was cut.
fn verify(pick: &Pick) -> Option<Phase> {
    let promise = || Promise { shape: pick.shape.clone(), arch: pick.arch.clone(), os: pick.os.clone() };
    (!pick.hosts.is_empty()).then(|| Phase::Verify(promise()))
}

/// The parts of the set-up that the work asks for, in their order.
fn phases(work: &Work) -> Vec<Phase> {
    let packages =
        (!work.packages.is_empty()).then(|| Phase::Packages { packages: work.packages.iter().cloned().collect() });
    let source = (work.source.is_some() || !work.files.is_empty()).then_some(Phase::Source);
    let python = work.python.clone().map(Phase::Python);
    let setup = work.setup.clone().map(|script| Phase::Setup { script });
    let checks = work.checks.iter().map(|command| Phase::Check { command: command.clone() });
    [packages, source, python, setup].into_iter().flatten().chain(checks).collect()
}

/// The work starts on no machine before all of them are ready: they may talk to each other at once.
fn run(work: &Work, machine: &MachineSpec, ready: &[StepId]) -> Option<Step> {
    let script = work.run.clone()?;
    Some(Step {
        id: step_of("run", machine),
        after: ready.to_vec(),
        action: Action::SetUp { machine: step_of("machine", machine), phase: Phase::Run { script } },
    })
}

fn step_of(what: &str, machine: &MachineSpec) -> StepId {
    StepId::nearest(&format!("{what}-{}", machine.name))
}
