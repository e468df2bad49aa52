//! The merged view as JSON: sites, clusters, nodes, reservations, and what could not be joined.

use jiff::Timestamp;
use serde::Serialize;

use super::{Allocation, FeedProblem, FeedText, Inventory, InventorySite, NodeState};

/// Where the data is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedOrigin {
    /// Files of a folder.
    AllocationsFile,
    /// The sites themselves.
    AllocationsApi,
}

/// An inventory as it is written: with the keys that ENVBoot's merged view has, and some more.
#[derive(Debug, Serialize)]
pub struct View<'i, 'a> {
    /// When it was so.
    pub fetched_at: Timestamp,
    /// Where it is from.
    pub source: FeedOrigin,
    /// The sites, with all below them.
    pub site_summaries: &'i [InventorySite<'a>],
    /// What is allocated on hosts that belong to no node.
    pub unmatched_allocations: &'i [Allocation<'a>],
    /// The nodes that no host is known for.
    pub unmapped_nodes: Vec<&'i FeedText<'a>>,
    /// What could not be made sense of.
    pub problems: &'i [FeedProblem],
    /// In numbers.
    pub stats: Stats,
}

/// The inventory in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Nodes, each counted once.
    pub total_nodes: usize,
    /// Nodes that somebody holds at some time.
    pub nodes_with_allocations: usize,
    /// Reservations on nodes.
    pub total_allocations: usize,
    /// Hosts that belong to no node.
    pub unmatched_allocations: usize,
    /// Nodes that no host is known for.
    pub unmapped_nodes: usize,
    /// Nodes out of service.
    pub maintenance: usize,
}

impl<'i, 'a> View<'i, 'a> {
    /// Of an inventory that was so at a time.
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
    /// In numbers.
    pub fn stats(&self) -> Stats {
        let count = |service| self.nodes().filter(|(_, node)| node.state == service).count();
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
