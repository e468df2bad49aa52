//! The journal of a running deployment, for the process that runs it.

use std::collections::BTreeSet;

use super::next::{Next, decide};
use super::ready_index::ReadyIndex;
use super::{Entry, IllegalEntry, Journal};
use crate::plan::Plan;
use crate::ticket::StepId;

/// A plan, its journal, and the steps in flight: those that this process works on.
///
/// Decides the same as [`Journal::next`], in time proportional to the change since the last call.
#[derive(Debug)]
pub struct LiveJournal<'p> {
    journal: Journal,
    in_flight: BTreeSet<StepId>,
    index: ReadyIndex<'p>,
}

impl<'p> LiveJournal<'p> {
    /// A journal with no step in flight.
    pub fn new(plan: &'p Plan, journal: Journal) -> Self {
        let in_flight = BTreeSet::new();
        Self { index: ReadyIndex::of(plan, &journal, &in_flight), journal, in_flight }
    }

    /// The journal, up to the last applied entry.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Applies one more entry.
    ///
    /// # Errors
    /// If the entry must not follow. Nothing is changed then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalEntry> {
        self.journal.apply(entry)?;
        match entry {
            Entry::Goal(_) => self.index.update_all(&self.journal, &self.in_flight),
            Entry::Step { step, .. } => self.index.update(step, &self.journal, &self.in_flight),
            Entry::PartialRound | Entry::Ready | Entry::Account { .. } | Entry::Until(_) | Entry::Hold(_) => {}
        }
        Ok(())
    }

    /// Marks a step as in flight.
    pub fn begun(&mut self, step: &StepId) {
        self.in_flight.insert(step.clone());
        self.index.update(step, &self.journal, &self.in_flight);
    }

    /// Marks a step as no longer in flight.
    pub fn ended(&mut self, step: &StepId) {
        self.in_flight.remove(step);
        self.index.update(step, &self.journal, &self.in_flight);
    }

    /// True if no step is in flight.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// The next action.
    pub fn next(&self) -> Next<'p> {
        decide(&self.index, &self.journal, &self.in_flight)
    }
}
