//! The join of static nodes, hosts and allocations into one inventory, in one pass over each.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::allocation::{RawAllocation, RawReservation, allocations, holds};
use super::feed::{BadFeed, Document, Feed};
use super::host::{BlazarHost, hosts, resource_map};
use super::node::{NodeLocation, nodes};
use super::value::FeedText;
use super::{
    Allocation, FeedProblem, Inventory, InventoryCluster, InventoryNode, InventorySite, NodeState, Reservation,
};
use crate::calendar::Timeline;
use crate::time::Window;

/// Joins the feeds of several sites.
///
/// `padding` is the time by which an allocation exceeds its lease at each end: Blazar may keep a host for some minutes
/// before and after a lease. With [`SignedDuration::ZERO`] allocations are used unchanged. Host ids are local to a
/// feed: two sites may use the same number for different hosts.
pub fn join(feeds: &[Feed], padding: SignedDuration) -> Result<Inventory<'_>, BadFeed> {
    let mut joined = Join { padding, ..Join::default() };
    let mut names = DisplayNames::default();
    for feed in feeds {
        joined.add(feed)?;
        names.add(feed)?;
    }
    Ok(joined.done(&names))
}

#[derive(Default)]
struct Join<'a> {
    padding: SignedDuration,
    entries: Vec<PlacedNode<'a>>,
    by_uid: HashMap<FeedText<'a>, usize>,
    unmatched: Vec<Allocation<'a>>,
    problems: Vec<FeedProblem>,
}

struct PlacedNode<'a> {
    place: NodeLocation<'a>,
    node: InventoryNode<'a>,
}

/// The nodes of one feed, by host id and by name.
#[derive(Default)]
struct NodeLookup<'a> {
    by_host: HashMap<FeedText<'a>, usize>,
    by_name: HashMap<FeedText<'a>, usize>,
}

impl<'a> Join<'a> {
    fn add(&mut self, feed: &'a Feed) -> Result<(), BadFeed> {
        let mut lookup = NodeLookup::default();
        let first = self.entries.len();
        for document in &feed.nodes {
            for node in nodes(document)? {
                let name = node.name.clone();
                let new = PlacedNode { place: node.place, node: bare(node.uid, node.name, node.facts) };
                let index = self.insert(new);
                lookup.by_name.extend(name.map(|name| (name, index)));
            }
        }
        if let Some(document) = &feed.hosts {
            for host in hosts(document)? {
                self.add_host(host, feed, &mut lookup);
            }
        }
        if let Some(document) = &feed.resource_map {
            for (id, node) in resource_map(document)? {
                if let Some(index) = self.find(&node, &lookup) {
                    self.map(id, index, &mut lookup);
                }
            }
        }
        match &feed.allocations {
            Some(document) => allocations(document, |allocation| self.allocate(allocation, &mut lookup))?,
            None => self.entries[first..].iter_mut().for_each(|entry| entry.node.never_synced()),
        }
        Ok(())
    }

    fn insert(&mut self, entry: PlacedNode<'a>) -> usize {
        let index = self.entries.len();
        match self.by_uid.get(&entry.node.uid) {
            Some(known) => {
                self.problems.push(FeedProblem::NodeAgain { uid: entry.node.uid.to_string() });
                *known
            }
            None => {
                self.by_uid.insert(entry.node.uid.clone(), index);
                self.entries.push(entry);
                index
            }
        }
    }

    fn find(&self, node: &FeedText<'a>, lookup: &NodeLookup<'a>) -> Option<usize> {
        self.by_uid.get(node).or_else(|| lookup.by_name.get(node)).copied()
    }

    /// Adds the facts of a host to its node. A host without a static node becomes a node if it has facts, or if the
    /// feed has no static nodes at all.
    fn add_host(&mut self, host: BlazarHost<'a>, feed: &'a Feed, lookup: &mut NodeLookup<'a>) {
        let (id, hypervisor) = (host.id.clone(), host.hostname.clone());
        let names = [&host.uid, &host.hostname, &host.node_name];
        let known = names.into_iter().flatten().find_map(|name| self.find(name, lookup));
        let index = match known {
            Some(index) => {
                self.entries[index].node.facts.fill(host.facts);
                index
            }
            None if feed.nodes.is_empty() || !host.facts.is_empty() => {
                let uid = host.uid.or(host.hostname).unwrap_or_else(|| host.id.clone());
                let place = NodeLocation { site: feed.site.as_deref().map(FeedText::from), cluster: None };
                self.insert(PlacedNode { place, node: bare(uid, host.node_name, host.facts) })
            }
            None => return,
        };
        self.map(host.id, index, lookup);
        let node = &mut self.entries[index].node;
        if node.host_id.as_ref() == Some(&id) {
            node.hypervisor = hypervisor;
        }
        if host.is_out_of_service {
            node.state = NodeState::Maintenance;
        }
    }

