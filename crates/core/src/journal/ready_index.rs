//! The rule for what comes next, over an index that is kept up as entries come in: what is asked often costs what has
//! changed, and not the whole plan.

use std::collections::{BTreeMap, BTreeSet};

use super::next::{Next, is_set_up, is_user_run};
use super::{Goal, Journal, MAX_UNDO_ATTEMPTS, StepStatus};
use crate::plan::{Plan, Step};
use crate::ticket::StepId;

/// Where each step of a plan stands, and which of them can go on.
#[derive(Debug)]
pub(super) struct ReadyIndex<'p> {
    plan: &'p Plan,
    /// The number of each step: its place in the plan. Ids that only stand behind others come last.
    numbers: BTreeMap<&'p StepId, usize>,
    after: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    facts: Vec<Facts>,
    /// How many of those before a step are not settled, and how many of those behind it may be there.
    unsettled: Vec<usize>,
    stood_on: Vec<usize>,
    /// What can be begun: the user's runs, and all else.
    runs: BTreeSet<usize>,
    open: BTreeSet<usize>,
    /// What is not done, the user's runs aside.
    unfinished: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    /// Those of the failed without which there is no machine.
    fatal: BTreeSet<usize>,
    there: BTreeSet<usize>,
    undoable: BTreeSet<usize>,
}

/// What a step's own progress says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    done: bool,
    /// What stands behind it can begin.
    settled: bool,
    /// It was not begun, or by a process that is gone.
    waiting: bool,
    /// It stands in the way: it failed, or was given back on a way back that is over.
    failed: bool,
    /// It makes a thing that may be at the site now.
    there: bool,
    /// That thing may be given back now, once nothing stands on it.
    undoable: bool,
}

impl<'p> ReadyIndex<'p> {
    /// By a journal of the plan, while the steps in `in_flight` are being worked on by this very process.
    pub(super) fn of(plan: &'p Plan, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Self {
        let mut frontier = Self::untouched(plan);
        frontier.turned(journal, in_flight);
        frontier
    }

    fn untouched(plan: &'p Plan) -> Self {
        let mut numbers = BTreeMap::new();
        let befores = plan.steps.iter().flat_map(|step| &step.after);
        for id in plan.steps.iter().map(|step| &step.id).chain(befores) {
            let next = numbers.len();
            numbers.entry(id).or_insert(next);
        }
        let (mut after, mut behind) = (vec![Vec::new(); numbers.len()], vec![Vec::new(); numbers.len()]);
        for step in &plan.steps {
            for id in &step.after {
                after[numbers[&step.id]].push(numbers[id]);
                behind[numbers[id]].push(numbers[&step.id]);
            }
        }
        Self {
            plan,
            facts: vec![Facts::default(); numbers.len()],
            unsettled: after.iter().map(Vec::len).collect(),
            stood_on: vec![0; numbers.len()],
            numbers,
            after,
            behind,
            runs: BTreeSet::new(),
            open: BTreeSet::new(),
            unfinished: BTreeSet::new(),
            failed: BTreeSet::new(),
            fatal: BTreeSet::new(),
            there: BTreeSet::new(),
            undoable: BTreeSet::new(),
        }
    }

