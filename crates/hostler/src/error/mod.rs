//! What goes wrong, for the user's eyes and for scripts: a kind, a message, its causes, details, and hints.

mod exit;
mod from;

use hostler_core::demand::problem::Problem;
use hostler_core::journal::Left;
use hostler_core::name::Name;
use hostler_core::plan::NoPlan;
use hostler_engine::run::FailedStep;
use serde_json::{Value, json};

pub use exit::{Exit, Kind, tables};

/// An error on its way to the user.
#[derive(Debug)]
pub struct Error {
    /// What kind of thing went wrong: it decides the exit code.
    pub kind: Kind,
    /// What failed, and where: a lower-case fragment with names in backticks.
    pub message: String,
    /// The errors behind it, the nearest first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// What more there is to show.
    pub details: Box<Details>,
}

/// What more there is to show than a message.
#[derive(Debug, Default)]
pub enum Details {
    /// Nothing.
    #[default]
    None,
    /// Everything that is wrong with something the user wrote.
    Problems(Vec<Problem>),
    /// Why no offer serves the demand.
    NoPlan(Box<NoPlan>),
    /// The steps that failed, and what is left.
    Remains {
        /// The steps that failed.
        failed: Vec<FailedStep>,
        /// What is, or may be, still at a site.
        left: Vec<Left>,
    },
    /// What came of several deployments that were to be given back.
    Each {
        /// Those that were.
        released: Vec<Name>,
        /// Those that were not, and why.
        failed: Vec<(Name, Error)>,
    },
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hints: Vec::new(), details: Box::default() }
    }

    /// An error of a kind whose message and causes are those of another.
    pub fn of(kind: Kind, error: &dyn std::error::Error) -> Self {
        Self { causes: chain(error.source()), ..Self::new(kind, error.to_string()) }
    }

    /// The same, with the error behind it, and those behind that one.
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        self.causes.extend(chain(Some(error)));
        self
    }

    /// The same, with something to do about it.
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same, with something to do about it where there is something.
    pub fn maybe_hinted(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// The same, with more to show.
    pub fn detailed(self, details: Details) -> Self {
        Self { details: Box::new(details), ..self }
    }

    /// The same, and another that came after it: its message and causes are told too.
    pub fn and(mut self, other: Self) -> Self {
        self.causes.push(other.message);
        self.causes.extend(other.causes);
        self.hints.extend(other.hints);
        self.hints.dedup();
        self
    }

    /// What failed, and why, for a warning.
    pub fn in_one_line(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).map(String::as_str).collect::<Vec<_>>().join(": ")
    }

    /// The JSON document that says it.
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
                error["failed"] = json!(failed);
                error["left"] = json!(left);
            }
            Details::Each { released, failed } => {
                error["released"] = json!(released);
                error["errors"] = failed.iter().map(|(name, error)| of_one(name, error)).collect();
            }
        }
        json!({ "error": error })
    }
}

/// The same fields as an error's own, and whose it is.
fn of_one(name: &Name, error: &Error) -> Value {
    let mut value = error.to_json()["error"].take();
    value["name"] = json!(name);
    value
}

/// The messages of an error and of all those behind it. One that only repeats what was said is left out: some
/// libraries show their source in their own text.
fn chain<'e>(first: Option<&'e (dyn std::error::Error + 'e)>) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let mut next = first;
    while let Some(error) = next {
        let text = error.to_string();
        if !text.is_empty() && !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_chain_is_kept_and_nothing_is_said_twice() {
        let disk = std::io::Error::other("no space left on device");
        let outer = std::io::Error::other(disk);
        let error = Error::new(Kind::System, "`/x` can't be written").caused_by(&outer).hinted("make room");
        assert_eq!(error.causes, ["no space left on device"]);
        assert_eq!(error.to_json()["error"]["exit_code"], 2);
        assert_eq!(error.to_json()["error"]["hints"][0], "make room");
    }
}
