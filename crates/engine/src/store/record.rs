//! Deployments as stored.

use std::ops::Deref;

use hostler_core::journal::{DeploymentState, Entry, IllegalEntry, Journal};
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::Plan;
use hostler_core::usage::{Usage, usage};
use jiff::Timestamp;

use super::error::StoreError;

/// Deployments, as far as their records can be read.
#[derive(Debug, Default)]
pub struct DeploymentListing {
    /// The readable ones, oldest first.
    pub records: Vec<Record>,
    /// The errors of the others.
    pub unreadable: Vec<StoreError>,
}

/// A deployment: its plan and its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The id, never reused.
    pub id: DeploymentId,
    /// The name, which is free for another deployment once this one is closed.
    pub name: Name,
    /// The time of the first entry.
    pub created: Timestamp,
    /// The time when its last resource was deleted; `None` while it is live.
    pub closed: Option<Timestamp>,
    /// The plan of its latest round.
    pub plan: Plan,
    /// The entries of its journal.
    pub entries: StoredEntries,
}

/// A stored journal entry.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// The number within the deployment, from 1, without gaps.
    pub number: u64,
    /// The time when it was written.
    pub at: Timestamp,
    /// The entry.
    pub entry: Entry,
}

/// The stored entries of a deployment, oldest first. Each is legal after those before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredEntries {
    stored: Vec<StoredEntry>,
    journal: Journal,
}

/// A stored entry that must not follow those before it.
#[derive(Debug, thiserror::Error)]
#[error("the illegal entry {number} ({source})")]
pub struct IllegalStoredEntry {
    /// The number of the entry.
    pub number: u64,
    /// The entry, and the state that it met.
    pub source: IllegalEntry,
}

impl StoredEntries {
    /// Checks the entries of a journal, oldest first.
    ///
    /// # Errors
    /// The first illegal entry.
    pub fn new(stored: Vec<StoredEntry>) -> Result<Self, IllegalStoredEntry> {
        let mut journal = Journal::default();
        for StoredEntry { number, entry, .. } in &stored {
            journal.apply(entry).map_err(|source| IllegalStoredEntry { number: *number, source })?;
        }
        Ok(Self { stored, journal })
    }

    /// Applies entries to the journal before they are written. [`Self::push`] or [`Self::discard_unwritten`] must follow.
    pub(super) fn apply(&mut self, entries: &[Entry]) -> Result<(), IllegalEntry> {
        entries.iter().try_for_each(|entry| self.journal.apply(entry))
    }

    /// Adds entries that are applied and written.
    pub(super) fn push(&mut self, written: impl IntoIterator<Item = StoredEntry>) {
        self.stored.extend(written);
    }

    /// Restores the journal after entries were applied that could not be written.
    pub(super) fn discard_unwritten(&mut self) {
        // The stored entries were legal before, so none is refused.
        if let Ok(journal) = Journal::of(self.stored.iter().map(|stored| &stored.entry)) {
            self.journal = journal;
        }
    }
}

impl Deref for StoredEntries {
    type Target = [StoredEntry];

    fn deref(&self) -> &[StoredEntry] {
        &self.stored
    }
}

impl Record {
    /// The journal that the entries add up to.
    pub fn journal(&self) -> &Journal {
        &self.entries.journal
    }

    /// Price per hour, and cost from the start until `now` or until it was closed.
    pub fn usage(&self, now: Timestamp) -> Usage {
        let entries = self.entries.iter().map(|stored| (stored.at, &stored.entry));
        usage(&self.plan, entries, self.closed.unwrap_or(now))
    }

    /// The current state.
    pub fn state(&self) -> DeploymentState {
        self.journal().state(&self.plan)
    }
}
