//! Errors for users and scripts: kind, message, causes, details and hints.

mod exit;
mod from;

use std::io;
use std::path::Path;

use hostler_core::demand::diagnostic::Diagnostic;
use hostler_core::journal::RemainingResource;
use hostler_core::name::Name;
use hostler_core::plan::NoPlan;
use hostler_engine::run::FailedStep;
use serde_json::{Value, json};

pub use exit::{ErrorKind, Exit, tables};

/// An error to show to the user.
#[derive(Debug)]
pub struct Error {
    /// The kind, which decides the exit code.
    pub kind: ErrorKind,
    /// The failure and its place: a lower-case fragment, with names in backticks.
    pub message: String,
    /// Messages of the source errors, the nearest first.
    pub causes: Vec<String>,
    /// Suggested commands or changes.
    pub hints: Vec<String>,
    /// Structured details.
    pub details: Box<Details>,
}

/// Structured details of an error.
#[derive(Debug, Default)]
pub enum Details {
    /// No details.
    #[default]
    None,
    /// All problems of a file or option that the user wrote.
    Problems(Vec<Diagnostic>),
    /// Unmet requirements of every offer.
    NoPlan(Box<NoPlan>),
    /// Failed steps and remaining resources.
    Remains {
        /// Failed steps.
        failed: Vec<FailedStep>,
        /// Resources that exist, or may exist, at a site.
        left: Vec<RemainingResource>,
    },
    /// Results of bringing down several deployments.
    Each {
        /// Deployments that are down.
        down: Vec<Name>,
        /// Deployments that are not, each with its error.
        failed: Vec<(Name, Error)>,
    },
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hints: Vec::new(), details: Box::default() }
    }

    /// An error of a kind, with the message and sources of another error.
    pub fn of(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        Self { causes: chain(error.source()), ..Self::new(kind, error.to_string()) }
    }

    /// The error for a file or directory that can't be read.
    pub fn unreadable(kind: ErrorKind, path: &Path, error: &io::Error) -> Self {
        Self::new(kind, format!("`{}` can't be read", path.display())).caused_by(error)
    }

    /// The error for a file that can't be written.
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::new(ErrorKind::System, format!("`{}` can't be written", path.display())).caused_by(error)
    }

    /// Adds a source error and its own sources.
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        self.causes.extend(chain(Some(error)));
        self
    }

    /// Adds a hint.
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint, if any.
    pub fn maybe_hinted(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// Sets the details.
    pub fn detailed(self, details: Details) -> Self {
        Self { details: Box::new(details), ..self }
    }

    /// Adds a later error: its message and causes become causes of this one.
    pub fn and(mut self, other: Self) -> Self {
        self.causes.push(other.message);
        self.causes.extend(other.causes);
        self.hints.extend(other.hints);
        self.hints.dedup();
        self
    }

    /// Message and causes on one line, for a warning.
    pub fn in_one_line(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).map(String::as_str).collect::<Vec<_>>().join(": ")
    }

    /// The JSON document of the error.
    pub fn to_json(&self) -> Value {
        let mut error = json!({
            "kind": self.kind,
            "message": self.message,
            "causes": self.causes,
            "hints": self.hints,
            "exit_code": self.kind.exit().code(),
        });
        match &*self.details {
            Details::None => {}
            Details::Problems(problems) => error["problems"] = json!(problems),
            Details::NoPlan(no_plan) => error["no_offer"] = json!(no_plan),
            Details::Remains { failed, left } => {
                error["failed"] = json!(distinct(failed));
                error["remaining"] = json!(left);
            }
            Details::Each { down, failed } => {
                error["down"] = json!(down);
                error["errors"] = failed.iter().map(|(name, error)| named(name, error)).collect();
            }
        }
        json!({ "error": error })
    }
}

/// The failures without repetitions: a retried step may have failed in the same way each time.
pub fn distinct(failed: &[FailedStep]) -> Vec<&FailedStep> {
    let first = failed.iter().enumerate().filter(|(index, step)| !failed[..*index].contains(step));
    first.map(|(_, step)| step).collect()
}

/// The fields of an error, with the name of its deployment.
fn named(name: &Name, error: &Error) -> Value {
    let mut value = error.to_json()["error"].take();
    value["name"] = json!(name);
    value
}

/// Messages of an error and its sources. A message that an earlier one contains is skipped: some libraries include the
/// source in their own text.
fn chain<'e>(first: Option<&'e (dyn std::error::Error + 'e)>) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut next = first;
    while let Some(error) = next {
        let text = error.to_string();
        if !text.is_empty() && !messages.iter().any(|earlier| earlier.contains(&text)) {
            messages.push(text);
        }
        next = error.source();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_contain_each_message_of_the_chain_once() {
        let disk = io::Error::other("no space left on device");
        let outer = io::Error::other(disk);
        let error = Error::new(ErrorKind::System, "`/x` can't be written").caused_by(&outer).hinted("make room");
        assert_eq!(error.causes, ["no space left on device"]);
        assert_eq!(error.to_json()["error"]["exit_code"], 2);
        assert_eq!(error.to_json()["error"]["hints"][0], "make room");
    }
}
