//! One operation on many hosts in parallel.
//!
//! Each host has a connection of its own, and at most [`FleetOptions::parallel`] hosts run at a time. A slow, dead or
//! verbose host delays no other: the SSH window bounds the output it can send ahead of our writing it down. The whole
//! output goes to one log file per host and to the caller's callback; memory holds the last lines only.

mod each;
mod exec;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::time::Duration;

pub use each::each;
pub use exec::{FleetCommand, HostOutcome, HostResult, log_path};

/// Parallelism, time limit and reaction to failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// Hosts that run at the same time.
    pub parallel: NonZeroUsize,
    /// Reaction to the first failure.
    pub on_failure: OnHostFailure,
    /// Time limit per host, connecting included. `None`: no limit.
    pub timeout: Option<Duration>,
}

impl Default for FleetOptions {
    /// 256 hosts at a time: more than most users have, yet below the usual limit of 1024 open files per process.
    fn default() -> Self {
        let parallel = NonZeroUsize::new(256).unwrap_or(NonZeroUsize::MIN);
        Self { parallel, on_failure: OnHostFailure::Continue, timeout: None }
    }
}

/// Reaction to a failed host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnHostFailure {
    /// The other hosts continue.
    Continue,
    /// Running hosts are stopped, and no further ones are started.
    Stop,
}
