//! Rows, leases and time scale of a calendar, for every format.

use std::collections::HashMap;

use hostler_core::availability::AvailabilityQuery;
use hostler_core::inventory::{Inventory, InventoryNode, NodeState, Reservation};
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

/// A calendar to draw.
#[derive(Debug)]
pub struct Calendar<'i> {
    /// The window shown.
    pub(super) shown: Window,
    /// The framed window: the earliest free one, or the requested one if none is free.
    pub(super) framed: Window,
    /// Label of the framed window.
    pub(super) frame: Frame,
    pub(super) rows: Vec<Row<'i>>,
    /// In order of first appearance.
    pub(super) leases: Vec<CalendarLease<'i>>,
}

/// Meaning of the framed window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The earliest window in which enough nodes are free.
    Earliest,
    /// The requested window; enough nodes are never free.
    Requested,
}

impl Frame {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Requested => "requested",
        }
    }
}

/// A node and its reservations.
#[derive(Debug)]
pub(super) struct Row<'i> {
    pub(super) site: &'i str,
    pub(super) label: &'i str,
    pub(super) node_type: &'i str,
    pub(super) state: NodeState,
    pub(super) held: Vec<Held>,
}

/// A reservation that overlaps the window shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Index of the lease.
    pub(super) lease: usize,
    pub(super) window: Window,
}

/// A lease with reservations in the window shown.
#[derive(Debug)]
pub(super) struct CalendarLease<'i> {
    pub(super) id: &'i str,
    pub(super) user: &'i str,
    pub(super) nodes: usize,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl<'i> Calendar<'i> {
    /// The nodes that match the query, from its start to the end of its search window.
    pub fn new(inventory: &'i Inventory<'_>, question: &AvailabilityQuery, earliest: Option<Timestamp>) -> Self {
        let (start, duration) = (question.window.start(), question.window.duration());
        let length = question.within.max(duration).max(SignedDuration::from_hours(1));
        let shown = Window::starting_at(start, length).unwrap_or(question.window);
        let earliest = earliest.and_then(|earliest| Window::starting_at(earliest, duration).ok());
        let frame = if earliest.is_some() { Frame::Earliest } else { Frame::Requested };
        let framed = earliest.unwrap_or(question.window);
        let mut calendar = Self { shown, framed, frame, rows: Vec::new(), leases: Vec::new() };
        let mut known: HashMap<&'i str, usize> = HashMap::new();
        for site in &inventory.sites {
            let is_queried = question.sites.is_empty() || question.sites.iter().any(|queried| **queried == *site.id);
            let matching = site.nodes().filter(|node| question.filter.matches(site, node) == Some(true));
            for node in matching.filter(|_| is_queried) {
                let row = calendar.row(&site.id, node, &mut known);
                calendar.rows.push(row);
            }
        }
        calendar
    }

    fn row(&mut self, site: &'i str, node: &'i InventoryNode<'_>, known: &mut HashMap<&'i str, usize>) -> Row<'i> {
        let shown = self.shown;
        let visible = node.reservations.iter().filter(|held| held.window.overlaps(&shown));
        let held = visible.map(|held| Held { lease: self.lease(held, known), window: held.window }).collect();
        let node_type = node.facts.node_type.as_deref().unwrap_or_default();
        Row { site, label: node.label(), node_type, state: node.state, held }
    }

    fn lease(&mut self, held: &'i Reservation<'_>, known: &mut HashMap<&'i str, usize>) -> usize {
        let (start, end) = (held.window.start(), held.window.end());
        // A reservation without a lease counts as a lease of its own.
        let id: &str = if held.lease_id.is_empty() { &held.id } else { &held.lease_id };
        let index = *known.entry(id).or_insert(self.leases.len());
        if index == self.leases.len() {
            let user = held.user.as_deref().unwrap_or_default();
            self.leases.push(CalendarLease { id, user, nodes: 0, start, end });
        }
        let lease = &mut self.leases[index];
        lease.nodes += 1;
        (lease.start, lease.end) = (lease.start.min(start), lease.end.max(end));
        index
    }
}

/// An instant to the minute, in UTC; `unknown` for an open side of a window.
pub(super) fn minute(at: Timestamp) -> String {
    match at {
        at if at == Timestamp::MIN || at == Timestamp::MAX => "unknown".to_owned(),
        at => at.strftime("%Y-%m-%d %H:%M").to_string(),
    }
}

/// Round steps of a time scale, in minutes: 5 minutes to 8 weeks.
const STEPS: [i64; 16] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1_440, 2_880, 10_080, 20_160, 40_320, 80_640];

/// The smallest round step such that `count` of them cover the window.
pub(super) fn step(shown: &Window, count: usize) -> SignedDuration {
    let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let covers = |minutes: &i64| SignedDuration::from_mins(minutes.saturating_mul(count)) >= shown.duration();
    let whole = shown.duration().as_mins() / count + 1;
    SignedDuration::from_mins(STEPS.into_iter().find(covers).unwrap_or(whole))
}
