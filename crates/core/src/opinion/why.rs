//! Why a part of an opinion doesn't count.

use serde::{Serialize, Serializer};

use super::BadAnswer;
use crate::money::Money;

/// Why a part of an opinion doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// A model was asked and did not answer.
    #[error("no answer came: {0}")]
    NoAnswer(String),
    /// The answer can't be read.
    #[error(transparent)]
    Unreadable(BadAnswer),
    /// There is evidence.
    #[error("the rule has evidence for {0}")]
    Settled(String),
    /// It is out of bounds.
    #[error("more than the {0} that an opinion may ask for")]
    TooMuch(String),
    /// No number of that sort.
    #[error("it is not {0}")]
    NotA(&'static str),
    /// No site has such a machine.
    #[error("no offer has it, together with what is settled")]
    NoOffer,
    /// No site has anything of that name.
    #[error("no site offers it")]
    NotOffered,
    /// There is such a thing, but it doesn't serve the demand at the time.
    #[error("it does not serve what is demanded, or not at this time")]
    DoesNotServe,
    /// It serves less well than these.
    #[error("it serves less well than {0}")]
    Worse(String),
    /// It is of no use without something else.
    #[error("there is no use for it without {0}")]
    Needless(&'static str),
    /// It is no filter: where, and what is wrong there.
    #[error("it can't be read as a filter at column {column}: {message}")]
    Filter {
        /// In characters from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It is a filter that none of what is left passes.
    #[error("nothing that is left passes it")]
    NonePasses,
    /// There is no limit, so the rule's own choice is one.
    #[error("it costs more than what the rule takes, and the demand sets no limit")]
    Dearer,
    /// It costs too much.
    #[error("{cost} in all is more than the {limit} of the budget")]
    OverBudget {
        /// What it would cost.
        cost: Money,
        /// What it may cost.
        limit: Money,
    },
    /// What it costs is not known.
    #[error("nobody knows whether it keeps to the budget")]
    UnknownCost,
}

/// As its text: it is for people.
impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
