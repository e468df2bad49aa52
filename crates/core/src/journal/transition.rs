//! The legal transitions: which entries may follow a journal.
//!
//! A writer checks an entry before it reaches the store. A reader checks it again: a stored journal with an illegal entry was
//! damaged, or written by a faulty version, and no decision may rest on it.

use std::fmt;

use super::entry::{Entry, Goal, StepEvent};
use super::status::StepStatus;
use crate::ports::Account;

/// Part of the set-up that the current round covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RoundExtent {
    /// The round has just begun: its next entry decides.
    #[default]
    Undecided,
    /// All phases.
    Full,
    /// Only some phases: the round cannot make the deployment ready.
    Partial,
}

/// The state of a journal that decides which entries may follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'j> {
    /// `None` before the first entry.
    pub goal: Option<&'j Goal>,
    pub extent: RoundExtent,
    pub ready: bool,
    /// Status of the step that the entry is about; `None` if it has not started.
    pub step: Option<&'j StepStatus>,
    /// Recorded account of the site that the entry is about.
    pub account: Option<&'j Account>,
}

/// An entry that must not follow the journal before it. The journal is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is illegal: {met}", described(.entry))]
pub struct IllegalEntry {
    /// The entry.
    pub entry: Box<Entry>,
    /// The state that it met.
    pub met: Box<StateMet>,
}

/// The state that an illegal entry met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateMet {
    /// The journal has no entry yet.
    Empty,
    /// A deployment with this goal.
    Goal(Goal),
    /// A step; its status is `None` if it has not started.
    Step {
        /// Goal of the deployment.
        goal: Goal,
        /// Status of the step.
        status: Option<StepStatus>,
    },
    /// A round.
    Round {
        /// Goal of the deployment.
        goal: Goal,
        /// Extent of the round.
        extent: RoundExtent,
        /// True if the deployment is ready.
        ready: bool,
    },
    /// A site; its account is `None` if none is recorded.
    Site {
        /// Goal of the deployment.
        goal: Goal,
        /// Recorded account.
        account: Option<Account>,
    },
}

/// Checks that an entry may follow a journal in this state.
pub(super) fn check(entry: &Entry, before: Before<'_>) -> Result<(), IllegalEntry> {
    if is_legal(entry, before) {
        return Ok(());
    }
    Err(IllegalEntry { entry: Box::new(entry.clone()), met: Box::new(StateMet::of(entry, before)) })
}

/// The table of legal entries. It has no wildcard for entries: a new one does not compile before it has a row.
fn is_legal(entry: &Entry, before: Before<'_>) -> bool {
    let Some(goal) = before.goal else {
        // The store creates a deployment together with its first goal.
        return *entry == Entry::Goal(Goal::Up);
    };
    match (entry, goal) {
        // Up again: another round, or the resumption of a run that crashed or got stuck.
        (Entry::Goal(Goal::Up | Goal::RollBack(_) | Goal::Down), Goal::Up) => true,
        // Down again: the next process continues a roll-back or deletion that was interrupted or got stuck.
        (Entry::Goal(Goal::Down), Goal::RollBack(_) | Goal::Down) => true,
        // A deletion is final. The next plan of the same demand is another deployment, with its own tickets.
        (Entry::Goal(Goal::Up | Goal::RollBack(_)), Goal::RollBack(_) | Goal::Down) => false,

        (Entry::Step { event, .. }, _) => is_legal_event(event, before.step, goal),

        (Entry::PartialRound, Goal::Up) => before.extent == RoundExtent::Undecided,
        (Entry::Ready, Goal::Up) => !before.ready && before.extent != RoundExtent::Partial,
        // Another account would make the site hide the resources of the first one.
        (Entry::Account { .. }, Goal::Up) => before.account.is_none(),
        (Entry::PartialRound | Entry::Ready | Entry::Account { .. }, Goal::RollBack(_) | Goal::Down) => false,

        // Extending and holding are allowed in every state, also repeatedly: each entry states the whole value.
        (Entry::Until(_) | Entry::Hold(_), Goal::Up | Goal::RollBack(_) | Goal::Down) => true,
    }
}

