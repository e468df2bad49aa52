//! An index of the steps that can start or be undone. It is updated with each entry, so that the next action takes time in
//! proportion to the change, not to the plan. It classifies steps; `next.rs` decides what follows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Journal, MAX_UNDO_ATTEMPTS, StepStatus};
use crate::plan::{Action, Phase, Plan, Step};
use crate::ticket::StepId;

/// The steps of a plan by their current status. A step is identified by its number, its position in the plan.
#[derive(Debug)]
pub(super) struct ReadyIndex<'p> {
    plan: &'p Plan,
    /// Number of each id. Ids that are only named as dependencies, and have no step in the plan, come last.
    numbers: BTreeMap<&'p StepId, usize>,
    /// The dependencies of each step.
    after: Vec<Vec<usize>>,
    /// The dependents of each step.
    dependents: Vec<Vec<usize>>,
    facts: Vec<StepFacts>,
    /// Number of dependencies of each step that are not settled.
    unsettled: Vec<usize>,
    /// Number of dependents of each step whose resource may exist.
    used_by: Vec<usize>,
    /// User runs that can start.
    runs: BTreeSet<usize>,
    /// Other steps that can start.
    open: BTreeSet<usize>,
    /// Steps that are not done, without user runs.
    unfinished: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    /// Failed steps without which a machine is not usable.
    fatal: BTreeSet<usize>,
    /// Steps whose resource may exist.
    existing: BTreeSet<usize>,
    undoable: BTreeSet<usize>,
}

/// Facts about a step that follow from its own status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct StepFacts {
    done: bool,
    /// Its dependents can start.
    settled: bool,
    /// It has not started, or the process that started it has died.
    waiting: bool,
    /// It blocks the way up: it failed, or its resource was deleted.
    failed: bool,
    /// It creates a resource that may exist now.
    exists: bool,
    /// Its resource can be deleted as soon as no other resource depends on it.
    undoable: bool,
}

impl<'p> ReadyIndex<'p> {
    /// An index of a plan and its journal, while this process works on the steps in `in_flight`.
    pub(super) fn of(plan: &'p Plan, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Self {
        let mut index = Self::untouched(plan);
        index.update_all(journal, in_flight);
        index
    }

    fn untouched(plan: &'p Plan) -> Self {
        let mut numbers = BTreeMap::new();
        let dependencies = plan.steps.iter().flat_map(|step| &step.after);
        for id in plan.steps.iter().map(|step| &step.id).chain(dependencies) {
            let next = numbers.len();
            numbers.entry(id).or_insert(next);
        }
        let (mut after, mut dependents) = (vec![Vec::new(); numbers.len()], vec![Vec::new(); numbers.len()]);
        for step in &plan.steps {
            for id in &step.after {
                after[numbers[&step.id]].push(numbers[id]);
                dependents[numbers[id]].push(numbers[&step.id]);
            }
        }
        Self {
            plan,
            facts: vec![StepFacts::default(); numbers.len()],
            unsettled: after.iter().map(Vec::len).collect(),
            used_by: vec![0; numbers.len()],
            numbers,
            after,
            dependents,
            runs: BTreeSet::new(),
            open: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            failed: BTreeSet::new(),
            fatal: BTreeSet::new(),
            existing: BTreeSet::new(),
            undoable: BTreeSet::new(),
        }
    }

