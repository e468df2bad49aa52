//! Provenance of each value of a demand.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::override_key::OverrideKey;

/// Provenance of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueOrigin {
    /// An override of the front end.
    Override(OverrideKey),
    /// A line of the demand file.
    File {
        /// Name of the file.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// Findings of the repository scan, as indices into them.
    Scan(Vec<usize>),
    /// Default value.
    Default,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Override(key) => f.pad(key.name()),
            Self::File { file, line } => f.pad(&format!("{file}:{line}")),
            Self::Scan(_) => f.pad("scan"),
            Self::Default => f.pad("default"),
        }
    }
}

/// Provenance of the values of a demand by path, such as `lease.duration` or `groups.worker.cpus`.
///
/// Paths use the names of the demand file's keys. A value that is merged from several places (packages, the Python
/// environment) has several origins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Origins(BTreeMap<String, Vec<ValueOrigin>>);

impl Origins {
    /// Origins of a value; only [`ValueOrigin::Default`] if it was not set.
    pub fn of(&self, path: &str) -> &[ValueOrigin] {
        self.0.get(path).map_or(&[ValueOrigin::Default], Vec::as_slice)
    }

    /// Every value that was set, with its origins.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[ValueOrigin])> {
        self.0.iter().map(|(path, origins)| (path.as_str(), origins.as_slice()))
    }

    /// Sets the only origin of a value.
    pub(super) fn replace(&mut self, path: &str, origin: ValueOrigin) {
        self.0.insert(path.to_owned(), vec![origin]);
    }

    /// Adds an origin to a value.
    pub(super) fn add(&mut self, path: &str, origin: ValueOrigin) {
        let origins = self.0.entry(path.to_owned()).or_default();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
}
