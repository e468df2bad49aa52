//! Reasons for rejecting a value of an answer.

use serde::{Serialize, Serializer};

use super::BadAnswer;
use crate::money::Money;

/// Reason for rejecting a value of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectionReason {
    /// The model did not answer.
    #[error("the model did not answer: {0}")]
    NoAnswer(String),
    /// The answer is invalid.
    #[error(transparent)]
    Unreadable(BadAnswer),
    /// The rule has evidence for another value.
    #[error("files of the repository require {0}")]
    Settled(String),
    /// The value exceeds a limit.
    #[error("exceeds the limit of {0} for suggestions")]
    TooMuch(String),
    /// The value is not of the expected kind.
    #[error("not {0}")]
    NotA(&'static str),
    /// No offer has this together with the other values.
    #[error("no offer has this together with the other requirements")]
    NoOffer,
    /// No site offers anything of that name.
    #[error("no site offers it")]
    NotOffered,
    /// It exists, but does not satisfy the demand in the time window.
    #[error("it does not satisfy the demand in the time window")]
    DoesNotServe,
    /// Other candidates are more suitable.
    #[error("less suitable than {0}")]
    Worse(String),
    /// The value has no effect without another one.
    #[error("has no effect without {0}")]
    Needless(&'static str),
    /// The filter has a syntax error.
    #[error("invalid filter at column {column}: {message}")]
    Filter {
        /// Column in characters, from 1.
        column: usize,
        /// Error message.
        message: String,
    },
    /// No remaining candidate satisfies the filter.
    #[error("no remaining candidate matches")]
    NonePasses,
    /// It costs more than the rule's choice, and the demand sets no budget.
    #[error("costs more than the default choice, and the demand sets no budget")]
    Dearer,
    /// It exceeds the budget.
    #[error("a total of {cost} exceeds the budget of {limit}")]
    OverBudget {
        /// Total cost.
        cost: Money,
        /// The budget.
        limit: Money,
    },
    /// Its cost is unknown, so it can't be checked against the budget.
    #[error("the price is unknown, so the budget can't be checked")]
    UnknownCost,
}

/// Serialised as text for display.
impl Serialize for RejectionReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
