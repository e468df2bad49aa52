//! The journal: the write-ahead intent log of a deployment, and the pure rule for what comes next.
//!
//! An entry is on disk before the call that it announces, and another one after the response. After a crash, the next run
//! reads the entries, and [`Journal::next`] decides how to continue. A step that was started and has no outcome runs again,
//! because creating and deleting by ticket are idempotent.

mod entry;
mod live;
mod next;
mod ready_index;
mod round;
mod state;
mod status;
mod transition;

pub use entry::{Entry, Failure, Goal, RollBackCause, StepEvent};
pub use live::LiveJournal;
pub use next::{Next, RemainingResource};
pub use ready_index::is_user_run;
pub use round::{Round, UnaccountedResources};
pub use state::DeploymentState;
pub use status::StepStatus;
pub use transition::{IllegalEntry, RoundExtent, StateMet};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::name::SiteId;
use crate::plan::{Action, Plan};
use crate::ports::{Account, Address, Created, Power};
use crate::ticket::StepId;

/// Attempts per round to delete a resource, before the deployment counts as stuck.
pub const MAX_UNDO_ATTEMPTS: u32 = 3;

/// A journal, read up to some entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// `None` before the first entry.
    goal: Option<Goal>,
    steps: BTreeMap<StepId, StepStatus>,
    created: BTreeMap<StepId, Created>,
    off: BTreeSet<StepId>,
    extent: RoundExtent,
    /// True if the deployment became ready in this round.
    ready: bool,
    /// True if it became ready in an earlier round.
    was_ready: bool,
    /// True if it was ready when this round began.
    last_ready: bool,
    /// True if a login succeeded in an earlier round. From then on the machines may hold a user's work.
    login_succeeded: bool,
    held: bool,
    until: Option<Option<Timestamp>>,
    accounts: BTreeMap<SiteId, Account>,
}

