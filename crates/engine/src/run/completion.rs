//! Results of steps, as their futures report them to the run.

use futures::future::BoxFuture;
use hostler_core::journal::Failure;
use hostler_core::plan::Step;
use hostler_core::ports::Created;
use hostler_core::ticket::StepId;

use crate::event::Performed;

/// The work of a step. It borrows nothing from the run, so that many steps proceed at the same time.
pub(super) type StepFuture<'s> = BoxFuture<'s, CompletedStep>;

/// A step that has ended, or whose undo has ended.
pub(super) struct CompletedStep {
    pub(super) step: StepId,
    pub(super) result: StepResult,
}

impl CompletedStep {
    pub(super) fn new(step: &Step, result: StepResult) -> Self {
        Self { step: step.id.clone(), result }
    }
}

pub(super) enum StepResult {
    Done {
        created: Option<Created>,
        how: Performed,
    },
    /// The first login to a machine succeeded.
    LoggedIn {
        host_key: String,
        /// True if the machine was shut down and had to be started.
        started: bool,
    },
    /// The session with the machine was dropped, because its result is no longer needed.
    Cancelled,
    Failed(Failure),
    Undone,
    UndoFailed(Failure),
}
