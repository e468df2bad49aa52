//! The tree of files that a scan looks at: read by the edge, within limits.

use std::collections::BTreeMap;

use super::finding::Problem;

/// How much of a tree is looked at. What lies beyond is a [`Problem`], never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most so many files and folders.
    pub entries: usize,
    /// At most so deep, where 0 is the top.
    pub depth: usize,
    /// Files of more bytes are not read.
    pub file_bytes: u64,
    /// Reading ends when so many bytes were read.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 200_000, depth: 40, file_bytes: 1 << 20, total_bytes: 64 << 20 }
    }
}

/// A tree of files: every name, and the contents of those that a scan [`wants`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Each file's path, relative to the top with `/` between its parts, and its size in bytes.
    pub files: BTreeMap<String, u64>,
    /// The contents of the wanted files.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// What the edge skipped.
    pub problems: Vec<Problem>,
}

/// Folders that hold other people's code or what was built: nothing in there speaks for the repository.
pub(super) const VENDORED: [&str; 16] = [
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    "__pycache__",
    "node_modules",
    "site-packages",
    "third_party",
    "third-party",
    "thirdparty",
    "vendor",
    "external",
    "submodules",
];

/// Folders whose files speak for something else than the repository's own work.
pub(super) const ASIDE: [&str; 14] = [
    "test",
    "tests",
    "testing",
    "doc",
    "docs",
    "example",
    "examples",
    "sample",
    "samples",
    "tutorials",
    "benchmark",
    "benchmarks",
    "demo",
    "demos",
];

/// Whether a scan reads a file, judged by its path alone.
pub fn wants(path: &str) -> bool {
    let (folders, name) = split(path);
    let _ = (folders, name);
    true
}

/// The folders of a path, and the file's own name.
pub(super) fn split(path: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}
