//! Shortest circles of a directed graph of files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

/// A file that depends on another, and the first place where it does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: PathBuf,
    pub to: PathBuf,
    pub line: usize,
    pub path: String,
}

/// Files each of which depends on the next, and the last on the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Circle(Vec<Edge>);

impl Circle {
    /// The files, in the order of their dependencies, starting with the alphabetically first.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        self.0.iter().map(|edge| edge.from.as_path()).collect()
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, edge) in self.0.iter().enumerate() {
            let end = if index + 1 == self.0.len() { "" } else { "\n" };
            write!(f, "  {}:{} uses `{}` of {}{end}", edge.from.display(), edge.line, edge.path, edge.to.display())?;
        }
        Ok(())
    }
}

/// For each edge that lies on a circle the shortest circle through it, each circle once, shorter ones first.
pub fn shortest_circles(edges: Vec<Edge>) -> Vec<Circle> {
    let mut next: BTreeMap<&Path, Vec<&Edge>> = BTreeMap::new();
    for edge in &edges {
        next.entry(&edge.from).or_default().push(edge);
    }
    let found: BTreeSet<(usize, Circle)> = edges
        .iter()
        .filter_map(|edge| {
            let mut circle = vec![edge.clone()];
            circle.extend(way(&next, &edge.to, &edge.from)?.into_iter().cloned());
            Some((circle.len(), Circle(first_leads(circle))))
        })
        .collect();
    found.into_iter().map(|(_, circle)| circle).collect()
}

/// The same circle, started at its alphabetically first file.
fn first_leads(mut circle: Vec<Edge>) -> Vec<Edge> {
    let first = (0..circle.len()).min_by_key(|index| &circle[*index].from).unwrap_or(0);
    circle.rotate_left(first);
    circle
}

/// The shortest way from one file to another.
fn way<'a>(next: &BTreeMap<&Path, Vec<&'a Edge>>, from: &Path, to: &Path) -> Option<Vec<&'a Edge>> {
    let mut came_by: BTreeMap<&Path, &'a Edge> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(file) = queue.pop_front() {
        if file == to {
            let mut edges = Vec::new();
            let mut at = to;
            while at != from {
                let edge = came_by[at];
                edges.push(edge);
                at = &edge.from;
            }
            edges.reverse();
            return Some(edges);
        }
        for edge in next.get(file).into_iter().flatten() {
            if edge.to != from && !came_by.contains_key(edge.to.as_path()) {
                came_by.insert(&edge.to, edge);
                queue.push_back(&edge.to);
            }
        }
    }
    None
}
