//! What was read, and yet could not be made sense of.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::size::Bytes;

/// Something in a feed that the user should know of. None of them makes a node look free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedProblem {
    /// A reservation without a readable start: its host is taken to be busy until its end.
    NoStart {
        /// Which reservation.
        reservation: String,
        /// On which host.
        host: String,
        /// What stands there instead.
        said: Option<String>,
    },
    /// A reservation without a readable end: its host is taken to be busy from its start on.
    NoEnd {
        /// Which reservation.
        reservation: String,
        /// On which host.
        host: String,
        /// What stands there instead.
        said: Option<String>,
    },
    /// A reservation that ends before it starts, or at once: its host is taken to be busy from its start on.
    EndBeforeStart {
        /// Which reservation.
        reservation: String,
        /// On which host.
        host: String,
    },
    /// A node that is listed again: the first one counts.
    NodeAgain {
        /// Which node.
        uid: String,
    },
    /// A node that several hosts say they are: what any of them holds, holds it.
    SeveralHosts {
        /// Which node.
        node: String,
        /// The first host.
        first: String,
        /// The other host.
        other: String,
    },
    /// A node whose memory in words is not its memory in bytes: bytes count.
    MemoryInWords {
        /// Which node.
        node: String,
        /// In words.
        words: String,
        /// In bytes.
        bytes: Bytes,
    },
}

impl FeedProblem {
    /// Its name in machine-readable output.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoStart { .. } => "no_start",
            Self::NoEnd { .. } => "no_end",
            Self::EndBeforeStart { .. } => "end_before_start",
            Self::NodeAgain { .. } => "node_again",
            Self::SeveralHosts { .. } => "several_hosts",
            Self::MemoryInWords { .. } => "memory_in_words",
        }
    }
}

fn instead(said: &Option<String>) -> String {
    said.as_ref().map_or_else(String::new, |said| format!(" (`{said}` is no time)"))
}

impl fmt::Display for FeedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStart { reservation, host, said } => {
                let said = instead(said);
                write!(f, "reservation `{reservation}` on host `{host}` has no start{said}: busy until its end")
            }
            Self::NoEnd { reservation, host, said } => {
                let said = instead(said);
                write!(f, "reservation `{reservation}` on host `{host}` has no end{said}: busy from its start on")
            }
            Self::EndBeforeStart { reservation, host } => {
                write!(
                    f,
                    "reservation `{reservation}` on host `{host}` does not end after its start: busy from there on"
                )
            }
            Self::NodeAgain { uid } => write!(f, "node `{uid}` is listed again: the first one counts"),
            Self::SeveralHosts { node, first, other } => {
                write!(f, "node `{node}` is both host `{first}` and host `{other}`: what holds either, holds it")
            }
            Self::MemoryInWords { node, words, bytes } => {
                write!(f, "node `{node}` says `{words}` and has {} bytes ({bytes}): bytes count", bytes.0)
            }
        }
    }
}

impl Serialize for FeedProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Problem", 2)?;
        object.serialize_field("kind", self.kind())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}