    fn map(&mut self, id: FeedText<'a>, index: usize, lookup: &mut NodeLookup<'a>) {
        let node = &mut self.entries[index].node;
        match &node.host_id {
            Some(first) if *first != id => self.problems.push(FeedProblem::SeveralHosts {
                node: node.label().to_owned(),
                first: first.to_string(),
                other: id.to_string(),
            }),
            Some(_) => {}
            None => {
                node.host_id = Some(id.clone());
                node.state = NodeState::Reservable;
            }
        }
        lookup.by_host.insert(id, index);
    }

    fn allocate(&mut self, allocation: RawAllocation<'a>, lookup: &mut NodeLookup<'a>) {
        let (id, problems) = (allocation.resource_id, &mut self.problems);
        let held = allocation.reservations.0.into_iter();
        let held = held.filter(|held| held.status.as_deref().is_none_or(holds));
        let mut held: Vec<_> = held.map(|held| reservation(held, &id, self.padding, problems)).collect();
        // `collect` reuses the buffer of the larger raw reservations, and there are many.
        held.shrink_to_fit();
        // Without a map, the id of a host may be the uid or the name of its node.
        let Some(index) = lookup.by_host.get(&id).copied().or_else(|| self.find(&id, lookup)) else {
            return self.unmatched.push(Allocation { resource_id: id, reservations: in_order(held) });
        };
        if self.entries[index].node.host_id.is_none() {
            self.map(id, index, lookup);
        }
        let reservations = &mut self.entries[index].node.reservations;
        match reservations.is_empty() {
            true => *reservations = held,
            false => reservations.extend(held),
        }
    }

    fn done(mut self, names: &DisplayNames<'a>) -> Inventory<'a> {
        for PlacedNode { node, .. } in &mut self.entries {
            node.reservations = in_order(std::mem::take(&mut node.reservations));
            node.timeline = Timeline::of(node.reservations.iter().map(|held| held.window));
            if node.facts.labelled_memory().is_some() {
                self.problems.push(FeedProblem::MemoryInWords {
                    node: node.label().to_owned(),
                    words: node.facts.memory_text.as_deref().unwrap_or_default().to_owned(),
                    bytes: node.facts.memory.unwrap_or_default(),
                });
            }
        }
        self.entries.sort_by(|a, b| {
            let (here, there) = (&a.place, &b.place);
            // Nodes without a site come last.
            let sites = (here.site.is_none(), &here.site, &here.cluster);
            let order = sites.cmp(&(there.site.is_none(), &there.site, &there.cluster));
            order.then_with(|| (a.node.label(), &a.node.uid).cmp(&(b.node.label(), &b.node.uid)))
        });
        self.unmatched.sort_by(|a, b| a.resource_id.cmp(&b.resource_id));
        let mut inventory = Inventory { sites: Vec::new(), unmatched: self.unmatched, problems: self.problems };
        self.entries.into_iter().for_each(|entry| place(entry, names, &mut inventory.sites));
        inventory
    }
}

impl InventoryNode<'_> {
    fn never_synced(&mut self) {
        if self.state != NodeState::Maintenance {
            self.state = NodeState::NeverSynced;
        }
    }
}

/// A node without host and reservations.
fn bare<'a>(uid: FeedText<'a>, name: Option<FeedText<'a>>, facts: super::NodeFacts<'a>) -> InventoryNode<'a> {
    InventoryNode {
        uid,
        name,
        host_id: None,
        hypervisor: None,
        state: NodeState::Unmapped,
        facts,
        reservations: Vec::new(),
        timeline: Timeline::default(),
    }
}

