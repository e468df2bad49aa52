//! The lines of the journal. Their stored text never changes meaning: `journal/golden.jsonl` pins it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::SiteId;
use crate::ports::{Account, Created, Power, Remedy};
use crate::ticket::StepId;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Where it goes from here.
    Goal(Goal),
    /// Something happened to a step.
    Step {
        /// Which.
        step: StepId,
        /// What.
        event: StepEvent,
    },
    /// This round, which has just begun, leaves phases out: it makes nothing ready that wasn't.
    PartialRound,
    /// Every step is done.
    Ready,
    /// The end was moved; without an end where `None`.
    Until(Option<Timestamp>),
    /// Whether to keep it, though failed or expired.
    Hold(bool),
    /// As whom things are made at a site from here on.
    Account {
        /// The site.
        site: SiteId,
        /// Who we are there.
        account: Account,
    },
}

/// Where a deployment is heading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// To be ready.
    #[default]
    Up,
    /// To give everything back, because it could not become ready.
    RollBack(RollBackCause),
    /// To give everything back, because the user asked for it or its window is over.
    Down,
}

/// Why a deployment turns back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollBackCause {
    /// A step failed.
    Failure,
    /// The user or the system stopped it.
    Interrupt,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// The call is about to go out.
    Started,
    /// It succeeded.
    Done {
        /// What was made, if it makes something.
        created: Option<Created>,
    },
    /// It failed, and is not tried again in this round.
    Failed {
        /// How.
        failure: Failure,
    },
    /// What it made is about to be given back.
    UndoStarted,
    /// What it made is gone.
    Undone,
    /// What it made may still be there.
    UndoFailed {
        /// How it failed.
        failure: Failure,
    },
    /// The machine was started or shut down on request.
    Power {
        /// As it is now.
        power: Power,
    },
}

/// What is kept of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error with its causes, as a lower-case fragment.
    pub message: String,
    /// What the caller is to do next.
    pub remedy: Remedy,
    /// What to tell the user to do.
    pub hint: Option<String>,
}
