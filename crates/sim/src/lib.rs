//! Seeded worlds and scripted faults, for the tests of what stands on the ports.
//!
//! [`SimSite`] is a site behind the port `Provider` whose things live in a file: they outlive the process that made
//! them, as at a real site, so that a test can kill that process anywhere and look at what is left.

mod fault;
mod site;

pub use fault::{Call, Fault, FaultKind, Script, die, retry_at_once};
pub use site::{Resource, SimSite, offer, tickets};
