//! A calendar of hosts and leases: a row for each node, time to the right.

mod html;
mod svg;
mod text;

use std::collections::HashMap;

use hostler_core::availability::Question;
use hostler_core::inventory::{Inventory, Node, Reservation, Service};
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

use crate::table::Width;

/// What is drawn.
#[derive(Debug)]
pub struct Calendar<'i> {
    /// The time that is shown.
    shown: Window,
    /// The time that was asked for, moved to where it can be had.
    asked: Window,
    rows: Vec<Row<'i>>,
    /// By first appearance.
    leases: Vec<Lease<'i>>,
}

/// A picture's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// A drawing.
    Svg,
    /// A page with the drawing, and a table of the leases.
    Html,
}

/// A node and who holds it.
#[derive(Debug)]
struct Row<'i> {
    site: &'i str,
    label: &'i str,
    node_type: &'i str,
    service: Service,
    held: Vec<Held>,
}

/// A reservation within the time that is shown.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Which lease, as a place in the list.
    lease: usize,
    window: Window,
}

/// A lease that holds something within the time that is shown.
#[derive(Debug)]
struct Lease<'i> {
    id: &'i str,
    user: &'i str,
    nodes: usize,
    start: Timestamp,
    end: Timestamp,
}

impl<'i> Calendar<'i> {
    /// Of the nodes that a question means, from its start to its horizon.
    pub fn new(inventory: &'i Inventory<'_>, question: &Question, earliest: Option<Timestamp>) -> Self {
        let (start, duration) = (question.window.start(), question.window.duration());
        let length = question.within.max(duration).max(SignedDuration::from_hours(1));
        let shown = Window::of(start, length).unwrap_or(question.window);
        let asked = earliest.and_then(|earliest| Window::of(earliest, duration).ok()).unwrap_or(question.window);
        let mut calendar = Self { shown, asked, rows: Vec::new(), leases: Vec::new() };
        let mut known: HashMap<&'i str, usize> = HashMap::new();
        for site in &inventory.sites {
            let is_asked = question.sites.is_empty() || question.sites.iter().any(|asked| **asked == *site.id);
            let meant = site.nodes().filter(|node| question.filter.matches(site, node) == Some(true));
            for node in meant.filter(|_| is_asked) {
                let row = calendar.row(&site.id, node, &mut known);
                calendar.rows.push(row);
            }
        }
        calendar
    }

    fn row(&mut self, site: &'i str, node: &'i Node<'_>, known: &mut HashMap<&'i str, usize>) -> Row<'i> {
        let shown = self.shown;
        let visible = node.reservations.iter().filter(|held| held.window.overlaps(&shown));
        let held = visible.map(|held| Held { lease: self.lease(held, known), window: held.window }).collect();
        let node_type = node.facts.node_type.as_deref().unwrap_or_default();
        Row { site, label: node.label(), node_type, service: node.service, held }
    }

    fn lease(&mut self, held: &'i Reservation<'_>, known: &mut HashMap<&'i str, usize>) -> usize {
        let (start, end) = (held.window.start(), held.window.end());
        // A reservation without a lease stands for itself.
        let id: &str = if held.lease_id.is_empty() { &held.id } else { &held.lease_id };
        let index = *known.entry(id).or_insert(self.leases.len());
        if index == self.leases.len() {
            let user = held.user.as_deref().unwrap_or_default();
            self.leases.push(Lease { id, user, nodes: 0, start, end });
        }
        let lease = &mut self.leases[index];
        lease.nodes += 1;
        (lease.start, lease.end) = (lease.start.min(start), lease.end.max(end));
        index
    }

    /// For a terminal, without need of colour.
    pub fn text(&self, width: Width) -> String {
        text::text(self, width)
    }

    /// As a picture.
    pub fn draw(&self, picture: Picture) -> String {
        match picture {
            Picture::Svg => svg::svg(self),
            Picture::Html => html::html(self),
        }
    }
}

/// An instant to the minute, or that there is none.
fn minute(at: Timestamp) -> String {
    match at {
        at if at == Timestamp::MIN || at == Timestamp::MAX => "unknown".to_owned(),
        at => at.strftime("%Y-%m-%d %H:%M").to_string(),
    }
}

/// Steps of a scale that people read easily, in minutes.
const STEPS: [i64; 16] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1_440, 2_880, 10_080, 20_160, 40_320, 80_640];

/// The smallest readable step of which `count` cover a time.
fn step(shown: &Window, count: usize) -> SignedDuration {
    let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let covers = |minutes: &i64| SignedDuration::from_mins(minutes.saturating_mul(count)) >= shown.duration();
    let whole = shown.duration().as_mins() / count + 1;
    SignedDuration::from_mins(STEPS.into_iter().find(covers).unwrap_or(whole))
}