    /// Updates every step. A new goal may change any of them.
    pub(super) fn update_all(&mut self, journal: &Journal, in_flight: &BTreeSet<StepId>) {
        let ids: Vec<&StepId> = self.numbers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.update(id, journal, in_flight));
    }

    /// Updates one step and its neighbours.
    pub(super) fn update(&mut self, id: &StepId, journal: &Journal, in_flight: &BTreeSet<StepId>) {
        // Steps of an earlier round that this plan lacks have no number.
        let Some(&number) = self.numbers.get(id) else { return };
        let new = StepFacts::of(self.plan.steps.get(number), id, journal, in_flight);
        let old = std::mem::replace(&mut self.facts[number], new);
        if old.settled != new.settled {
            for place in 0..self.dependents[number].len() {
                let dependent = self.dependents[number][place];
                self.unsettled[dependent] = counted(self.unsettled[dependent], !new.settled);
                self.sort(dependent);
            }
        }
        if old.exists != new.exists {
            for place in 0..self.after[number].len() {
                let dependency = self.after[number][place];
                self.used_by[dependency] = counted(self.used_by[dependency], new.exists);
                self.sort(dependency);
            }
        }
        self.sort(number);
    }

    /// Puts a step into the sets that it belongs to.
    fn sort(&mut self, number: usize) {
        let Some(step) = self.plan.steps.get(number) else { return };
        let (facts, run) = (self.facts[number], is_user_run(step));
        let may_begin = facts.waiting && self.unsettled[number] == 0;
        put(&mut self.runs, number, may_begin && run);
        put(&mut self.open, number, may_begin && !run);
        put(&mut self.unfinished, number, !facts.done && !run);
        put(&mut self.failed, number, facts.failed);
        put(&mut self.fatal, number, facts.failed && !run && !is_set_up(step));
        put(&mut self.existing, number, facts.exists);
        put(&mut self.undoable, number, facts.undoable && self.used_by[number] == 0);
    }

    pub(super) fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// Steps that can start. User runs start on no machine before all machines are ready: they may connect to each other.
    pub(super) fn runnable(&self) -> Vec<&'p Step> {
        let mut runnable = self.open.clone();
        if self.unfinished.is_empty() {
            runnable.extend(&self.runs);
        }
        self.steps(&runnable)
    }

    /// Steps that block the way up.
    pub(super) fn failed(&self) -> Vec<&'p Step> {
        self.steps(&self.failed)
    }

    /// True if a step failed without which a machine is not usable.
    pub(super) fn has_fatal_failure(&self) -> bool {
        !self.fatal.is_empty()
    }

    /// Steps whose resource can be deleted now.
    pub(super) fn undoable(&self) -> Vec<&'p Step> {
        self.steps(&self.undoable)
    }

    /// True if a resource may exist.
    pub(super) fn has_resources(&self) -> bool {
        !self.existing.is_empty()
    }

    fn steps(&self, numbers: &BTreeSet<usize>) -> Vec<&'p Step> {
        numbers.iter().filter_map(|number| self.plan.steps.get(*number)).collect()
    }
}

impl StepFacts {
    /// Facts about a step; `None` for an id that has no step in the plan.
    fn of(step: Option<&Step>, id: &StepId, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Self {
        use StepStatus::{Done, Failed, Started, UndoFailed, Undoing, Undone};
        let (status, flies) = (journal.step_status(id), in_flight.contains(id));
        let exists = step.is_some_and(|step| journal.may_exist(step));
        let done = matches!(status, Some(Done(_)));
        Self {
            done,
            settled: done || matches!(status, Some(Failed(_))) && step.is_some_and(is_user_run),
            waiting: status.is_none() || status == Some(&Started) && !flies,
            failed: matches!(status, Some(Failed(_) | UndoFailed(..) | Undoing(_) | Undone)),
            exists,
            undoable: exists && !flies && journal.undo_failures(id) < MAX_UNDO_ATTEMPTS,
        }
    }
}

/// True if a step is set-up work on a usable machine. A machine that fails `verify` is not usable.
fn is_set_up(step: &Step) -> bool {
    matches!(&step.action, Action::SetUp { phase, .. } if !matches!(phase, Phase::Verify(_)))
}

/// True if a step runs the user's own script. User runs come last, and their failure leaves the deployment ready.
pub fn is_user_run(step: &Step) -> bool {
    matches!(step.action, Action::SetUp { phase: Phase::Run { .. }, .. })
}

fn counted(count: usize, more: bool) -> usize {
    if more { count + 1 } else { count.saturating_sub(1) }
}

fn put(set: &mut BTreeSet<usize>, number: usize, belongs: bool) {
    if belongs {
        set.insert(number);
    } else {
        set.remove(&number);
    }
}