/// The table of legal events of a step, by its status.
fn is_legal_event(event: &StepEvent, status: Option<&StepStatus>, goal: &Goal) -> bool {
    use StepEvent::{Done, Failed, Power, Started, UndoFailed, UndoStarted, Undone};
    use StepStatus as Is;
    let (up, deleting) = (*goal == Goal::Up, *goal != Goal::Up);
    match (status, event) {
        (None, Started) => up,
        // The process died before it journaled the outcome, or the step failed in an earlier round. The call is repeated
        // with the same ticket.
        (Some(Is::Started), Started) => up,
        // Legal with every goal: a call that was in flight when the roll-back began still reports its outcome.
        (Some(Is::Started), Done { .. } | Failed { .. }) => true,
        // A create call without an outcome, or a failed one, may have created the resource: delete by ticket.
        (Some(Is::Started | Is::Done(_) | Is::Failed(_)), UndoStarted) => deleting,
        // The process died during the deletion.
        (Some(Is::Undoing(_)), UndoStarted) => deleting,
        // A retry. The limit of attempts does not count here: another version may have another limit.
        (Some(Is::UndoFailed(..)), UndoStarted) => deleting,
        (Some(Is::Undoing(_)), Undone | UndoFailed { .. }) => true,
        // A machine that is not deleted can be switched, even if its deletion was interrupted or failed.
        (Some(Is::Done(Some(_)) | Is::Undoing(_) | Is::UndoFailed(..)), Power { .. }) => true,

        // No outcome without a start. Steps that never started have no resource to delete.
        (None, Done { .. } | Failed { .. } | UndoStarted | Undone | UndoFailed { .. } | Power { .. }) => false,
        // A deletion starts before it ends. A machine that is being launched cannot be switched.
        (Some(Is::Started), Undone | UndoFailed { .. } | Power { .. }) => false,
        // Results are final in their round. The next goal makes failed steps, and set-up steps that are done, start again.
        (Some(Is::Done(_)), Started | Done { .. } | Failed { .. } | Undone | UndoFailed { .. }) => false,
        (Some(Is::Done(None)), Power { .. }) => false,
        (Some(Is::Failed(_)), Started | Done { .. } | Failed { .. } | Undone | UndoFailed { .. } | Power { .. }) => {
            false
        }
        // Undo waits for the outcome of a create call in flight, so that none can arrive later.
        (Some(Is::Undoing(_)), Started | Done { .. } | Failed { .. }) => false,
        (Some(Is::UndoFailed(..)), Started | Done { .. } | Failed { .. } | Undone | UndoFailed { .. }) => false,
        // The resource does not exist any more, and its ticket is not used again.
        (
            Some(Is::Undone),
            Started | Done { .. } | Failed { .. } | UndoStarted | Undone | UndoFailed { .. } | Power { .. },
        ) => false,
    }
}

impl StateMet {
    fn of(entry: &Entry, before: Before<'_>) -> Self {
        let Some(goal) = before.goal.cloned() else { return Self::Empty };
        match entry {
            Entry::Goal(_) | Entry::Until(_) | Entry::Hold(_) => Self::Goal(goal),
            Entry::Step { .. } => Self::Step { goal, status: before.step.cloned() },
            Entry::PartialRound | Entry::Ready => Self::Round { goal, extent: before.extent, ready: before.ready },
            Entry::Account { .. } => Self::Site { goal, account: before.account.cloned() },
        }
    }
}

impl fmt::Display for StateMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the journal is empty"),
            Self::Goal(goal) => write!(f, "the goal is `{}`", goal_name(goal)),
            Self::Step { goal, status } => {
                write!(f, "the step {} and the goal is `{}`", status_text(status.as_ref()), goal_name(goal))
            }
            Self::Round { goal, extent, ready } => {
                let round = match extent {
                    RoundExtent::Undecided => "has just begun",
                    RoundExtent::Full => "is under way",
                    RoundExtent::Partial => "is partial",
                };
                let ready = if *ready { ", the deployment is ready" } else { "" };
                write!(f, "the round {round}{ready} and the goal is `{}`", goal_name(goal))
            }
            Self::Site { goal, account } => {
                let recorded = if account.is_some() { "an account" } else { "no account" };
                write!(f, "the site has {recorded} recorded and the goal is `{}`", goal_name(goal))
            }
        }
    }
}

fn goal_name(goal: &Goal) -> &'static str {
    match goal {
        Goal::Up => "up",
        Goal::RollBack(_) => "roll_back",
        Goal::Down => "down",
    }
}

fn status_text(status: Option<&StepStatus>) -> &'static str {
    match status {
        None => "has not started",
        Some(StepStatus::Started) => "is started",
        Some(StepStatus::Done(_)) => "is done",
        Some(StepStatus::Failed(_)) => "has failed",
        Some(StepStatus::Undoing(_)) => "is being undone",
        Some(StepStatus::Undone) => "is undone",
        Some(StepStatus::UndoFailed(..)) => "could not be undone",
    }
}

/// An entry by its stored name. Leaves out values, such as the messages of failures.
fn described(entry: &Entry) -> String {
    match entry {
        Entry::Goal(goal) => format!("the goal `{}`", goal_name(goal)),
        Entry::Step { step, event } => format!("`{}` of step `{step}`", event_name(event)),
        Entry::PartialRound => "`partial_round`".to_owned(),
        Entry::Ready => "`ready`".to_owned(),
        Entry::Until(_) => "`until`".to_owned(),
        Entry::Hold(_) => "`hold`".to_owned(),
        Entry::Account { site, .. } => format!("`account` of site `{site}`"),
    }
}

fn event_name(event: &StepEvent) -> &'static str {
    match event {
        StepEvent::Started => "started",
        StepEvent::Done { .. } => "done",
        StepEvent::Failed { .. } => "failed",
        StepEvent::UndoStarted => "undo_started",
        StepEvent::Undone => "undone",
        StepEvent::UndoFailed { .. } => "undo_failed",
        StepEvent::Power { .. } => "power",
    }
}
