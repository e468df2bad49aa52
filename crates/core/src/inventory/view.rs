//! The inventory as JSON: sites, clusters, nodes, reservations and problems.

use jiff::Timestamp;
use serde::Serialize;

use super::{Allocation, FeedProblem, FeedText, Inventory, InventorySite, NodeState};

/// Origin of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedOrigin {
    /// Files of a directory.
    AllocationsFile,
    /// The APIs of the sites.
    AllocationsApi,
}

/// An inventory as JSON. The keys are a superset of those of ENVBoot's merged view.
#[derive(Debug, Serialize)]
pub struct InventoryView<'i, 'a> {
    /// Time of the feed.
    pub fetched_at: Timestamp,
    /// Origin of the feed.
    pub source: FeedOrigin,
    /// The sites with clusters and nodes.
    pub site_summaries: &'i [InventorySite<'a>],
    /// Allocations on hosts without a node.
    pub unmatched_allocations: &'i [Allocation<'a>],
    /// Ids of nodes without a known host.
    pub unmapped_nodes: Vec<&'i FeedText<'a>>,
    /// Problems of the feed.
    pub problems: &'i [FeedProblem],
    /// The inventory in numbers.
    pub stats: Stats,
}

/// The inventory in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Number of nodes.
    pub total_nodes: usize,
    /// Number of nodes with reservations.
    pub nodes_with_allocations: usize,
    /// Number of reservations of nodes.
    pub total_allocations: usize,
    /// Number of hosts with allocations but without a node.
    pub unmatched_allocations: usize,
    /// Number of nodes without a known host.
    pub unmapped_nodes: usize,
    /// Number of nodes out of service.
    pub maintenance: usize,
}

impl<'i, 'a> InventoryView<'i, 'a> {
    /// Creates the view of an inventory, with time and origin of its feed.
    pub fn new(inventory: &'i Inventory<'a>, fetched_at: Timestamp, source: FeedOrigin) -> Self {
        let unmapped = inventory.nodes().filter(|(_, node)| node.state == NodeState::Unmapped);
        Self {
            fetched_at,
            source,
            site_summaries: &inventory.sites,
            unmatched_allocations: &inventory.unmatched,
            unmapped_nodes: unmapped.map(|(_, node)| &node.uid).collect(),
            problems: &inventory.problems,
            stats: inventory.stats(),
        }
    }
}

impl Inventory<'_> {
    /// The inventory in numbers.
    pub fn stats(&self) -> Stats {
        let count = |state| self.nodes().filter(|(_, node)| node.state == state).count();
        Stats {
            total_nodes: self.nodes().count(),
            nodes_with_allocations: self.nodes().filter(|(_, node)| !node.reservations.is_empty()).count(),
            total_allocations: self.nodes().map(|(_, node)| node.reservations.len()).sum(),
            unmatched_allocations: self.unmatched.len(),
            unmapped_nodes: count(NodeState::Unmapped),
            maintenance: count(NodeState::Maintenance),
        }
    }
}
