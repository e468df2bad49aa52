//! Events of runs: one stream that feeds the terminal, the JSON lines and the logs.

use hostler_core::demand::diagnostic::Diagnostic;
use hostler_core::journal::Journal;
use hostler_core::name::{Name, SiteId};
use hostler_core::plan::Plan;
use hostler_core::ticket::StepId;
use serde::Serialize;

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An entry of the journal is on disk.
    Journaled {
        /// The deployment.
        deployment: Name,
        /// The entry's number, from 1.
        number: u64,
    },
    /// A step started.
    Started {
        /// The step.
        step: StepId,
        /// Its title, such as `create network at local`.
        title: String,
    },
    /// Progress of a step.
    Progress {
        /// The step.
        step: StepId,
        /// A line for the user, such as `waiting for the SSH banner`.
        text: String,
    },
    /// A line of output of a program on a machine.
    Output {
        /// The step.
        step: StepId,
        /// The machine's name.
        machine: String,
        /// The line, without its end.
        line: String,
    },
    /// A step is done.
    Done {
        /// The step.
        step: StepId,
        /// Its effect.
        how: Performed,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: StepId,
        /// The failure, with its causes.
        error: String,
    },
    /// The deletion of a resource starts.
    Undoing {
        /// The step that created it.
        step: StepId,
    },
    /// A resource was deleted.
    Undone {
        /// The step that created it.
        step: StepId,
    },
    /// A resource could not be deleted.
    UndoFailed {
        /// The step that created it.
        step: StepId,
        /// The failure, with its causes.
        error: String,
    },
    /// A remark for the user that is neither progress nor failure.
    Note {
        /// The remark.
        text: String,
    },
}

/// Effect of a step that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Performed {
    /// The step changed the site or the machine.
    Now,
    /// The machine was in the requested state already.
    Already,
    /// The machine does not need it: it has no GPU, or no peers.
    NotNeeded,
}

/// Receives the events of a run. Implementations must not block.
pub trait Report: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);
}

/// Discards every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscardEvents;

impl Report for DiscardEvents {
    fn report(&self, _: &Event) {}
}

/// A front end's view of operations: it receives the events of every run, and notices outside of runs.
pub trait Observer: Send + Sync {
    /// A run of a deployment begins. Its events go to the returned report, which is dropped when the run ends.
    fn begin(&self, run: &RunStart<'_>) -> Box<dyn Report>;

    /// Receives a notice. Must not block.
    fn notice(&self, notice: &Notice);
}

/// The state of a deployment when a run begins.
#[derive(Debug, Clone, Copy)]
pub struct RunStart<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The journal so far, with the run's goal applied.
    pub journal: &'a Journal,
}

/// A remark for the user that is neither an event of a run nor the result of the operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// Keys of a demand file that have no effect.
    Ignored {
        /// One problem per key.
        problems: Vec<Diagnostic>,
    },
    /// A site did not answer; the operation continues without it.
    Unreachable {
        /// The site.
        site: SiteId,
        /// The reason.
        reason: String,
    },
    /// Machines of this site are emulated, which is slow.
    Emulated {
        /// The site.
        site: SiteId,
    },
    /// The record of a live deployment cannot be read.
    Unreadable {
        /// The reason.
        reason: String,
    },
    /// Lines of the audit trail cannot be read.
    UnreadableAudit {
        /// The number of lines.
        lines: usize,
    },
    /// The site refused part of a plan; planning again without that offer.
    Replanning {
        /// The site's reason.
        reason: String,
    },
    /// A deployment of the same name is half deleted; its deletion is finished first.
    FinishingDown {
        /// The deployment.
        deployment: Name,
    },
    /// The demand requests another duration, which does not change the end of a live deployment.
    EndUnchanged {
        /// The deployment.
        deployment: Name,
    },
    /// The deployment is down already.
    AlreadyDown {
        /// The deployment.
        deployment: Name,
    },
    /// Another process is changing an expired deployment, which the sweep skips.
    Busy {
        /// The deployment.
        deployment: Name,
    },
    /// Machines of another deployment use the lease that is about to be deleted, and are deleted with it.
    LeaseInUse {
        /// The other deployment.
        deployment: Name,
    },
    /// The file with the SSH configuration of a deployment could not be written.
    NoSshConfig {
        /// The deployment.
        deployment: Name,
        /// The reason.
        reason: String,
    },
    /// Progress outside of a run.
    Progress {
        /// The text.
        text: String,
    },
}

/// Discards every event and notice.
impl Observer for DiscardEvents {
    fn begin(&self, _: &RunStart<'_>) -> Box<dyn Report> {
        Box::new(Self)
    }

    fn notice(&self, _: &Notice) {}
}
