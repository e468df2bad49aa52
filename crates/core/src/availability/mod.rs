//! What can be had when: the question that people and scripts ask of an inventory, and its answer.

mod alternative;
mod query;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::downgrade::Caps;
use crate::filter::Filter;
use crate::money::Money;
use crate::time::Window;

pub use alternative::{Alternative, Tradeoff};
pub use query::query;

/// What is wanted: so many nodes of one site, the same ones over the whole window.
#[derive(Debug, Clone, PartialEq)]
pub struct AvailabilityQuery {
    /// The sites to ask, the preferred one first; all where none is named.
    pub sites: Vec<String>,
    /// Which nodes will do.
    pub filter: Filter,
    /// When, at best.
    pub window: Window,
    /// How many nodes.
    pub amount: NonZeroU32,
    /// How much later it may start; that instant counts.
    pub within: SignedDuration,
    /// How much less hardware an alternative may have.
    pub caps: Caps,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AvailabilityError {
    /// No node stands at such a site.
    #[error("the site `{site}` has no nodes here")]
    UnknownSite {
        /// As it was named.
        site: String,
        /// The sites that have nodes.
        known: Vec<String>,
    },
}

/// What an inventory has to say to a question. In JSON, these keys are what scripts rely on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvailabilityReport {
    /// How it can be had.
    pub decision: Decision,
    /// At which site.
    pub site: Option<String>,
    /// The start that was asked for.
    pub start: Timestamp,
    /// For how long, in seconds.
    pub duration_seconds: i64,
    /// How many nodes.
    pub amount: u32,
    /// How many nodes the filter means, at all sites asked.
    pub pool: usize,
    /// How many of them are free over the whole window that was asked for.
    pub free: usize,
    /// The first start at which one site has enough of them.
    pub earliest: Option<Timestamp>,
    /// How many that site has free then.
    pub free_at_earliest: Option<usize>,
    /// The nodes to take then: exactly the amount.
    pub nodes: Vec<NodeChoice>,
    /// How many of the pool nobody knows the state of. They are never counted as free.
    pub unknown: usize,
    /// How many of the pool are out of service.
    pub maintenance: usize,
    /// Service units for those nodes over that time.
    pub service_units: Option<Money>,
    /// What else there is, where it can't be had as asked. The best first.
    pub alternatives: Vec<Alternative>,
    /// The same for each site that was asked.
    pub sites: Vec<SiteAvailability>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// How it can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// As asked, at the preferred site.
    Now,
    /// When asked, at another of the sites that were asked.
    SiteChange,
    /// Later.
    TimeShift,
    /// Not within the horizon.
    None,
}

/// What one site has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteAvailability {
    /// Which.
    pub site: String,
    /// How many nodes the filter means.
    pub pool: usize,
    /// How many of them are free over the whole window that was asked for.
    pub free: usize,
    /// The first start at which enough of them are free.
    pub earliest: Option<Timestamp>,
    /// How many are free then.
    pub free_at_earliest: Option<usize>,
    /// How many nobody knows the state of.
    pub unknown: usize,
    /// How many are out of service.
    pub maintenance: usize,
}

/// A node to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeChoice {
    /// Its id in the static inventory.
    pub uid: String,
    /// What people call it.
    pub name: Option<String>,
    /// Blazar's id of the host: what a lease pins.
    pub host_id: Option<String>,
    /// At which site.
    pub site: String,
    /// In which cluster.
    pub cluster: String,
    /// The site's name for its shape.
    pub node_type: Option<String>,
    /// Service units for an hour of it.
    pub service_units_per_hour: Money,
}