/// Checks the times of a reservation. An unreadable time leaves the host busy on that side.
fn reservation<'a>(
    raw: RawReservation<'a>,
    host: &FeedText<'a>,
    padding: SignedDuration,
    problems: &mut Vec<FeedProblem>,
) -> Reservation<'a> {
    let mut report = |problem: fn(String, String, Option<String>) -> FeedProblem, text: Option<String>| {
        problems.push(problem(raw.id.to_string(), host.to_string(), text));
    };
    let start = raw.start_date.read().unwrap_or_else(|text| {
        report(|reservation, host, text| FeedProblem::NoStart { reservation, host, text }, text);
        Timestamp::MIN
    });
    let end = raw.end_date.read().unwrap_or_else(|text| {
        report(|reservation, host, text| FeedProblem::NoEnd { reservation, host, text }, text);
        Timestamp::MAX
    });
    let window = Window::new(start, end).unwrap_or_else(|_| {
        report(|reservation, host, _| FeedProblem::EndBeforeStart { reservation, host }, None);
        Window::open_ended(start)
    });
    let user = raw.extras.and_then(|extras| extras.user_name);
    Reservation { id: raw.id, lease_id: raw.lease_id, window: unpadded(window, padding), user }
}

/// The window of the lease behind a padded allocation. An allocation no longer than its padding stays unchanged.
fn unpadded(window: Window, padding: SignedDuration) -> Window {
    if padding.is_zero() {
        return window;
    }
    let (start, end) = (window.start(), window.end());
    // An unbounded start or end stays unbounded.
    let start = if start == Timestamp::MIN { start } else { start.saturating_add(padding).unwrap_or(start) };
    let end = if end == Timestamp::MAX { end } else { end.saturating_sub(padding).unwrap_or(end) };
    Window::new(start, end).unwrap_or(window)
}

/// Sorts by start, and removes duplicates.
fn in_order(mut reservations: Vec<Reservation<'_>>) -> Vec<Reservation<'_>> {
    reservations.sort_by(|a, b| {
        let key = |held: &Reservation<'_>| (held.window.start(), held.window.end());
        key(a).cmp(&key(b)).then_with(|| (&a.id, &a.lease_id).cmp(&(&b.id, &b.lease_id)))
    });
    reservations.dedup();
    reservations
}

/// Appends a node to its site and cluster. Entries arrive sorted by both.
fn place<'a>(entry: PlacedNode<'a>, names: &DisplayNames<'a>, sites: &mut Vec<InventorySite<'a>>) {
    let id = entry.place.site.unwrap_or(FeedText::from("unknown"));
    if sites.last().is_none_or(|site| site.id != id) {
        let name = names.sites.get(&id).cloned().unwrap_or_else(|| id.clone());
        sites.push(InventorySite { id, name, clusters: Vec::new() });
    }
    let Some(site) = sites.last_mut() else { return };
    let id = entry.place.cluster.unwrap_or(FeedText::from("unknown"));
    if site.clusters.last().is_none_or(|cluster| cluster.id != id) {
        let name = names.clusters.get(&id).cloned().unwrap_or_else(|| id.clone());
        site.clusters.push(InventoryCluster { id, name, nodes: Vec::new() });
    }
    if let Some(cluster) = site.clusters.last_mut() {
        cluster.nodes.push(entry.node);
    }
}

/// Display names of sites and clusters.
#[derive(Default)]
struct DisplayNames<'a> {
    sites: HashMap<FeedText<'a>, FeedText<'a>>,
    clusters: HashMap<FeedText<'a>, FeedText<'a>>,
}

#[derive(Deserialize)]
struct NamedEntry<'a> {
    #[serde(borrow)]
    uid: FeedText<'a>,
    #[serde(borrow)]
    name: Option<FeedText<'a>>,
}

impl<'a> DisplayNames<'a> {
    fn add(&mut self, feed: &'a Feed) -> Result<(), BadFeed> {
        for document in &feed.clusters {
            read_names(document, &mut self.clusters)?;
        }
        feed.sites.iter().try_for_each(|document| read_names(document, &mut self.sites))
    }
}

fn read_names<'a>(document: &'a Document, names: &mut HashMap<FeedText<'a>, FeedText<'a>>) -> Result<(), BadFeed> {
    let listed: Vec<NamedEntry<'a>> = match document.list()? {
        Some(list) => list,
        None => vec![document.read()?],
    };
    names.extend(listed.into_iter().filter_map(|named| Some((named.uid, named.name?))));
    Ok(())
}
