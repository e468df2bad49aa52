//! The answer to an availability query.

use jiff::Timestamp;
use serde::Serialize;

use crate::money::Money;

/// The answer to an [`AvailabilityQuery`](super::AvailabilityQuery). Scripts rely on the keys of its JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvailabilityReport {
    /// The kind of answer.
    pub decision: Decision,
    /// The site of the nodes to take.
    pub site: Option<String>,
    /// The requested start.
    #[serde(rename = "starts_at")]
    pub start: Timestamp,
    /// The requested duration, in seconds.
    pub duration_seconds: i64,
    /// The requested number of nodes.
    pub amount: u32,
    /// Number of nodes that match the filter, over all requested sites.
    pub pool: usize,
    /// Number of them that are free over the whole requested window.
    pub free: usize,
    /// The earliest start at which one site has enough free nodes. `None`: not within the horizon.
    #[serde(rename = "earliest_at")]
    pub earliest: Option<Timestamp>,
    /// Number of free nodes of that site from then on, for the requested duration.
    pub free_at_earliest: Option<usize>,
    /// The nodes to take then, exactly `amount` of them.
    pub nodes: Vec<NodeChoice>,
    /// Number of nodes of the pool whose state is unknown. They never count as free.
    pub unknown: usize,
    /// Number of nodes of the pool that are out of service.
    pub maintenance: usize,
    /// Service units of those nodes over the requested duration.
    pub service_units: Option<Money>,
    /// Alternatives to the exact request, best first. Empty if it can be met.
    pub alternatives: Vec<Alternative>,
    /// The answer per requested site.
    pub sites: Vec<SiteAvailability>,
    /// Remarks for the user, one sentence each.
    pub notes: Vec<String>,
}

/// The difference between the requested window and site and the earliest available ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// As requested, at the preferred site.
    Now,
    /// At the requested start, at another requested site.
    SiteChange,
    /// At a later start.
    TimeShift,
    /// Not available within the horizon.
    None,
}

/// The nodes of one site that match the filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteAvailability {
    /// The site's id.
    pub site: String,
    /// Number of nodes that match the filter.
    pub pool: usize,
    /// Number of them that are free over the whole requested window.
    pub free: usize,
    /// The earliest start at which enough of them are free. `None`: not within the horizon.
    #[serde(rename = "earliest_at")]
    pub earliest: Option<Timestamp>,
    /// Number of free nodes from then on, for the requested duration.
    pub free_at_earliest: Option<usize>,
    /// Number of them whose state is unknown.
    pub unknown: usize,
    /// Number of them that are out of service.
    pub maintenance: usize,
}

/// A node to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeChoice {
    /// Its id in the static inventory.
    pub uid: String,
    /// Its name, as `nc01`.
    pub name: Option<String>,
    /// Blazar's id of the host, to pin a lease to it.
    pub host_id: Option<String>,
    /// Its site.
    pub site: String,
    /// Its cluster.
    pub cluster: String,
    /// Its node type.
    pub node_type: Option<String>,
    /// Service units per hour.
    pub service_units_per_hour: Money,
}

/// Available nodes that differ from the request in one respect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// The difference from the request.
    pub instead: Tradeoff,
    /// The site.
    pub site: String,
    /// The start.
    #[serde(rename = "starts_at")]
    pub start: Timestamp,
    /// Number of nodes.
    pub amount: usize,
    /// The filter that the nodes match, if it differs from the requested one.
    pub filter: Option<String>,
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// Node types of the nodes, without duplicates.
    pub node_types: Vec<String>,
    /// Service units of all nodes over the requested duration.
    pub service_units: Money,
    /// Service units beyond those of the request; negative if the alternative costs less.
    pub more_service_units: Option<Money>,
    /// The same difference as text.
    pub note: Option<String>,
}

/// The respect in which an alternative differs from the request. Alternatives are listed in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tradeoff {
    /// A later start, at a requested site.
    Later,
    /// Another site, at the requested start.
    OtherSite,
    /// Fewer nodes, at the requested start and site.
    FewerNodes,
    /// Smaller hardware within the caps, at the requested start and site.
    SmallerHardware,
}
