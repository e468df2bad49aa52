//! Limits of fetching and reading a repository.

use std::time::Duration;

use hostler_core::scan;
use hostler_core::size::Bytes;

/// Limits of fetching and reading a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Maximum size on disk, including git's own files. Default: 4 GiB.
    pub bytes: Bytes,
    /// Time limit of the fetch. Default: 10 minutes.
    pub time: Duration,
    /// Limits of reading it.
    pub tree: scan::ScanLimits,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { bytes: Bytes::gib(4), time: Duration::from_secs(600), tree: scan::ScanLimits::default() }
    }
}
