//! Laying out the steps: the network, the machines side by side, then each machine's set-up in its order, and the
//! work itself once every machine is ready.

use sha2::{Digest, Sha256};

use super::{Action, MachineSpec, Phase, Pick, Step, What};
use crate::demand::{Demand, Work};
use crate::name::GroupName;
use crate::ticket::StepId;

/// Every step of a plan, each behind those that it needs.
pub(super) fn lay_out(demand: &Demand, picks: &[Pick]) -> Vec<Step> {
    let network = picks.first().map(|pick| Step {
        id: StepId::nearest("network"),
        after: Vec::new(),
        action: Action::Create(What::Network { site: pick.site.clone() }),
    });
    let machines = machines(demand, picks, network.as_ref().map(|step| &step.id));
    let all: Vec<StepId> = machines.iter().map(|machine| step_of("machine", machine)).collect();
    let set_ups: Vec<Vec<Step>> = machines.iter().map(|machine| set_up(&demand.work, machine, &all)).collect();
    let ready: Vec<StepId> = set_ups.iter().filter_map(|steps| steps.last()).map(|step| step.id.clone()).collect();
    let runs: Vec<Step> = machines.iter().filter_map(|machine| run(&demand.work, machine, &ready)).collect();
    let creations = machines.iter().map(creation);
    network.into_iter().chain(creations).chain(set_ups.into_iter().flatten()).chain(runs).collect()
}

fn machines(demand: &Demand, picks: &[Pick], network: Option<&StepId>) -> Vec<MachineSpec> {
    let all: u64 = picks.iter().map(|pick| u64::from(pick.count)).sum();
    let numbered = picks.iter().flat_map(|pick| (1..=pick.count).map(move |number| (pick, number)));
    let machine = |(rank, (pick, number)): (u32, (&Pick, u32))| MachineSpec {
        name: match (all, picks.len()) {
            (1, _) => demand.name.to_string(),
            (_, 1) => host_name(demand, None, number),
            _ => host_name(demand, Some(&pick.group), number),
        },
        group: pick.group.clone(),
        rank,
        site: pick.site.clone(),
        node_type: pick.node_type.clone(),
        shape: pick.shape.clone(),
        image: pick.image.clone(),
        user: pick.user.clone(),
        network: network.cloned(),
    };
    (0..).zip(numbered).map(machine).collect()
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
        after: machine.network.iter().cloned().collect(),
        action: Action::Create(What::Machine(machine.clone())),
    }
}

/// A machine's steps from the first login to its last check, each after the one before. The user's own commands are told
/// the addresses of all machines, so they also wait until all are there.
fn set_up(work: &Work, machine: &MachineSpec, all: &[StepId]) -> Vec<Step> {
    let created = step_of("machine", machine);
    let reach = Step {
        id: step_of("reach", machine),
        after: vec![created.clone()],
        action: Action::Reach { machine: created.clone() },
    };
    let mut steps = vec![reach];
    let mut checks = 0;
    for phase in phases(work) {
        let mut id = step_of(phase.name(), machine);
        if matches!(phase, Phase::Check { .. }) {
            checks += 1;
            id = StepId::nearest(&format!("{id}-{checks}"));
        }
        let mut after: Vec<StepId> = steps.last().map(|step| step.id.clone()).into_iter().collect();
        if matches!(phase, Phase::Setup { .. } | Phase::Check { .. }) {
            after.extend(all.iter().filter(|other| **other != created).cloned());
        }
        steps.push(Step { id, after, action: Action::SetUp { machine: created.clone(), phase } });
    }
    steps
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
