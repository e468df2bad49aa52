//! Suggestions of a language model, checked against facts and limits.
//!
//! A model may be queried about four decisions: the requirements of a repository ([`requirements`]), the image to boot
//! ([`image`]), the node type ([`node_type`]), and the length of the lease ([`duration`]). Each has a function here
//! that takes the model's answer, if any, and returns an [`AdvisedDecision`]. A rule decides if no model was queried,
//! it did not answer, or its answer is invalid.
//!
//! * An answer is parsed as strictly as a file: one JSON object, alone or in one fenced block, with known keys and
//!   values of the right type. An invalid answer is ignored as a whole.
//! * Each value is then checked against the facts, which are the offers of the market, and the limits. An invalid
//!   value is rejected with a reason; the other values still count.
//! * A rule with evidence, from a file of the repository or from the user, can't be overruled.
//!
//! Every decision is therefore the rule's own, or within facts and limits. The author of a repository can influence a
//! model's answer, so an answer must never cost more than the rule would have allowed.

mod answer;
mod duration;
mod image;
#[cfg(test)]
mod laws;
mod node_type;
mod reason;
mod requirements;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use answer::BadAnswer;
pub use duration::duration;
pub use image::image;
pub use node_type::{NodeTypeChoice, NodeTypeQuery, node_type};
pub use reason::RejectionReason;
pub use requirements::{InferredRequirements, requirements};

use answer::plain;

use crate::demand::Budget;
use crate::size::Bytes;

/// A model's answer, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAnswer<'a> {
    /// No model was queried.
    NotQueried,
    /// The model did not answer, for this reason.
    Unavailable(&'a str),
    /// Text of the answer.
    Text(&'a str),
}

/// Limits on the values of an answer. They do not apply to the rule's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerLimits {
    /// Maximum number of machines.
    pub machines: NonZeroU32,
    /// Maximum number of CPUs of each machine.
    pub cpus: u32,
    /// Maximum memory of each machine.
    pub memory: Bytes,
    /// Maximum disk size of each machine.
    pub disk: Bytes,
    /// Maximum number of GPUs of each machine.
    pub gpus: u32,
    /// Maximum length of the lease.
    pub duration: SignedDuration,
    /// The demand's own budget.
    pub budget: Budget,
}

impl Default for AnswerLimits {
    /// One machine for a day, half as large as a typical testbed node.
    fn default() -> Self {
        Self {
            machines: NonZeroU32::MIN,
            cpus: 32,
            memory: Bytes::gib(128),
            disk: Bytes::gib(500),
            gpus: 2,
            duration: SignedDuration::from_hours(24),
            budget: Budget::default(),
        }
    }
}

/// A decision with its derivation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdvisedDecision<T> {
    /// The decision.
    pub choice: T,
    /// The rule's choice without the model.
    pub rule: T,
    /// Values of the answer that were used.
    pub accepted: Vec<AcceptedField>,
    /// Values of the answer that were not used, with reasons.
    pub rejected: Vec<RejectedField>,
    /// The model's explanation, for display only.
    pub reason: Option<String>,
}

/// A value of an answer that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedField {
    /// Key in the answer.
    pub key: &'static str,
    /// Value as text.
    pub value: String,
}

/// A value of an answer that was not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedField {
    /// Key in the answer; `None` for the answer as a whole.
    pub key: Option<&'static str>,
    /// Value as text, shortened.
    pub value: String,
    /// Reason of the rejection.
    pub reason: RejectionReason,
}

impl fmt::Display for AcceptedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` = `{}` is accepted", self.key, self.value)
    }
}

impl fmt::Display for RejectedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) => write!(f, "`{key}` = `{}` is rejected: {}", self.value, self.reason),
            None => write!(f, "the answer is rejected: {}", self.reason),
        }
    }
}

impl<T: Clone> AdvisedDecision<T> {
    /// Starts with the rule's choice.
    fn by_rule(rule: T) -> Self {
        Self { choice: rule.clone(), rule, accepted: Vec::new(), rejected: Vec::new(), reason: None }
    }

    /// Parses the answer. Returns the default, and records the reason, if there is no valid answer.
    fn parse_answer<S: DeserializeOwned + Default>(&mut self, answer: ModelAnswer<'_>) -> S {
        let (text, reason) = match answer {
            ModelAnswer::NotQueried => return S::default(),
            ModelAnswer::Unavailable(reason) => ("", RejectionReason::NoAnswer(plain(reason))),
            ModelAnswer::Text(text) => match answer::read(text) {
                Ok(answer) => return answer,
                Err(bad) => (text, RejectionReason::Unreadable(bad)),
            },
        };
        self.rejected.push(RejectedField { key: None, value: plain(text), reason });
        S::default()
    }

    fn accept(&mut self, key: &'static str, value: impl fmt::Display, choice: T) {
        self.accepted.push(AcceptedField { key, value: plain(&value.to_string()) });
        self.choice = choice;
    }

    fn reject(&mut self, key: &'static str, value: impl fmt::Display, reason: RejectionReason) {
        self.rejected.push(RejectedField { key: Some(key), value: plain(&value.to_string()), reason });
    }

    fn explain(&mut self, reason: Option<String>) {
        self.reason = reason.map(|reason| plain(&reason)).filter(|reason| !reason.is_empty());
    }
}
