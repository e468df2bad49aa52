//! Journal entries. Their stored text never changes meaning: `journal/golden.jsonl` pins it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::SiteId;
use crate::ports::{Account, Created, Power, Remedy};
use crate::ticket::StepId;

/// An entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A new goal. The goal up begins a round.
    Goal(Goal),
    /// An event of a step.
    Step {
        /// The step.
        step: StepId,
        /// The event.
        event: StepEvent,
    },
    /// The round, which has just begun, leaves phases out: it cannot make the deployment ready.
    PartialRound,
    /// Every step is done; only user runs may follow.
    Ready,
    /// A new end; `None` if the deployment has no end.
    #[serde(rename = "ends_at")]
    Until(Option<Timestamp>),
    /// The deployment is held, although it failed or expired; `false` ends that.
    Hold(bool),
    /// The account that creates the resources at a site.
    Account {
        /// The site.
        site: SiteId,
        /// The account.
        account: Account,
    },
}

/// Goal of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Become ready.
    #[default]
    Up,
    /// Delete all resources, because the deployment could not become ready.
    RollBack(RollBackCause),
    /// Delete all resources, because the user requested it or the deployment has expired.
    Down,
}

/// Cause of a roll-back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollBackCause {
    /// A step failed.
    Failure,
    /// The user or the system interrupted the run.
    Interrupt,
}

/// Event of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// Its call is about to be sent.
    Started,
    /// It succeeded.
    Done {
        /// The created resource; `None` if the step creates none.
        created: Option<Created>,
    },
    /// It failed, and is not retried in this round.
    Failed {
        /// The error.
        failure: Failure,
    },
    /// The deletion of its resource is about to be sent.
    UndoStarted,
    /// Its resource does not exist any more.
    Undone,
    /// Its resource may still exist.
    UndoFailed {
        /// The error.
        failure: Failure,
    },
    /// The machine was started or shut down by the user.
    Power {
        /// The new state.
        power: Power,
    },
}

/// The stored part of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error with its causes, as a lower-case fragment.
    pub message: String,
    /// Next action of the caller.
    pub remedy: Remedy,
    /// Advice for the user.
    pub hint: Option<String>,
}
