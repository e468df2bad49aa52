//! The nodes of a site that match a filter.

use jiff::Timestamp;

use super::query::AvailabilityQuery;
use super::report::{NodeChoice, SiteAvailability};
use crate::calendar::{Timeline, earliest};
use crate::inventory::{FeedText, InventoryNode, InventorySite, NodeState};
use crate::money::Money;
use crate::offer::Availability;
use crate::time::Window;

/// The nodes of one site that match a filter.
pub(super) struct NodePool<'p> {
    pub(super) site: &'p InventorySite<'p>,
    /// Cheapest and smallest first: a query without GPUs takes no node with GPUs if there are others.
    pub(super) nodes: Vec<PoolNode<'p>>,
    /// Number of nodes that may match or not: they do not report a fact that the filter needs.
    pub(super) undecided: usize,
}

/// A node, with its site and cluster.
#[derive(Clone, Copy)]
pub(super) struct PoolNode<'p> {
    pub(super) site: &'p str,
    cluster: &'p str,
    pub(super) node: &'p InventoryNode<'p>,
}

impl<'p> NodePool<'p> {
    /// The nodes of a site that match the filter of a query.
    pub(super) fn of(site: &'p InventorySite<'p>, query: &AvailabilityQuery) -> Self {
        Self::matching(site, |node| query.filter.matches(site, node))
    }

    pub(super) fn matching(site: &'p InventorySite<'p>, matches: impl Fn(&InventoryNode<'_>) -> Option<bool>) -> Self {
        let mut pool = Self { site, nodes: Vec::new(), undecided: 0 };
        for cluster in &site.clusters {
            for node in &cluster.nodes {
                match matches(node) {
                    Some(true) => pool.nodes.push(PoolNode { site: &site.id, cluster: &cluster.id, node }),
                    Some(false) => {}
                    None => pool.undecided += 1,
                }
            }
        }
        pool.nodes.sort_by_key(|member| {
            let facts = &member.node.facts;
            (facts.service_units_per_hour(), facts.gpu_count(), facts.memory, facts.threads)
        });
        pool
    }

    /// The nodes that are free over the whole of a window.
    pub(super) fn free(&self, window: &Window) -> Vec<PoolNode<'p>> {
        let is_free = |member: &&PoolNode<'p>| member.node.availability(window) == Availability::Free;
        self.nodes.iter().filter(is_free).copied().collect()
    }

    /// The earliest start at which enough nodes are free for the requested duration.
    pub(super) fn earliest(&self, query: &AvailabilityQuery) -> Option<Timestamp> {
        let amount = query.amount.get() as usize;
        let reservable = self.nodes.iter().filter(|member| member.node.state == NodeState::Reservable);
        let timelines: Vec<&Timeline> = reservable.map(|member| &member.node.timeline).collect();
        earliest(&timelines, amount, query.window.start(), query.within, query.window.duration())
    }

    /// Up to the requested number of nodes that are free from `start` on, for the requested duration.
    pub(super) fn choose(&self, start: Timestamp, query: &AvailabilityQuery) -> Vec<PoolNode<'p>> {
        let mut free = self.free(&window_from(start, query));
        free.truncate(query.amount.get() as usize);
        free
    }

    pub(super) fn availability(&self, earliest: Option<Timestamp>, query: &AvailabilityQuery) -> SiteAvailability {
        let count = |is_counted: fn(&Availability) -> bool| {
            self.nodes.iter().filter(|member| is_counted(&member.node.availability(&query.window))).count()
        };
        SiteAvailability {
            site: self.site.id.to_string(),
            pool: self.nodes.len(),
            free: count(|state| *state == Availability::Free),
            earliest,
            free_at_earliest: earliest.map(|start| self.free(&window_from(start, query)).len()),
            unknown: count(|state| *state == Availability::Unknown),
            maintenance: count(|state| *state == Availability::Maintenance),
        }
    }
}

impl PoolNode<'_> {
    pub(super) fn choice(&self) -> NodeChoice {
        let text = |text: &Option<FeedText<'_>>| text.as_ref().map(ToString::to_string);
        NodeChoice {
            uid: self.node.uid.to_string(),
            name: text(&self.node.name),
            host_id: text(&self.node.host_id),
            site: self.site.to_owned(),
            cluster: self.cluster.to_owned(),
            node_type: text(&self.node.facts.node_type),
            service_units_per_hour: self.node.facts.service_units_per_hour(),
        }
    }
}

/// Service units of some nodes over the requested duration.
pub(super) fn cost(nodes: &[PoolNode<'_>], query: &AvailabilityQuery) -> Money {
    let seconds = query.window.duration().as_secs();
    let each = nodes.iter().map(|member| member.node.facts.service_units_per_hour().over_seconds(seconds));
    each.fold(Money::ZERO, Money::plus)
}

/// The requested window, moved to another start.
fn window_from(start: Timestamp, query: &AvailabilityQuery) -> Window {
    Window::starting_at(start, query.window.duration()).unwrap_or(query.window)
}
