//! What a site says, as it came: JSON, with the name of where it is from.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::value::Each;
use crate::ports::SiteError;

/// The raw answers of one site, or a folder of files with the same content. What is absent was not asked or not had.
///
/// The bytes are held here, and what is read borrows from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// Which site this is, for nodes that don't say so themselves.
    pub site: Option<String>,
    /// Blazar's `/os-hosts/allocations`, bare or as the API wraps it. Without it nothing is known to be free.
    pub allocations: Option<Document>,
    /// Blazar's `/os-hosts`, bare or as the API wraps it.
    pub hosts: Option<Document>,
    /// `{"host id": "uid or name of the node"}`.
    pub resource_map: Option<Document>,
    /// The static nodes of the reference API: lists, or one node each.
    pub nodes: Vec<Document>,
    /// The clusters of the reference API.
    pub clusters: Vec<Document>,
    /// The sites of the reference API.
    pub sites: Option<Document>,
}

/// Some JSON, and where it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// A file as the user named it, or a URL.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a document can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFeed {
    /// It has no content at all.
    #[error("`{name}` is empty")]
    Empty {
        /// Which document.
        name: String,
    },
    /// It stops in the middle.
    #[error("`{name}` is cut off at line {line}, column {column}, after {bytes} bytes")]
    CutOff {
        /// Which document.
        name: String,
        /// The line that it ends in, from 1.
        line: usize,
        /// The column that it ends at, from 1.
        column: usize,
        /// How long it is.
        bytes: usize,
    },
    /// It is not JSON, or not of the shape that it should have.
    #[error("`{name}` can't be read at line {line}, column {column}: {message}")]
    Unreadable {
        /// Which document.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It lists nothing, where that can't be.
    #[error("`{name}` lists no {what}")]
    Nothing {
        /// Which document.
        name: String,
        /// What it should list.
        what: &'static str,
    },
}

impl Document {
    /// Some JSON that came from somewhere.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// The content as text: checked once, where it is not UTF-8 for each string.
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

    /// A list: bare, or as the APIs wrap it. `None` where it is an object without a list.
    pub(super) fn list<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<Vec<T>>, BadFeed> {
        let mut list = Vec::new();
        Ok(self.each(|entry| list.push(entry))?.then_some(list))
    }

    /// The entries of such a list, one after the other: they need not be held all at once. False where there is none.
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
        // The place is told already.
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
        BadFeed::Unreadable { name, line, column, message }
    }
}

/// Whoever can say what stands at a site and who holds it.
#[async_trait]
pub trait InventorySource: Send + Sync {
    /// The site's raw answers: whole, or not at all.
    async fn feed(&self) -> Result<Feed, SiteError>;
}
