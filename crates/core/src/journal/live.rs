//! A journal on its way, for the one process that drives it.

use std::collections::BTreeSet;

use super::ready_index::ReadyIndex;
use super::{Entry, Journal, Next};
use crate::plan::Plan;
use crate::ticket::StepId;

/// A plan, its journal, and what this process is working on.
///
/// Says the same as [`Journal::next`], at the cost of what has changed since.
#[derive(Debug)]
pub struct LiveJournal<'p> {
    journal: Journal,
    in_flight: BTreeSet<StepId>,
    frontier: ReadyIndex<'p>,
}

impl<'p> LiveJournal<'p> {
    /// Nothing is being worked on yet.
    pub fn new(plan: &'p Plan, journal: Journal) -> Self {
        let in_flight = BTreeSet::new();
        Self { frontier: ReadyIndex::of(plan, &journal, &in_flight), journal, in_flight }
    }

    /// The journal as it is by now.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Takes in one more entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.journal.apply(entry);
        match entry {
            Entry::Goal(_) => self.frontier.turned(&self.journal, &self.in_flight),
            Entry::Step { step, .. } => self.frontier.moved(step, &self.journal, &self.in_flight),
            Entry::PartialRound | Entry::Ready | Entry::Account { .. } | Entry::Until(_) | Entry::Hold(_) => {}
        }
    }

    /// From now on a step is being worked on.
    pub fn begun(&mut self, step: &StepId) {
        self.in_flight.insert(step.clone());
        self.frontier.moved(step, &self.journal, &self.in_flight);
    }

    /// From now on it no longer is.
    pub fn ended(&mut self, step: &StepId) {
        self.in_flight.remove(step);
        self.frontier.moved(step, &self.journal, &self.in_flight);
    }

    /// Whether nothing is being worked on.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// What comes next.
    pub fn next(&self) -> Next<'p> {
        self.frontier.next(&self.journal, &self.in_flight)
    }
}
