//! The same on many hosts at once.
//!
//! One connection a host, so many hosts at a time as is asked for. A host that is slow, dead or talkative takes its own
//! time, and only its own: each has its connection, whose window bounds what it may send before it was written down.
//! What a host writes goes to a file of its own, whole, and to whoever watches; in memory there are its last lines only.

mod each;
mod exec;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::time::Duration;

pub use each::each;
pub use exec::{FleetCommand, HostOutcome, HostResult, log_of};

/// How many at once, for how long, and what happens when one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// So many hosts at a time.
    pub parallel: NonZeroUsize,
    /// What becomes of the others when one has failed.
    pub on_failure: OnHostFailure,
    /// How long one may take, connecting included; for ever where absent.
    pub timeout: Option<Duration>,
}

impl Default for FleetOptions {
    /// More at a time than most have, and few enough for the files that a process may open.
    fn default() -> Self {
        let parallel = NonZeroUsize::new(256).unwrap_or(NonZeroUsize::MIN);
        Self { parallel, on_failure: OnHostFailure::Continue, timeout: None }
    }
}

/// What becomes of the others when one has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnHostFailure {
    /// They go on.
    Continue,
    /// Those that run are stopped, and no more are begun.
    Stop,
}
