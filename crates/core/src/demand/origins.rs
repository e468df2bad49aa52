//! Where each value of a demand came from.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A flag, as `--cpus`.
    Flag(&'static str),
    /// A line of the demand file.
    File {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// What a scan found: indices into its findings.
    Scan(Vec<usize>),
    /// Nobody said it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.pad(flag),
            Self::File { file, line } => f.pad(&format!("{file}:{line}")),
            Self::Scan(_) => f.pad("scan"),
            Self::Default => f.pad("default"),
        }
    }
}

/// Where the values of a demand came from, by their paths: `lease.duration`, `groups.worker.cpus`.
///
/// The parts are called as the keys of the file are. A value that was put together (packages, the Python
/// environment) has several origins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Origins(BTreeMap<String, Vec<Origin>>);

impl Origins {
    /// The origins of a value; [`Origin::Default`] alone where nobody said it.
    pub fn of(&self, path: &str) -> &[Origin] {
        self.0.get(path).map_or(&[Origin::Default], Vec::as_slice)
    }

    /// All values that somebody said.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Origin])> {
        self.0.iter().map(|(path, origins)| (path.as_str(), origins.as_slice()))
    }

    /// Notes the one origin of a value, whatever was noted before.
    pub(super) fn replace(&mut self, path: &str, origin: Origin) {
        self.0.insert(path.to_owned(), vec![origin]);
    }

    /// Notes one more origin of a value.
    pub(super) fn add(&mut self, path: &str, origin: Origin) {
        let origins = self.0.entry(path.to_owned()).or_default();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
}
