//! A deployment as it lies in the store.

use hostler_core::journal::{Entry, Journal, State};
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::Plan;
use hostler_core::usage::{Usage, usage};
use jiff::Timestamp;

use super::StoreError;

/// The live deployments, as far as they can be read.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that can be read, the oldest first.
    pub records: Vec<Record>,
    /// Why others can't.
    pub unreadable: Vec<StoreError>,
}

/// A deployment: its plan, and all that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id, for all time.
    pub id: DeploymentId,
    /// Its name, while it lives.
    pub name: Name,
    /// When it was entered.
    pub created: Timestamp,
    /// When nothing of it was left anywhere.
    pub closed: Option<Timestamp>,
    /// The plan of its latest round.
    pub plan: Plan,
    /// Its journal, from the first entry on.
    pub entries: Vec<Stored>,
}

/// An entry as it lies in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// From 1, without a gap.
    pub number: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The entry.
    pub entry: Entry,
}

impl Record {
    /// What the entries add up to.
    pub fn journal(&self) -> Journal {
        Journal::of(self.entries.iter().map(|stored| &stored.entry))
    }

    /// What it costs and has cost, until now or until nothing of it was left.
    pub fn usage(&self, now: Timestamp) -> Usage {
        let entries = self.entries.iter().map(|stored| (stored.at, &stored.entry));
        usage(&self.plan, entries, self.closed.unwrap_or(now))
    }

    /// Where the deployment stands.
    pub fn state(&self) -> State {
        self.journal().state(&self.plan)
    }
}
