//! Why a cluster could not be provisioned, or given back.

use std::fmt;

use hostler_core::name::{BadName, Name};
use hostler_core::plan::{Change, NoDrivers, NoPlan};
use hostler_core::time::BadTime;

use crate::deploy::{DeployError, NotReached};
use crate::run::Outcome;
use crate::store::StoreError;

/// Why a cluster could not be provisioned, or given back.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The name can't be one.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The window can't be one.
    #[error(transparent)]
    Window(#[from] BadTime),
    /// Nobody serves the demand.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// Drivers are wished for that can't be had there.
    #[error(transparent)]
    NoDrivers(#[from] NoDrivers),
    /// A cluster of that name is up, and the demand takes other machines.
    #[error("what is up takes other machines: {}", listed(.0))]
    Changed(Vec<Change>),
    /// The journal can't be read or written, or another process works on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its life could not be led.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A machine can't be logged in to.
    #[error(transparent)]
    NotReached(#[from] NotReached),
    /// It ended otherwise than was asked: what failed, and what is left.
    #[error("`{name}` {}", ended(.outcome))]
    Ended {
        /// Its name.
        name: Name,
        /// How it ended.
        outcome: Box<Outcome>,
    },
}

impl ProvisionError {
    pub(super) fn ended(name: Name, outcome: Outcome) -> Self {
        Self::Ended { name, outcome: Box::new(outcome) }
    }
}

impl From<Vec<Change>> for ProvisionError {
    fn from(changes: Vec<Change>) -> Self {
        Self::Changed(changes)
    }
}

fn listed<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn ended(outcome: &Outcome) -> String {
    let (how, failed, left) = match outcome {
        Outcome::Ready { failed_runs } => ("is ready, but its run failed", failed_runs.as_slice(), [].as_slice()),
        Outcome::RolledBack { failed, .. } => {
            ("could not be had, and was given back", failed.as_slice(), [].as_slice())
        }
        Outcome::Released => ("was given back", [].as_slice(), [].as_slice()),
        Outcome::Stuck { failed, left } => ("can't go on by itself", failed.as_slice(), left.as_slice()),
        Outcome::Interrupted { left } => ("was interrupted", [].as_slice(), left.as_slice()),
    };
    let failures = failed.iter().map(|failed| format!("{}: {}", failed.step, failed.failure.message));
    let left = left.iter().map(|left| format!("left: {} at {} (step {})", left.kind, left.site, left.step));
    std::iter::once(how.to_owned()).chain(failures).chain(left).collect::<Vec<_>>().join("; ")
}
