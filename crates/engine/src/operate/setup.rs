//! Runs phases of a deployment's set-up again: all of them, or some.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hostler_core::demand::request_phase;
use hostler_core::plan::{Action, PhaseSelection, Plan};
use hostler_core::setup::{PeerAccess, PhaseKind, SetupRequest};
use secrecy::SecretString;

use super::resume::{Run, RunOptions};
use super::up::local_inputs;
use super::{Locked, Mode, OperateError, Operator, Requested, UpResult};
use crate::deploy::OnFailure;
use crate::run::{Interrupts, unless_interrupted};
use crate::store::Record;

/// The phases to run.
#[derive(Debug, Clone)]
pub struct SetupRun {
    /// The deployment.
    pub name: String,
    /// Phases to add to those of the demand, as `NAME` or `NAME=VALUE`.
    pub phases: Vec<String>,
    /// Only these phases; all if empty. One that the demand lacks is added.
    pub only: Vec<PhaseKind>,
    /// The phases that are run.
    pub selection: PhaseSelection,
    /// The values of the demand's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// Limit for each machine until it can be logged in to.
    pub ssh_timeout: Duration,
    /// Apply or dry run.
    pub mode: Mode,
}

impl Operator {
    /// Runs phases of a deployment's set-up.
    ///
    /// # Errors
    /// If the deployment has no machines or no such phase, or a phase fails.
    pub async fn set_up(&self, run: &SetupRun, interrupts: &Interrupts) -> Result<UpResult, OperateError> {
        let (_, record) = self.deployment(&run.name).await?;
        let mut requested = unless_interrupted(interrupts, self.live_demand(record.clone())).await?;
        add_phases(&mut requested.demand.workload.phases, run)?;
        if run.mode == Mode::DryRun {
            return self.set_up_plan(&record, &requested, run).map(|plan| UpResult::Planned(Box::new(plan)));
        }
        let Locked { store, record, lock } = self.locked(&run.name).await?;
        let plan = self.set_up_plan(&record, &requested, run)?;
        let workload = &requested.demand.workload;
        let local_inputs = local_inputs(workload, &requested, &run.secrets, requested.checkout_dir())?;
        let options = RunOptions { ssh_timeout: run.ssh_timeout, on_failure: OnFailure::RollBack };
        let drive = Run { operator: self, store, _lock: lock };
        let summary = drive.up(&plan, Some(&record), &local_inputs, options, interrupts).await?;
        Ok(UpResult::Ready(Box::new(summary)))
    }

    fn set_up_plan(&self, record: &Record, requested: &Requested, run: &SetupRun) -> Result<Plan, OperateError> {
        let deployment = || record.name.clone();
        if record.plan.has_no_machines() {
            let planned = !record.plan.picks.is_empty();
            return Err(OperateError::NoMachines { deployment: deployment(), planned });
        }
        let reworked = record.plan.rework(&requested.demand, (self.now)());
        let whole =
            reworked.map_err(|changes| OperateError::NeedsOtherMachines { deployment: deployment(), changes })?;
        whole.check_drivers()?;
        let plan = whole.clone().with_phases(run.selection.clone());
        let phases = phases(&plan);
        let missing = run.only.iter().find(|kind| **kind != PhaseKind::WaitSsh && !phases.contains(kind));
        if let Some(phase) = missing {
            let phases = self::phases(&whole).into_iter().collect();
            return Err(OperateError::UnknownPhase { deployment: deployment(), phase: *phase, phases });
        }
        if phases.is_empty() && !run.only.contains(&PhaseKind::WaitSsh) {
            return Err(OperateError::NoPhase { deployment: deployment() });
        }
        Ok(plan)
    }
}

/// Adds the requested phases. A selected phase that the demand lacks is added with its defaults.
fn add_phases(request: &mut SetupRequest, run: &SetupRun) -> Result<(), OperateError> {
    for text in &run.phases {
        request_phase(request, text).map_err(OperateError::BadPhase)?;
    }
    for kind in &run.only {
        let name = match kind {
            PhaseKind::Interpreter if request.interpreter.is_none() => "python",
            PhaseKind::System if request.system.is_none() => "system",
            PhaseKind::Conda if request.conda.is_none() => "conda",
            PhaseKind::Docker if request.docker.is_none() => "docker",
            PhaseKind::Gpu if request.gpu.is_off() => "gpu",
            PhaseKind::PeerNames | PhaseKind::PeerSsh if request.peers == PeerAccess::Off => {
                request.peers = PeerAccess::On;
                continue;
            }
            PhaseKind::Ray | PhaseKind::RayStart | PhaseKind::RayStatus if request.ray.is_none() => "ray",
            // Requested already.
            PhaseKind::Interpreter
            | PhaseKind::System
            | PhaseKind::Conda
            | PhaseKind::Docker
            | PhaseKind::Gpu
            | PhaseKind::PeerNames
            | PhaseKind::PeerSsh
            | PhaseKind::Ray
            | PhaseKind::RayStart
            | PhaseKind::RayStatus => continue,
            // No name requests these: they follow from the machine, from other requests or from the user's scripts.
            PhaseKind::WaitSsh
            | PhaseKind::Verify
            | PhaseKind::Packages
            | PhaseKind::Custom
            | PhaseKind::Source
            | PhaseKind::Python
            | PhaseKind::Image
            | PhaseKind::Setup
            | PhaseKind::Check
            | PhaseKind::Run => continue,
        };
        request_phase(request, name).map_err(OperateError::BadPhase)?;
    }
    Ok(())
}

fn phases(plan: &Plan) -> BTreeSet<PhaseKind> {
    let kind = |action: &Action| match action {
        Action::SetUp { phase, .. } => Some(phase.kind()),
        _ => None,
    };
    plan.steps.iter().filter_map(|step| kind(&step.action)).collect()
}
