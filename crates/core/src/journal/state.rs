//! The state of a deployment, derived from its journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Goal, Journal, Next, StepStatus};
use crate::plan::{Action, Plan};

/// State of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Resources are being created.
    Launching,
    /// All resources exist, and the machines are being set up.
    SettingUp,
    /// Every step is done.
    Ready,
    /// Its machines are shut down; their disks are kept.
    Stopped,
    /// Its resources are being deleted after a failure or an interrupt.
    RollingBack,
    /// Its resources are being deleted on request.
    GoingDown,
    /// All resources were deleted after a failure or an interrupt.
    RolledBack,
    /// All resources were deleted on request.
    Down,
    /// It cannot proceed by itself, and resources may remain.
    Stuck,
}

impl DeploymentState {
    /// True if no resource of the deployment remains.
    pub fn is_over(self) -> bool {
        matches!(self, Self::RolledBack | Self::Down)
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Launching => "launching",
            Self::SettingUp => "setting up",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::RollingBack => "rolling back",
            Self::GoingDown => "going down",
            Self::RolledBack => "rolled back",
            Self::Down => "down",
            Self::Stuck => "stuck",
        })
    }
}

impl Journal {
    /// State of the deployment. The journal alone cannot tell an interrupted deployment from one that a process works on:
    /// the lock tells them apart.
    pub fn state(&self, plan: &Plan) -> DeploymentState {
        match self.next(plan, &Default::default()) {
            Next::Stuck(_) => DeploymentState::Stuck,
            Next::RolledBack => DeploymentState::RolledBack,
            Next::Down => DeploymentState::Down,
            Next::Undo(_) if *self.goal() == Goal::Down => DeploymentState::GoingDown,
            Next::Undo(_) | Next::RollBack => DeploymentState::RollingBack,
            _ if self.all_off(plan) => DeploymentState::Stopped,
            // A partial round cannot make the deployment ready.
            Next::Ready(_) if plan.is_partial() && !self.ready => DeploymentState::SettingUp,
            Next::Ready(_) => DeploymentState::Ready,
            Next::Run(_) | Next::Wait if self.all_created(plan) => DeploymentState::SettingUp,
            Next::Run(_) | Next::Wait => DeploymentState::Launching,
        }
    }

    fn all_off(&self, plan: &Plan) -> bool {
        let mut machines = plan.machines().peekable();
        machines.peek().is_some() && machines.all(|(step, _)| self.off.contains(&step.id))
    }

    fn all_created(&self, plan: &Plan) -> bool {
        plan.steps
            .iter()
            .filter(|step| matches!(step.action, Action::Create(_)))
            .all(|step| matches!(self.steps.get(&step.id), Some(StepStatus::Done(_))))
    }
}