    /// Takes in that the journal was turned: any step may stand elsewhere.
    pub(super) fn turned(&mut self, journal: &Journal, in_flight: &BTreeSet<StepId>) {
        let ids: Vec<&StepId> = self.numbers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.moved(id, journal, in_flight));
    }

    /// Takes in that one step may stand elsewhere.
    pub(super) fn moved(&mut self, id: &StepId, journal: &Journal, in_flight: &BTreeSet<StepId>) {
        // Of an earlier round, whose work was another.
        let Some(&number) = self.numbers.get(id) else { return };
        let new = Facts::of(self.plan.steps.get(number), id, journal, in_flight);
        let old = std::mem::replace(&mut self.facts[number], new);
        if old.settled != new.settled {
            for place in 0..self.behind[number].len() {
                let behind = self.behind[number][place];
                self.unsettled[behind] = counted(self.unsettled[behind], !new.settled);
                self.sort(behind);
            }
        }
        if old.there != new.there {
            for place in 0..self.after[number].len() {
                let before = self.after[number][place];
                self.stood_on[before] = counted(self.stood_on[before], new.there);
                self.sort(before);
            }
        }
        self.sort(number);
    }

    /// Puts a step where it belongs.
    fn sort(&mut self, number: usize) {
        let Some(step) = self.plan.steps.get(number) else { return };
        let (facts, run) = (self.facts[number], is_user_run(step));
        let may_begin = facts.waiting && self.unsettled[number] == 0;
        put(&mut self.runs, number, may_begin && run);
        put(&mut self.open, number, may_begin && !run);
        put(&mut self.unfinished, number, !facts.done && !run);
        put(&mut self.failed, number, facts.failed);
        put(&mut self.fatal, number, facts.failed && !run && !is_set_up(step));
        put(&mut self.there, number, facts.there);
        put(&mut self.undoable, number, facts.undoable && self.stood_on[number] == 0);
    }

    /// What comes next.
    pub(super) fn next(&self, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        match journal.goal() {
            Goal::Up => self.forward(journal, in_flight),
            Goal::RollBack(_) => self.backward(journal, in_flight, Next::RolledBack),
            Goal::Down => self.backward(journal, in_flight, Next::Down),
        }
    }

    fn forward(&self, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        if !journal.is_kept_on_failure() && !self.fatal.is_empty() {
            return Next::RollBack;
        }
        // What failed on one machine holds up no other: only what stands behind it is not begun. But the user's work
        // starts on no machine before all of them are ready: they may talk to each other at once.
        let mut runnable = self.open.clone();
        if self.unfinished.is_empty() {
            runnable.extend(&self.runs);
        }
        match (runnable.is_empty(), in_flight.is_empty()) {
            (false, _) => Next::Run(self.steps(&runnable)),
            (true, false) => Next::Wait,
            (true, true) if self.steps(&self.failed).into_iter().all(is_user_run) => {
                Next::Ready(self.steps(&self.failed))
            }
            (true, true) => Next::Stuck(journal.remaining(self.plan)),
        }
    }

    fn backward(&self, journal: &Journal, in_flight: &BTreeSet<StepId>, end: Next<'p>) -> Next<'p> {
        match (self.undoable.is_empty(), in_flight.is_empty(), self.there.is_empty()) {
            (false, ..) => Next::Undo(self.steps(&self.undoable)),
            (true, false, _) => Next::Wait,
            (true, true, true) => end,
            (true, true, false) => Next::Stuck(journal.remaining(self.plan)),
        }
    }

    fn steps(&self, numbers: &BTreeSet<usize>) -> Vec<&'p Step> {
        numbers.iter().filter_map(|number| self.plan.steps.get(*number)).collect()
    }
}

impl Facts {
    /// Of a step; of an id that no step has, where there is none.
    fn of(step: Option<&Step>, id: &StepId, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Self {
        use StepStatus::{Done, Failed, Started, UndoFailed, Undoing, Undone};
        let (progress, flies) = (journal.step_status(id), in_flight.contains(id));
        let there = step.is_some_and(|step| journal.may_be_there(step));
        let done = matches!(progress, Some(Done(_)));
        Self {
            done,
            settled: done || matches!(progress, Some(Failed(_))) && step.is_some_and(is_user_run),
            waiting: progress.is_none() || progress == Some(&Started) && !flies,
            failed: matches!(progress, Some(Failed(_) | UndoFailed(..) | Undoing | Undone)),
            there,
            undoable: there && !flies && journal.undo_failures(id) < MAX_UNDO_ATTEMPTS,
        }
    }
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
