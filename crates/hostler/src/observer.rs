//! The terminal as an observer of operations: progress of runs, and notices.

use std::sync::Arc;

use hostler_core::demand::render_with;
use hostler_engine::event::{Notice, Observer, Report, RunStart};
use jiff::Timestamp;

use crate::args::Events;
use crate::args::as_flag;
use crate::printer::Printer;
use crate::report;
use crate::view::plural;

/// Shows events and notices on standard error.
pub struct Terminal {
    /// The only writer to the terminal.
    pub printer: Arc<Printer>,
    /// Format of progress.
    pub events: Events,
    /// The time.
    pub now: fn() -> Timestamp,
}

impl Observer for Terminal {
    fn begin(&self, run: &RunStart<'_>) -> Box<dyn Report> {
        report::of(self.events, &self.printer, run.plan, run.journal, self.now)
    }

    fn notice(&self, notice: &Notice) {
        self.printer.say(&text(notice));
    }
}

fn text(notice: &Notice) -> String {
    match notice {
        Notice::Ignored { problems } => render_with(problems, as_flag),
        Notice::Unreachable { site, reason } => format!("note: `{site}` did not answer: {reason}"),
        Notice::Emulated { site } => {
            format!("note: machines at `{site}` are emulated, which is slow; `hostler check` says why")
        }
        Notice::Unreadable { reason } => format!("warning: {reason}"),
        Notice::UnreadableAudit { lines } => {
            format!("warning: {} of the audit trail can't be read", plural(*lines, "line"))
        }
        Notice::Replanning { reason } => format!("note: {reason}; planning again without it"),
        Notice::FinishingDown { deployment } => {
            format!("note: finishing the interrupted `hostler down` of `{deployment}` first")
        }
        Notice::EndUnchanged { deployment } => {
            format!("note: the end of `{deployment}` is unchanged; `hostler extend {deployment}` changes it")
        }
        Notice::AlreadyDown { deployment } => format!("{deployment} is already down"),
        Notice::Busy { deployment } => {
            format!("note: `{deployment}` was skipped: another hostler process is changing it")
        }
        Notice::LeaseInUse { deployment } => {
            format!("warning: the machines of `{deployment}` use this lease and are deleted with it")
        }
        Notice::NoSshConfig { deployment, reason } => {
            format!("warning: the SSH configuration of `{deployment}` could not be written: {reason}")
        }
        Notice::Progress { text } => text.clone(),
    }
}
