//! Deployments as stored.

use hostler_core::journal::{DeploymentState, Entry, Journal};
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
    /// The entries of its journal, oldest first.
    pub entries: Vec<StoredEntry>,
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

impl Record {
    /// The journal, folded from all entries. Takes time in proportion to their number.
    pub fn journal(&self) -> Journal {
        Journal::of(self.entries.iter().map(|stored| &stored.entry))
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
