//! Questions to the user on the terminal.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hostler_core::money::Money;
use hostler_engine::operate::{Answer, Ask, FileDeletions, Proposal};
use jiff::Timestamp;

use crate::error::Error;
use crate::printer::Printer;
use crate::script::Commands;
use crate::view;

/// Maximum number of file names to show per machine.
const NAMES: usize = 20;

/// Shows proposals on standard error, and asks unless `--yes` was given. Off a terminal the answer is [`Answer::Unavailable`].
pub struct Prompt {
    /// The only writer to the terminal.
    pub printer: Arc<Printer>,
    /// True with `--yes`.
    pub yes: bool,
    /// The time.
    pub now: fn() -> Timestamp,
    /// Prints client commands of a plan, if requested.
    pub commands: Option<Commands>,
    /// The error that prevented printing them. The operation is cancelled then.
    pub failure: Mutex<Option<Error>>,
    /// Notes about settings that local machines inherit, shown before a plan.
    pub notes: Vec<String>,
}

#[async_trait]
impl Ask for Prompt {
    async fn agree(&self, proposal: &Proposal<'_>) -> Answer {
        if let (Proposal::Plan(plan), Some(commands)) = (proposal, &self.commands)
            && let Err(error) = commands.output(plan)
        {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return Answer::No;
        }
        let Some(question) = self.show(proposal) else { return Answer::Yes };
        if self.yes {
            return Answer::Yes;
        }
        if !self.printer.can_ask {
            return Answer::Unavailable;
        }
        let printer = Arc::clone(&self.printer);
        // Reading blocks, and an interrupt must be able to end the question.
        match tokio::task::spawn_blocking(move || printer.confirm(&question)).await {
            Ok(true) => Answer::Yes,
            Ok(false) | Err(_) => Answer::No,
        }
    }
}

impl Prompt {
    /// The result of an operation, or the error that prevented the question.
    pub fn settle<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => result,
        }
    }

    /// Shows a proposal; `None` if it needs no consent.
    fn show(&self, proposal: &Proposal<'_>) -> Option<String> {
        match proposal {
            Proposal::Plan(plan) => {
                self.notes.iter().for_each(|note| self.printer.say(&format!("note: {note}")));
                self.printer.say(&view::brief(plan, (self.now)(), self.printer.error_width));
                if plan.price_per_hour == Some(Money::ZERO) {
                    return None;
                }
                Some(if plan.has_no_machines() { "Create this?" } else { "Launch these machines?" }.to_owned())
            }
            Proposal::Create { kind, .. } => Some(format!("Create this {kind}? It may cost money.")),
            Proposal::Down(left) => {
                let left: Vec<_> = left.iter().map(|it| (it.deployment.to_string(), it.left.clone())).collect();
                self.printer.say(&view::deletions(&left, self.printer.error_width));
                Some(format!("Delete {}?", view::plural(left.len(), "deployment")))
            }
            Proposal::Sweep { .. } => Some("Delete all of this?".to_owned()),
            Proposal::DeleteFiles(deletions) => {
                self.printer.say(&files(deletions));
                Some("Delete these files?".to_owned())
            }
        }
    }
}

fn files(deletions: &[FileDeletions]) -> String {
    let mut out = String::new();
    for FileDeletions { machine, names } in deletions {
        out.push_str(&format!("{machine}: {} would be deleted\n", view::plural(names.len(), "file")));
        for name in names.iter().take(NAMES) {
            out.push_str(&format!("  {}\n", name.escape_default()));
        }
        if names.len() > NAMES {
            out.push_str(&format!("  and {} more\n", names.len() - NAMES));
        }
    }
    out
}
