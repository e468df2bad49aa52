//! Outcomes of runs.

use hostler_core::journal::{Failure, RemainingResource};
use hostler_core::ticket::StepId;
use serde::Serialize;

/// Outcome of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every machine is set up.
    Ready {
        /// The user runs that failed.
        failed_runs: Vec<FailedStep>,
    },
    /// A failure or an interrupt made the run delete everything. No resource remains.
    RolledBack {
        /// True if the user or the system interrupted the run.
        interrupted: bool,
        /// The steps that failed.
        failed: Vec<FailedStep>,
    },
    /// The deployment was brought down as requested. No resource remains.
    Down,
    /// The deployment can't proceed by itself.
    Stuck {
        /// The steps that failed.
        failed: Vec<FailedStep>,
        /// The resources that exist or may exist.
        left: Vec<RemainingResource>,
    },
    /// The user interrupted the run, and its resources remain.
    Interrupted {
        /// The resources that exist or may exist.
        left: Vec<RemainingResource>,
    },
}

/// A step that failed, or whose undo failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedStep {
    /// The step.
    pub step: StepId,
    /// The reason.
    pub failure: Failure,
}
