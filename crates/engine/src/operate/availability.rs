//! Availability: free nodes, the earliest start and the alternatives, from the calendars of sites or from saved data.

use std::num::NonZeroU32;

use hostler_core::availability::{AvailabilityQuery, AvailabilityReport, query as answer};
use hostler_core::downgrade::Caps;
use hostler_core::filter::Filter;
use hostler_core::inventory::{BadFeed, Feed, FeedOrigin, FeedProblem, Inventory, NodeState, join};
use hostler_core::name::SiteId;
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

use super::calendar::{CalendarAnswers, site_is_called, site_place};
use super::{OperateError, Operator};

/// Nodes, time and number to query.
#[derive(Debug, Clone)]
pub struct AvailabilityRequest {
    /// The sites, in order of preference, by their full names or their places alone. Empty: all sites.
    pub sites: Vec<String>,
    /// The filter of nodes.
    pub filter: Filter,
    /// The requested window.
    pub window: Window,
    /// Number of nodes, all at one site.
    pub amount: NonZeroU32,
    /// Search for a start up to this much later, inclusive.
    pub within: SignedDuration,
    /// Time by which allocations exceed their leases, at each end.
    pub padding: SignedDuration,
    /// Source of the inventory.
    pub source: AvailabilitySource,
}

/// Source of the inventory that a query uses.
#[derive(Debug, Clone)]
pub enum AvailabilitySource {
    /// The calendars of the sites, queried now.
    Calendars,
    /// Saved data. If the request names exactly one site, all data is of that site.
    Saved {
        /// The data.
        feed: Box<Feed>,
        /// The time of the data.
        at: Timestamp,
    },
}

/// Answer to an availability query, with the data that it comes from.
#[derive(Debug, Clone)]
pub struct AvailabilityAnswer {
    /// The query, with the sites by the names that their nodes use.
    pub query: AvailabilityQuery,
    /// The answer.
    pub report: AvailabilityReport,
    /// The time of the data.
    pub at: Timestamp,
    /// The origin of the data.
    pub origin: FeedOrigin,
    /// Problems of the data.
    pub problems: Vec<FeedProblem>,
    /// Number of hosts with allocations that match no node.
    pub unmatched: usize,
    feeds: Vec<Feed>,
    padding: SignedDuration,
}

impl AvailabilityAnswer {
    /// The inventory that the query searched: all nodes with their reservations. Joins the data again.
    ///
    /// # Errors
    /// None in practice: the data was joined before.
    pub fn inventory(&self) -> Result<Inventory<'_>, BadFeed> {
        join(&self.feeds, self.padding)
    }
}

/// Inventory data, its age and its origin.
struct InventoryData {
    feeds: Vec<Feed>,
    at: Timestamp,
    origin: FeedOrigin,
    /// The sites that were queried. Empty for saved data.
    queried: Vec<SiteId>,
}

impl Operator {
    /// Searches for free nodes, the earliest start and alternatives. A site that does not answer is reported as a notice.
    ///
    /// # Errors
    /// If a site is unknown or publishes no calendar, if no site answers, or if the data cannot be joined.
    pub async fn availability(&self, request: AvailabilityRequest) -> Result<AvailabilityAnswer, OperateError> {
        let AvailabilityRequest { sites, filter, window, amount, within, padding, source } = request;
        let InventoryData { feeds, at, origin, queried } = self.inventory_data(source, &sites).await?;
        let inventory = join(&feeds, padding)?;
        check_mapped(&feeds, &inventory)?;
        let sites = sites.iter().map(|name| site_id(name, &queried, &inventory)).collect();
        let query = AvailabilityQuery { sites, filter, window, amount, within, caps: Caps::default() };
        let report = answer(&inventory, &query)?;
        let (problems, unmatched) = (inventory.problems.clone(), inventory.unmatched.len());
        drop(inventory);
        Ok(AvailabilityAnswer { query, report, at, origin, problems, unmatched, feeds, padding })
    }

