//! A violation and its place.

use std::fmt;
use std::path::{Path, PathBuf};

/// A violation of a rule, at a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the repository.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// A fragment without a full stop.
    pub message: String,
}

impl Finding {
    /// A violation at a place.
    pub fn new(file: impl AsRef<Path>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.as_ref().to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}
