//! How a drive ended.

use hostler_core::journal::{Failure, Left};
use hostler_core::ticket::StepId;
use serde::Serialize;

/// How a drive ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every machine is there and set up.
    Ready {
        /// The runs of the user's own script that failed.
        failed_runs: Vec<FailedStep>,
    },
    /// It could not be had; nothing is left.
    RolledBack {
        /// Whether the user, or the system, had it stopped.
        interrupted: bool,
        /// What failed.
        failed: Vec<FailedStep>,
    },
    /// It was given back, as asked; nothing is left.
    Released,
    /// It can't go on by itself.
    Stuck {
        /// What failed.
        failed: Vec<FailedStep>,
        /// What is left, and where.
        left: Vec<Left>,
    },
    /// It was stopped at the user's word, and not given back.
    Interrupted {
        /// What is left, and where.
        left: Vec<Left>,
    },
}

/// A step that failed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedStep {
    /// Which.
    pub step: StepId,
    /// How.
    pub failure: Failure,
}
