//! The state of a deployment, read off its journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Goal, Journal, Next, Progress};
use crate::plan::{Action, Plan};

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
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
    Releasing,
    /// Everything was given back after a failure.
    RolledBack,
    /// Everything was given back, as asked.
    Released,
    /// It can't go on by itself, and something is left.
    Stuck,
}

impl State {
    /// Whether nothing of it is left anywhere.
    pub fn is_over(self) -> bool {
        matches!(self, Self::RolledBack | Self::Released)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Launching => "launching",
            Self::SettingUp => "setting up",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::RollingBack => "rolling back",
            Self::Releasing => "releasing",
            Self::RolledBack => "rolled back",
            Self::Released => "released",
            Self::Stuck => "stuck",
        })
    }
}

impl Journal {
    /// The state that the entries add up to. A deployment on its way whose process is gone looks like one whose process
    /// is at work: the lock tells the two apart.
    pub fn state(&self, plan: &Plan) -> State {
        match self.next(plan, &Default::default()) {
            Next::Stuck(_) => State::Stuck,
            Next::RolledBack => State::RolledBack,
            Next::Released => State::Released,
            Next::Undo(_) if self.goal == Goal::Down => State::Releasing,
            Next::Undo(_) | Next::TurnBack => State::RollingBack,
            _ if self.all_off(plan) => State::Stopped,
            // A round that left phases out has not made anything ready that wasn't.
            Next::Ready(_) if plan.is_in_part() && !self.ready => State::SettingUp,
            Next::Ready(_) => State::Ready,
            Next::Run(_) | Next::Wait if self.all_made(plan) => State::SettingUp,
            Next::Run(_) | Next::Wait => State::Launching,
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
            .all(|step| matches!(self.steps.get(&step.id), Some(Progress::Done(_))))
    }
}