    /// The current data of one site, to be saved. Data that cannot be joined is an error, so that it never replaces usable
    /// data.
    ///
    /// # Errors
    /// If the site is unknown, publishes no calendar or does not answer, or if its data cannot be joined.
    pub async fn current_inventory(&self, site: &str) -> Result<Vec<Feed>, OperateError> {
        let CalendarAnswers { feeds, .. } = self.calendars(&[site.to_owned()]).await?;
        join(&feeds, SignedDuration::ZERO)?;
        Ok(feeds)
    }

    async fn inventory_data(
        &self,
        source: AvailabilitySource,
        sites: &[String],
    ) -> Result<InventoryData, OperateError> {
        match source {
            AvailabilitySource::Calendars => {
                let CalendarAnswers { feeds, sites } = self.calendars(sites).await?;
                Ok(InventoryData { feeds, at: (self.now)(), origin: FeedOrigin::AllocationsApi, queried: sites })
            }
            AvailabilitySource::Saved { mut feed, at } => {
                if let [only] = sites {
                    feed.site = Some(only.clone());
                }
                let origin = FeedOrigin::AllocationsFile;
                Ok(InventoryData { feeds: vec![*feed], at, origin, queried: Vec::new() })
            }
        }
    }
}

/// Name of a site in the inventory: `uc` for `chameleon/uc`. If only one site was queried and its nodes use another name than
/// the configuration, theirs.
fn site_id(name: &str, queried: &[SiteId], inventory: &Inventory<'_>) -> String {
    let place = queried.iter().find(|site| site_is_called(site, name)).map(site_place);
    match (inventory.sites.as_slice(), place) {
        ([only], Some(place)) if queried.len() == 1 && *only.id != *place => only.id.to_string(),
        (_, place) => place.unwrap_or_else(|| name.to_owned()),
    }
}

/// Fails if no host is mapped to a node: every node would be unknown, because a part of the data is missing.
fn check_mapped(feeds: &[Feed], inventory: &Inventory<'_>) -> Result<(), OperateError> {
    let has_map = feeds.iter().any(|feed| feed.hosts.is_some() || feed.resource_map.is_some());
    if has_map || inventory.nodes().any(|(_, node)| node.state != NodeState::Unmapped) {
        return Ok(());
    }
    Err(OperateError::NoHostMap)
}

#[cfg(test)]
mod tests {
    use hostler_core::inventory::Document;

    use super::*;

    /// `queried`: sites of the configuration; `nodes_of`: sites of the nodes in their answer.
    fn found(name: &str, queried: &[&str], nodes_of: &[&str]) -> String {
        let node =
            |site: &&str| format!(r#"{{"uid": "u-{site}", "links": [{{"href": "/sites/{site}/clusters/main"}}]}}"#);
        let nodes = nodes_of.iter().map(|site| Document::new("nodes", node(site))).collect();
        let feeds = [Feed { nodes, ..Feed::default() }];
        let inventory = join(&feeds, SignedDuration::ZERO).unwrap();
        let queried: Vec<SiteId> = queried.iter().map(|site| site.parse().unwrap()).collect();
        site_id(name, &queried, &inventory)
    }

    #[test]
    fn a_site_is_found_by_the_users_name_for_it() {
        assert_eq!(found("chameleon/uc", &["chameleon/uc", "chameleon/tacc"], &["uc", "tacc"]), "uc");
        assert_eq!(found("uc", &["chameleon/uc", "chameleon/tacc"], &["uc", "tacc"]), "uc");
        assert_eq!(found("chi-uc", &["chameleon/chi-uc"], &["uc"]), "uc");
        assert_eq!(found("openstack", &["openstack"], &["unknown"]), "unknown");
        assert_eq!(found("uc", &[], &["uc", "tacc"]), "uc");
    }
}
