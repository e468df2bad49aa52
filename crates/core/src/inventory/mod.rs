//! The inventory: what nodes there are, what each has, and who holds it when.
//!
//! Three sources are joined, each of which may lack what another has: the static nodes of the reference API, the hosts
//! as Blazar knows them (or a map from its ids to nodes), and Blazar's allocations. What can't be joined is reported,
//! and is never taken for free.

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
pub use view::{FeedOrigin, View};

/// All nodes of some sites, with who holds them. It borrows from the feeds that it was made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory<'a> {
    /// The sites that have nodes, by id.
    pub sites: Vec<InventorySite<'a>>,
    /// What is allocated on hosts that belong to no node.
    pub unmatched: Vec<Allocation<'a>>,
    /// What was read, and yet could not be made sense of.
    pub problems: Vec<FeedProblem>,
}

/// A site and its clusters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventorySite<'a> {
    /// Its id: `uc`.
    #[serde(rename = "site_id")]
    pub id: FeedText<'a>,
    /// What people call it: `CHI@UC`.
    #[serde(rename = "display_name")]
    pub name: FeedText<'a>,
    /// By id.
    pub clusters: Vec<InventoryCluster<'a>>,
}

/// A cluster and its nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryCluster<'a> {
    /// Its id: `chameleon`.
    #[serde(rename = "cluster_id")]
    pub id: FeedText<'a>,
    /// What people call it.
    pub name: FeedText<'a>,
    /// By name, then by id.
    pub nodes: Vec<InventoryNode<'a>>,
}

/// A machine that can be reserved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InventoryNode<'a> {
    /// Its id in the static inventory, or the host's name where it isn't listed there.
    #[serde(rename = "node_uuid")]
    pub uid: FeedText<'a>,
    /// What people call it.
    #[serde(rename = "hostname")]
    pub name: Option<FeedText<'a>>,
    /// Blazar's id of the host.
    #[serde(rename = "resource_id")]
    pub host_id: Option<FeedText<'a>>,
    /// Nova's name of the hypervisor, by which Blazar reserves the host. `None` if Blazar lists no host for the node.
    #[serde(skip)]
    pub hypervisor: Option<FeedText<'a>>,
    /// Whether it can be reserved at all.
    pub state: NodeState,
    /// What it has.
    pub facts: NodeFacts<'a>,
    /// Who holds it when, by start.
    pub reservations: Vec<Reservation<'a>>,
    /// The union of its reservations.
    #[serde(skip)]
    pub timeline: Timeline,
}

/// Whether a node can be reserved at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It can, where it is free.
    Reservable,
    /// An operator has taken it out of service.
    Maintenance,
    /// No host is known for it, so neither is who holds it.
    Unmapped,
    /// Nobody has said what is allocated at its site.
    NeverSynced,
}

/// What is allocated on a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allocation<'a> {
    /// Blazar's id of the host.
    pub resource_id: FeedText<'a>,
    /// Who holds it when, by start.
    pub reservations: Vec<Reservation<'a>>,
}

/// A lease's part on one host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reservation<'a> {
    /// Blazar's id of the reservation; several hosts may share it.
    #[serde(rename = "reservation_id")]
    pub id: FeedText<'a>,
    /// The lease that it belongs to.
    pub lease_id: FeedText<'a>,
    /// From when until when the host is held. An end that was not readable is the end of time.
    #[serde(flatten, serialize_with = "start_and_end")]
    pub window: Window,
    /// Who holds it, where the site says.
    #[serde(rename = "user_name", skip_serializing_if = "Option::is_none")]
    pub user: Option<FeedText<'a>>,
}

impl<'a> Inventory<'a> {
    /// All nodes, with their sites, in a stable order.
    pub fn nodes(&self) -> impl Iterator<Item = (&InventorySite<'a>, &InventoryNode<'a>)> {
        self.sites.iter().flat_map(|site| site.nodes().map(move |node| (site, node)))
    }
}

impl<'a> InventorySite<'a> {
    /// All its nodes, in a stable order.
    pub fn nodes(&self) -> impl Iterator<Item = &InventoryNode<'a>> {
        self.clusters.iter().flat_map(|cluster| &cluster.nodes)
    }
}

impl InventoryNode<'_> {
    /// Whether it can be had over the whole of a window; where it is busy, from when on it can for so long.
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

    /// The id by which offers, leases and plans name the host.
    pub fn offer_host_id(&self) -> HostId {
        HostId(self.hypervisor.as_deref().unwrap_or(&self.uid).to_owned())
    }

    /// Its name, or its id where it has none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.uid)
    }
}

/// What was not readable is null.
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
