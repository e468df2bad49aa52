//! Availability queries: when enough nodes of one site are free at once, which of them to take, and the alternatives.

mod alternative;
mod pool;
mod query;
mod report;
mod search;
#[cfg(test)]
mod tests;

pub use query::AvailabilityQuery;
pub use report::{Alternative, AvailabilityReport, Decision, NodeChoice, SiteAvailability, Tradeoff};
pub use search::{AvailabilityError, query};
