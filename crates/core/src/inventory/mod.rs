//! The inventory: nodes, their facts and their reservations.
//!
//! Joins three sources, each of which may lack facts that another has: the static nodes of the reference API, Blazar's
//! hosts (or a map from its host ids to nodes), and Blazar's allocations. Entries that can't be joined are reported and
//! never count as free.

mod allocation;
mod facts;
mod feed;
mod host;
mod join;
mod lease;
mod node;
mod problem;
#[cfg(test)]
mod tests;
mod value;
mod view;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::calendar::Timeline;
use crate::offer::{Availability, HostId};
use crate::time::Window;

pub use facts::{Gpus, NodeFacts, arch};
pub use feed::{BadFeed, Document, Feed, InventorySource};
pub use join::join;
pub use lease::{Holding, holdings};
pub use problem::FeedProblem;
pub use value::FeedText;
pub use view::{FeedOrigin, InventoryView};

/// All nodes of some sites, with their reservations. Borrows from the feeds that were joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory<'a> {
    /// The sites that have nodes, sorted by id.
    pub sites: Vec<InventorySite<'a>>,
    /// Allocations on hosts without a node.
    pub unmatched: Vec<Allocation<'a>>,
    /// Problems of the feeds.
    pub problems: Vec<FeedProblem>,
}

/// A site and its clusters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventorySite<'a> {
    /// Its id, as `uc`.
    #[serde(rename = "site_id")]
    pub id: FeedText<'a>,
    /// Its display name, as `CHI@UC`.
    #[serde(rename = "display_name")]
    pub name: FeedText<'a>,
    /// Its clusters, sorted by id.
    pub clusters: Vec<InventoryCluster<'a>>,
}

/// A cluster and its nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryCluster<'a> {
    /// Its id, as `chameleon`.
    #[serde(rename = "cluster_id")]
    pub id: FeedText<'a>,
    /// Its display name.
    pub name: FeedText<'a>,
    /// Its nodes, sorted by name and id.
    pub nodes: Vec<InventoryNode<'a>>,
}

/// A reservable physical machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryNode<'a> {
    /// Its id in the static inventory; for a host that is not listed there, the host's name.
    #[serde(rename = "node_uuid")]
    pub uid: FeedText<'a>,
    /// Its name, as `nc01`.
    #[serde(rename = "hostname")]
    pub name: Option<FeedText<'a>>,
    /// Blazar's id of the host.
    #[serde(rename = "resource_id")]
    pub host_id: Option<FeedText<'a>>,
    /// Nova's name of the hypervisor, by which Blazar reserves the host. `None` if Blazar lists no host for the node.
    #[serde(skip)]
    pub hypervisor: Option<FeedText<'a>>,
    /// Its state, regardless of reservations.
    pub state: NodeState,
    /// Its hardware.
    pub facts: NodeFacts<'a>,
    /// Its reservations, sorted by start.
    pub reservations: Vec<Reservation<'a>>,
    /// The union of the reservations' windows.
    #[serde(skip)]
    pub timeline: Timeline,
}

/// State of a node, regardless of reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Reservable whenever it is free.
    Reservable,
    /// Taken out of service by an operator.
    Maintenance,
    /// Without a known host, so its reservations are unknown.
    Unmapped,
    /// At a site whose allocations were never read.
    NeverSynced,
}

/// The reservations of a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allocation<'a> {
    /// Blazar's id of the host.
    pub resource_id: FeedText<'a>,
    /// Its reservations, sorted by start.
    pub reservations: Vec<Reservation<'a>>,
}

/// One host's share of a lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reservation<'a> {
    /// Blazar's id of the reservation. Several hosts may share it.
    #[serde(rename = "reservation_id")]
    pub id: FeedText<'a>,
    /// Its lease.
    pub lease_id: FeedText<'a>,
    /// Its window. An unreadable start or end counts as unbounded.
    #[serde(flatten, serialize_with = "start_and_end")]
    pub window: Window,
    /// The user, if the site reports it.
    #[serde(rename = "user_name", skip_serializing_if = "Option::is_none")]
    pub user: Option<FeedText<'a>>,
}

impl<'a> Inventory<'a> {
    /// All nodes with their sites, in the order of the inventory.
    pub fn nodes(&self) -> impl Iterator<Item = (&InventorySite<'a>, &InventoryNode<'a>)> {
        self.sites.iter().flat_map(|site| site.nodes().map(move |node| (site, node)))
    }
}

impl<'a> InventorySite<'a> {
    /// All nodes of the site, in the order of the inventory.
    pub fn nodes(&self) -> impl Iterator<Item = &InventoryNode<'a>> {
        self.clusters.iter().flat_map(|cluster| &cluster.nodes)
    }
}

impl InventoryNode<'_> {
    /// Availability over the whole of a window. `Busy` holds the next start at which the node is free for as long.
    pub fn availability(&self, window: &Window) -> Availability {
        match self.state {
            NodeState::Maintenance => Availability::Maintenance,
            NodeState::Unmapped | NodeState::NeverSynced => Availability::Unknown,
            NodeState::Reservable if self.timeline.is_free(window) => Availability::Free,
            NodeState::Reservable => {
                let until = self.timeline.first_start(window.start(), window.duration());
                Availability::Busy((until < Timestamp::MAX).then_some(until))
            }
        }
    }

    /// The host's id in offers, leases and plans.
    pub fn offer_host_id(&self) -> HostId {
        HostId(self.hypervisor.as_deref().unwrap_or(&self.uid).to_owned())
    }

    /// Its name, or its id if it has no name.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.uid)
    }
}

/// Writes unreadable times as null.
fn start_and_end<S: Serializer>(window: &Window, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct StartAndEnd {
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    }
    let start = Some(window.start()).filter(|start| *start > Timestamp::MIN);
    let end = Some(window.end()).filter(|end| *end < Timestamp::MAX);
    StartAndEnd { start, end }.serialize(serializer)
}
