//! The state of a deployment, read off its journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Goal, Journal, Next, StepStatus};
use crate::plan::{Action, Plan};

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Things are being made.
    Launching,
    /// Machines are there, and being set up.
    SettingUp,
    /// All is done.
    Ready,
    /// Its machines are shut down, their disks kept.
    Stopped,
    /// Everything is being given back after a failure.
    RollingBack,
    /// Everything is being given back, as asked.
    GoingDown,
    /// Everything was given back after a failure.
    RolledBack,
    /// Everything was given back, as asked.
    Down,
    /// It can't go on by itself, and something is left.
    Stuck,
}

impl DeploymentState {
    /// Whether nothing of it is left anywhere.
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
            Self::GoingDown => "releasing",
            Self::RolledBack => "rolled back",
            Self::Down => "released",
            Self::Stuck => "stuck",
        })
    }
}

impl Journal {
    /// The state that the entries add up to. A deployment on its way whose process is gone looks like one whose process
    /// is at work: the lock tells the two apart.
    pub fn state(&self, plan: &Plan) -> DeploymentState {
        match self.next(plan, &Default::default()) {
            Next::Stuck(_) => DeploymentState::Stuck,
            Next::RolledBack => DeploymentState::RolledBack,
            Next::Down => DeploymentState::Down,
            Next::Undo(_) if self.goal == Goal::Down => DeploymentState::GoingDown,
            Next::Undo(_) | Next::RollBack => DeploymentState::RollingBack,
            _ if self.all_off(plan) => DeploymentState::Stopped,
            // A round that left phases out has not made anything ready that wasn't.
            Next::Ready(_) if plan.is_partial() && !self.ready => DeploymentState::SettingUp,
            Next::Ready(_) => DeploymentState::Ready,
            Next::Run(_) | Next::Wait if self.all_made(plan) => DeploymentState::SettingUp,
            Next::Run(_) | Next::Wait => DeploymentState::Launching,
        }
    }

    fn all_off(&self, plan: &Plan) -> bool {
        let mut machines = plan.machines().peekable();
        machines.peek().is_some() && machines.all(|(step, _)| self.off.contains(&step.id))
    }

    fn all_made(&self, plan: &Plan) -> bool {
        plan.steps
            .iter()
            .filter(|step| matches!(step.action, Action::Create(_)))
            .all(|step| matches!(self.steps.get(&step.id), Some(StepStatus::Done(_))))
    }
}
