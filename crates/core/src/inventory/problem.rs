//! Problems of feeds: entries that were read but are inconsistent.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::size::Bytes;

/// An inconsistency in a feed. None of them makes a node look free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedProblem {
    /// A reservation without a readable start. Its host counts as busy until the end.
    NoStart {
        /// Id of the reservation.
        reservation: String,
        /// Id of the host.
        host: String,
        /// The unreadable text, if there is any.
        text: Option<String>,
    },
    /// A reservation without a readable end. Its host counts as busy from the start on.
    NoEnd {
        /// Id of the reservation.
        reservation: String,
        /// Id of the host.
        host: String,
        /// The unreadable text, if there is any.
        text: Option<String>,
    },
    /// A reservation whose end is not after its start. Its host counts as busy from the start on.
    EndBeforeStart {
        /// Id of the reservation.
        reservation: String,
        /// Id of the host.
        host: String,
    },
    /// A node that is listed twice. The first entry counts.
    NodeAgain {
        /// Id of the node.
        uid: String,
    },
    /// A node that several hosts map to. The reservations of all of them count.
    SeveralHosts {
        /// Name of the node.
        node: String,
        /// Id of the first host.
        first: String,
        /// Id of the other host.
        other: String,
    },
    /// A node whose memory differs between its label and its bytes. The bytes count.
    MemoryInWords {
        /// Name of the node.
        node: String,
        /// The label.
        words: String,
        /// The bytes.
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

fn quoted(text: &Option<String>) -> String {
    text.as_ref().map_or_else(String::new, |text| format!(" (`{text}` is not a time)"))
}

impl fmt::Display for FeedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStart { reservation, host, text } => {
                let text = quoted(text);
                write!(
                    f,
                    "reservation `{reservation}` on host `{host}` has no start{text}; counted as busy until its end"
                )
            }
            Self::NoEnd { reservation, host, text } => {
                let text = quoted(text);
                write!(
                    f,
                    "reservation `{reservation}` on host `{host}` has no end{text}; counted as busy from its start on"
                )
            }
            Self::EndBeforeStart { reservation, host } => {
                write!(
                    f,
                    "reservation `{reservation}` on host `{host}` does not end after its start; counted as busy from its start on"
                )
            }
            Self::NodeAgain { uid } => write!(f, "node `{uid}` is listed twice; the first entry is used"),
            Self::SeveralHosts { node, first, other } => {
                write!(f, "node `{node}` is mapped to hosts `{first}` and `{other}`; reservations of both count")
            }
            Self::MemoryInWords { node, words, bytes } => {
                write!(f, "node `{node}` is labelled `{words}` but has {} bytes ({bytes}); the bytes are used", bytes.0)
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
