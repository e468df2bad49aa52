//! One stream of events feeds the terminal, the JSON lines and the logs.

use hostler_core::name::Name;
use hostler_core::ticket::StepId;
use serde::Serialize;

/// Something that happened while a deployment was driven.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An entry of the journal is on disk.
    Journaled {
        /// The deployment.
        deployment: Name,
        /// The entry's number, from 1.
        number: u64,
    },
    /// A step begins.
    Started {
        /// The step.
        step: StepId,
        /// What it does, for the user's eyes: `create machine digits`.
        title: String,
    },
    /// A step says how far it is.
    Progress {
        /// The step.
        step: StepId,
        /// For the user's eyes: `waiting for the SSH banner`.
        text: String,
    },
    /// A line that a program on a machine wrote.
    Output {
        /// The step.
        step: StepId,
        /// The machine's name.
        machine: String,
        /// The line, without its end.
        line: String,
    },
    /// A step is done.
    Done {
        /// The step.
        step: StepId,
        /// Whether it had to be.
        how: Performed,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: StepId,
        /// What failed, with its causes.
        error: String,
    },
    /// A thing is about to be given back.
    Undoing {
        /// The step that made it.
        step: StepId,
    },
    /// A thing was given back.
    Undone {
        /// The step that made it.
        step: StepId,
    },
    /// A thing could not be given back.
    UndoFailed {
        /// The step that made it.
        step: StepId,
        /// What failed, with its causes.
        error: String,
    },
    /// Something the user should know that is neither progress nor failure.
    Note {
        /// For the user's eyes.
        text: String,
    },
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Performed {
    /// It was done.
    Now,
    /// It was right already.
    Already,
    /// There was nothing to do it for: no accelerator, no companion.
    NotNeeded,
}

/// Where events go. Implementations must not block.
pub trait Report: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Report for Silent {
    fn report(&self, _: &Event) {}
}
