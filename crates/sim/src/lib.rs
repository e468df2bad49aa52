//! A simulated site with planned faults, for tests of code that uses the port `Provider`.
//!
//! The resources of a [`SimSite`] are stored in a file. As at a real site, they outlive the process that created them, so a
//! test can kill that process at any point and examine what is left.

mod fault;
mod site;

pub use fault::{CallKind, Fault, FaultKind, FaultPlan, kill_self, retry_immediately};
pub use site::{SimResource, SimSite, offer, tickets};
