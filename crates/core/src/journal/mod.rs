//! The journal: an intent log of a deployment, and the pure rule for what comes next.
//!
//! An entry is on disk before the call that it announces goes out, and another after the answer came in. Whatever
//! happens in between, the next run reads the entries, and [`Journal::next`] says how to go on: a step that was started
//! and never answered is simply done again, because making and deleting by ticket may be repeated.

mod entry;
mod live;
mod next;
mod ready_index;
mod round;
mod state;

pub use entry::{Entry, Failure, Goal, RollBackCause, StepEvent};
pub use live::LiveJournal;
pub use next::{Next, RemainingResource};
pub use ready_index::is_user_run;
pub use round::{Round, UnaccountedResources};
pub use state::DeploymentState;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::name::SiteId;
use crate::plan::{Action, Plan};
use crate::ports::{Account, Address, Created, Power};
use crate::ticket::StepId;

/// How often giving a thing back is tried before the deployment counts as stuck.
pub const MAX_UNDO_ATTEMPTS: u32 = 3;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStatus {
    /// Announced; the answer is not known (yet).
    Started,
    /// Done; what was made, if it makes something.
    Done(Option<Created>),
    /// Failed for this round. A thing may be there all the same.
    Failed(Failure),
    /// Being given back.
    Undoing,
    /// Given back.
    Undone,
    /// Could not be given back, so many times in this round.
    UndoFailed(Failure, u32),
}

/// A journal read up to some entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    goal: Goal,
    steps: BTreeMap<StepId, StepStatus>,
    made: BTreeMap<StepId, Created>,
    off: BTreeSet<StepId>,
    /// Whether all was ready in this round, and in an earlier one.
    ready: bool,
    was_ready: bool,
    /// Whether all was ready when this round began.
    last_ready: bool,
    /// Whether an earlier round got as far as a login: from then on the machines may hold somebody's work.
    login_succeeded: bool,
    held: bool,
    until: Option<Option<Timestamp>>,
    accounts: BTreeMap<SiteId, Account>,
}

impl Journal {
    /// The journal that these entries make.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut journal = Self::default();
        entries.into_iter().for_each(|entry| journal.apply(entry));
        journal
    }

    /// Takes in one more entry.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Goal(goal) => self.turn(goal),
            Entry::Step { step, event } => self.step(step, event),
            Entry::PartialRound => self.ready = self.last_ready,
            Entry::Ready => self.ready = true,
            Entry::Until(until) => self.until = Some(*until),
            Entry::Hold(held) => self.held = *held,
            Entry::Account { site, account } => {
                self.accounts.insert(site.clone(), account.clone());
            }
        }
    }

    /// A goal begins a round: what failed is tried again, and on the way up every set-up is checked again.
    ///
    /// A step that failed counts as started from then on, not as untouched: its thing may be at the site all the same.
    fn turn(&mut self, goal: &Goal) {
        if *goal == Goal::Up {
            self.last_ready = std::mem::take(&mut self.ready);
            self.was_ready |= self.last_ready;
            self.login_succeeded = self.login_succeeded();
            let made = &self.made;
            self.steps.retain(|id, progress| !matches!(progress, StepStatus::Done(_)) || made.contains_key(id));
        }
        for progress in self.steps.values_mut() {
            match progress {
                StepStatus::Failed(_) if *goal == Goal::Up => *progress = StepStatus::Started,
                StepStatus::UndoFailed(_, times) => *times = 0,
                _ => {}
            }
        }
        self.goal = goal.clone();
    }

    fn step(&mut self, id: &StepId, event: &StepEvent) {
        let progress = match event {
            StepEvent::Started => StepStatus::Started,
            StepEvent::Done { created: made } => {
                if let Some(made) = made {
                    self.made.insert(id.clone(), made.clone());
                }
                StepStatus::Done(made.clone())
            }
            StepEvent::Failed { failure } => StepStatus::Failed(failure.clone()),
            StepEvent::UndoStarted => StepStatus::Undoing,
            StepEvent::Undone => {
                self.made.remove(id);
                self.off.remove(id);
                StepStatus::Undone
            }
            StepEvent::UndoFailed { failure } => {
                StepStatus::UndoFailed(failure.clone(), self.undo_failures(id).saturating_add(1))
            }
            StepEvent::Power { power } => {
                match power {
                    Power::On => self.off.remove(id),
                    Power::Off => self.off.insert(id.clone()),
                };
                return;
            }
        };
        if progress == StepStatus::Undoing && matches!(self.steps.get(id), Some(StepStatus::UndoFailed(..))) {
            return; // the count of failures must outlive the next try
        }
        self.steps.insert(id.clone(), progress);
    }

    fn undo_failures(&self, id: &StepId) -> u32 {
        match self.steps.get(id) {
            Some(StepStatus::UndoFailed(_, times)) => *times,
            _ => 0,
        }
    }

    /// Where a step stands; `None` while it waits for its turn.
    pub fn step_status(&self, id: &StepId) -> Option<&StepStatus> {
        self.steps.get(id)
    }

    /// What a step made, while it is there.
    pub fn created(&self, id: &StepId) -> Option<&Created> {
        self.made.get(id)
    }

    /// As whom things were made at a site, where that was written down.
    pub fn account(&self, site: &SiteId) -> Option<&Account> {
        self.accounts.get(site)
    }

    /// Where a machine is reached: at its public address where it has one, else at its own.
    pub fn address(&self, plan: &Plan, machine: &StepId) -> Option<&Address> {
        let step = plan.address_of(machine).map_or(machine, |step| &step.id);
        self.created(step)?.address.as_ref()
    }

    /// Where it is heading.
    pub fn goal(&self) -> &Goal {
        &self.goal
    }

    /// Whether all was ready in this round.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether all was ready in an earlier round.
    pub fn was_ready(&self) -> bool {
        self.was_ready
    }

    /// Whether a failure leaves the machines as they are: somebody's work may be on them, or the user said so.
    pub fn is_kept_on_failure(&self) -> bool {
        self.ready || self.is_kept_on_interrupt()
    }

    /// Whether somebody's work may be on the machines from an earlier round, or the user said to keep them. Then not even
    /// an interrupt gives them back.
    pub fn is_kept_on_interrupt(&self) -> bool {
        self.was_ready || self.login_succeeded || self.held
    }

    /// Whether somebody could log in to a machine, in this round or an earlier one: a step that makes nothing is done, and
    /// of these a login is the first.
    pub fn login_succeeded(&self) -> bool {
        self.login_succeeded || self.steps.values().any(|progress| *progress == StepStatus::Done(None))
    }

    /// Whether the user asked to keep it, though failed or expired.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Until when the machines are held: as planned, or as extended since.
    pub fn until(&self, plan: &Plan) -> Option<Timestamp> {
        self.until.unwrap_or(plan.until)
    }

    /// Whether it is to end at this time: its window is over, and nobody asked to hold it.
    pub fn has_expired(&self, plan: &Plan, now: Timestamp) -> bool {
        !self.held && self.until(plan).is_some_and(|until| until <= now)
    }

    /// Whether the machine was shut down on request.
    pub fn is_powered_off(&self, machine: &StepId) -> bool {
        self.off.contains(machine)
    }

    /// Whether a step makes a thing that may be at the site now.
    fn may_exist(&self, step: &crate::plan::Step) -> bool {
        matches!(step.action, Action::Create(_)) && !matches!(self.steps.get(&step.id), None | Some(StepStatus::Undone))
    }
}

#[cfg(test)]
mod tests;
