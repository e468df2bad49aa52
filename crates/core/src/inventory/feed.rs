//! Raw answers of sites: JSON documents with their origin.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::value::Each;
use crate::ports::SiteError;

/// The raw answers of one site, from its APIs or from files. `None`: not requested, or not provided by the site.
///
/// Owns the bytes; parsed values borrow from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// The site's id, for nodes that do not report it.
    pub site: Option<String>,
    /// Blazar's `/os-hosts/allocations`, as a list or in the API's envelope. Without it no node counts as free.
    pub allocations: Option<Document>,
    /// Blazar's `/os-hosts`, as a list or in the API's envelope.
    pub hosts: Option<Document>,
    /// Map from Blazar's host ids to nodes: `{"host id": "uid or name of the node"}`.
    pub resource_map: Option<Document>,
    /// The static nodes of the reference API: each document is a list or one node.
    pub nodes: Vec<Document>,
    /// The clusters of the reference API.
    pub clusters: Vec<Document>,
    /// The sites of the reference API.
    pub sites: Option<Document>,
}

/// A JSON document with its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its origin: a path as the user wrote it, or a URL.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// An unusable document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFeed {
    /// The document has no content.
    #[error("`{name}` is empty")]
    Empty {
        /// Origin of the document.
        name: String,
    },
    /// The document ends too early.
    #[error("`{name}` is cut off at line {line}, column {column}, after {bytes} bytes")]
    CutOff {
        /// Origin of the document.
        name: String,
        /// Its last line, from 1.
        line: usize,
        /// Its last column, from 1.
        column: usize,
        /// Its length.
        bytes: usize,
    },
    /// The document is not JSON, or does not have the expected structure.
    #[error("`{name}` can't be read at line {line}, column {column}: {message}")]
    Unreadable {
        /// Origin of the document.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The error of the parser.
        message: String,
    },
    /// The document is a list without usable entries.
    #[error("`{name}` lists no {what}")]
    Nothing {
        /// Origin of the document.
        name: String,
        /// The expected entries, as `nodes`.
        what: &'static str,
    },
}

impl Document {
    /// Creates a document from its origin and content.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// The content as text. Checking UTF-8 once is cheaper than checking every string.
    pub(super) fn text(&self) -> Result<&str, BadFeed> {
        let text = str::from_utf8(&self.bytes).map_err(|error| {
            let before = &self.bytes[..error.valid_up_to()];
            let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            BadFeed::Unreadable {
                name: self.name.clone(),
                line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
                column: before.len() - line_start + 1,
                message: "not UTF-8".to_owned(),
            }
        })?;
        match text.trim_ascii() {
            "" => Err(BadFeed::Empty { name: self.name.clone() }),
            _ => Ok(text),
        }
    }

    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, BadFeed> {
        serde_json::from_str(self.text()?).map_err(|error| self.bad(&error))
    }

    /// Parses a list, bare or in the API's envelope. `None` if the document is an object without a list.
    pub(super) fn list<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<Vec<T>>, BadFeed> {
        let mut list = Vec::new();
        Ok(self.each(|entry| list.push(entry))?.then_some(list))
    }

    /// Passes each entry of such a list to `take`, without collecting them. False if there is no list.
    pub(super) fn each<'a, T: Deserialize<'a>>(&'a self, take: impl FnMut(T)) -> Result<bool, BadFeed> {
        let mut deserializer = serde_json::Deserializer::from_str(self.text()?);
        let found = Each::new(take).deserialize(&mut deserializer);
        found.and_then(|found| deserializer.end().map(|()| found)).map_err(|error| self.bad(&error))
    }

    pub(super) fn nothing(&self, what: &'static str) -> BadFeed {
        BadFeed::Nothing { name: self.name.clone(), what }
    }

    pub(super) fn bad(&self, error: &serde_json::Error) -> BadFeed {
        let (name, line, column) = (self.name.clone(), error.line(), error.column());
        if error.is_eof() {
            return BadFeed::CutOff { name, line, column, bytes: self.bytes.len() };
        }
        // serde_json repeats line and column at the end of its message.
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
        BadFeed::Unreadable { name, line, column, message }
    }
}

/// A site that can report its nodes and reservations.
#[async_trait]
pub trait InventorySource: Send + Sync {
    /// Fetches all documents, or fails: a partial feed would hide nodes.
    async fn feed(&self) -> Result<Feed, SiteError>;
}
