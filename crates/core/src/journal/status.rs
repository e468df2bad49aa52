//! Status of a step.

use super::entry::Failure;
use crate::ports::Created;

/// Status of a step that has been started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStatus {
    /// Announced. The outcome is not known yet, or was lost with the process that ran the step.
    Started,
    /// Done, with the created resource; `None` if the step creates none.
    Done(Option<Created>),
    /// Failed in this round. Its resource may exist all the same.
    Failed(Failure),
    /// Its resource is being deleted, after this many failed attempts in this round.
    Undoing(u32),
    /// Its resource is deleted.
    Undone,
    /// Its resource could not be deleted, in this many attempts of this round.
    UndoFailed(Failure, u32),
}