impl Journal {
    /// Folds entries, oldest first, into a journal.
    ///
    /// # Errors
    /// The first illegal entry.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Result<Self, IllegalEntry> {
        let mut journal = Self::default();
        entries.into_iter().try_for_each(|entry| journal.apply(entry))?;
        Ok(journal)
    }

    /// Applies one more entry.
    ///
    /// # Errors
    /// If the entry must not follow. The journal is unchanged then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalEntry> {
        transition::check(entry, self.before(entry))?;
        match entry {
            Entry::Goal(goal) => self.begin_goal(goal),
            Entry::Step { step, event } => self.step(step, event),
            Entry::PartialRound => self.ready = self.last_ready,
            Entry::Ready => self.ready = true,
            Entry::Until(until) => self.until = Some(*until),
            Entry::Hold(held) => self.held = *held,
            Entry::Account { site, account } => {
                self.accounts.insert(site.clone(), account.clone());
            }
        }
        self.extent = match (entry, self.extent) {
            (Entry::Goal(_), _) => RoundExtent::Undecided,
            (Entry::PartialRound, _) => RoundExtent::Partial,
            (_, RoundExtent::Undecided) => RoundExtent::Full,
            (_, extent) => extent,
        };
        Ok(())
    }

    /// The state that decides whether an entry may follow.
    fn before(&self, entry: &Entry) -> transition::Before<'_> {
        let (step, account) = match entry {
            Entry::Step { step, .. } => (self.steps.get(step), None),
            Entry::Account { site, .. } => (None, self.accounts.get(site)),
            _ => (None, None),
        };
        transition::Before { goal: self.goal.as_ref(), extent: self.extent, ready: self.ready, step, account }
    }

    /// Begins a round: failed steps are retried, and on the way up every set-up step is checked again.
    ///
    /// A failed step becomes a started one, not an untouched one: its resource may exist all the same.
    fn begin_goal(&mut self, goal: &Goal) {
        if *goal == Goal::Up {
            self.last_ready = std::mem::take(&mut self.ready);
            self.was_ready |= self.last_ready;
            self.login_succeeded = self.login_succeeded();
            let created = &self.created;
            self.steps.retain(|id, status| !matches!(status, StepStatus::Done(_)) || created.contains_key(id));
        }
        for status in self.steps.values_mut() {
            match status {
                StepStatus::Failed(_) if *goal == Goal::Up => *status = StepStatus::Started,
                StepStatus::Undoing(failures) | StepStatus::UndoFailed(_, failures) => *failures = 0,
                _ => {}
            }
        }
        self.goal = Some(goal.clone());
    }

    fn step(&mut self, id: &StepId, event: &StepEvent) {
        let status = match event {
            StepEvent::Started => StepStatus::Started,
            StepEvent::Done { created } => {
                if let Some(created) = created {
                    self.created.insert(id.clone(), created.clone());
                }
                StepStatus::Done(created.clone())
            }
            StepEvent::Failed { failure } => StepStatus::Failed(failure.clone()),
            StepEvent::UndoStarted => StepStatus::Undoing(self.undo_failures(id)),
            StepEvent::Undone => {
                self.created.remove(id);
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
        self.steps.insert(id.clone(), status);
    }

    /// Failed attempts of this round to delete the resource of a step.
    fn undo_failures(&self, id: &StepId) -> u32 {
        match self.steps.get(id) {
            Some(StepStatus::Undoing(failures) | StepStatus::UndoFailed(_, failures)) => *failures,
            _ => 0,
        }
    }

    /// Status of a step; `None` until it starts.
    pub fn step_status(&self, id: &StepId) -> Option<&StepStatus> {
        self.steps.get(id)
    }

    /// The resource that a step created; `None` if it is unknown or deleted.
    pub fn created(&self, id: &StepId) -> Option<&Created> {
        self.created.get(id)
    }

    /// The account that created the resources at a site; `None` if none was recorded.
    pub fn account(&self, site: &SiteId) -> Option<&Account> {
        self.accounts.get(site)
    }

    /// Address to reach a machine at: its public one if it has one, else its own.
    pub fn address(&self, plan: &Plan, machine: &StepId) -> Option<&Address> {
        let step = plan.address_of(machine).map_or(machine, |step| &step.id);
        self.created(step)?.address.as_ref()
    }

    /// Current goal; up before the first entry.
    pub fn goal(&self) -> &Goal {
        self.goal.as_ref().unwrap_or(&Goal::Up)
    }

    /// True if the deployment became ready in this round.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// True if the deployment became ready in an earlier round.
    pub fn was_ready(&self) -> bool {
        self.was_ready
    }

    /// True if a failure deletes nothing: the machines may hold a user's work, or the deployment is held.
    pub fn is_kept_on_failure(&self) -> bool {
        self.ready || self.is_kept_on_interrupt()
    }

    /// True if not even an interrupt deletes anything: the machines may hold a user's work from an earlier round, or the
    /// deployment is held.
    pub fn is_kept_on_interrupt(&self) -> bool {
        self.was_ready || self.login_succeeded || self.held
    }

    /// True if a login to a machine succeeded, in this round or an earlier one. Only steps on machines are done without a
    /// created resource, and the first of these is a login.
    pub fn login_succeeded(&self) -> bool {
        self.login_succeeded || self.steps.values().any(|status| *status == StepStatus::Done(None))
    }

    /// True if the user holds the deployment: it is kept although it failed or expired.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// End of the deployment, as planned or as extended since; `None` if it has no end.
    pub fn until(&self, plan: &Plan) -> Option<Timestamp> {
        self.until.unwrap_or(plan.until)
    }

    /// True if the deployment is past its end and not held.
    pub fn has_expired(&self, plan: &Plan, now: Timestamp) -> bool {
        !self.held && self.until(plan).is_some_and(|until| until <= now)
    }

    /// True if the user shut the machine down.
    pub fn is_powered_off(&self, machine: &StepId) -> bool {
        self.off.contains(machine)
    }

    /// True if a step creates a resource that may exist now.
    fn may_exist(&self, step: &crate::plan::Step) -> bool {
        matches!(step.action, Action::Create(_)) && !matches!(self.steps.get(&step.id), None | Some(StepStatus::Undone))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transition_tests;
