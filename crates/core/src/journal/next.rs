//! What comes next: a pure function of the plan, the entries and what is in flight.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Goal, Journal, Progress, UNDO_TRIES};
use crate::money::Money;
use crate::name::SiteId;
use crate::plan::{Action, Kind, Phase, Plan, Step};
use crate::ticket::{Ref, StepId};

/// What the engine does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'p> {
    /// Start these steps, side by side.
    Run(Vec<&'p Step>),
    /// Give back what these steps made, side by side.
    Undo(Vec<&'p Step>),
    /// A machine can't be had or reached, and nothing is kept: everything is to be given back. The engine enters that.
    TurnBack,
    /// Nothing can start before something in flight has ended.
    Wait,
    /// Every step is done; these runs of the user's own script failed.
    Ready(Vec<&'p Step>),
    /// Everything was given back, because it could not become ready.
    RolledBack,
    /// Everything was given back, as asked.
    Released,
    /// It can't go on by itself: what failed, and what is left.
    Stuck(Vec<Left>),
}

/// A thing that is, or may be, still at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The step that made it.
    pub step: StepId,
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub site: SiteId,
    /// The site's id for it, where it said one.
    pub reference: Option<Ref>,
    /// What it costs an hour, where known.
    pub price_per_hour: Option<Money>,
}

impl Journal {
    /// What comes next, while the steps in `in_flight` are being worked on by this very process.
    pub fn next<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        match self.goal {
            Goal::Up => self.forward(plan, in_flight),
            Goal::Back(_) => self.backward(plan, in_flight, Next::RolledBack),
            Goal::Down => self.backward(plan, in_flight, Next::Released),
        }
    }

    fn forward<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        let failed: Vec<&Step> = plan.steps.iter().filter(|step| self.failed(step)).collect();
        let keeps = self.keeps() || failed.iter().filter(|step| !is_run(step)).all(is_set_up);
        if !keeps {
            return Next::TurnBack;
        }
        // What failed on one machine holds up no other: only what stands behind it is not begun.
        let runnable: Vec<&Step> = self.runnable(plan, in_flight);
        match (runnable.is_empty(), in_flight.is_empty()) {
            (false, _) => Next::Run(runnable),
            (true, false) => Next::Wait,
            (true, true) if failed.iter().any(|step| !is_run(step)) => Next::Stuck(self.left(plan)),
            (true, true) => Next::Ready(failed),
        }
    }

    fn runnable<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>) -> Vec<&'p Step> {
        let done = |step: &Step| matches!(self.steps.get(&step.id), Some(Progress::Done(_)));
        // The work starts on no machine before all of them are ready: they may talk to each other at once.
        let all_ready = plan.steps.iter().all(|step| is_run(step) || done(step));
        let may_run = |step: &&Step| (all_ready || !is_run(step)) && self.may_run(plan, step, in_flight);
        plan.steps.iter().filter(may_run).collect()
    }

    /// Whether the step stands in the way: it failed, or was given back on a way back that is over.
    fn failed(&self, step: &Step) -> bool {
        use Progress::{Failed, UndoFailed, Undoing, Undone};
        matches!(self.steps.get(&step.id), Some(Failed(_) | UndoFailed(..) | Undoing | Undone))
    }

    fn may_run(&self, plan: &Plan, step: &Step, in_flight: &BTreeSet<StepId>) -> bool {
        let waiting = match self.steps.get(&step.id) {
            None => true,
            Some(Progress::Started) => !in_flight.contains(&step.id),
            Some(_) => false,
        };
        waiting && step.after.iter().all(|id| self.settled(plan, id))
    }

    fn settled(&self, plan: &Plan, id: &StepId) -> bool {
        match self.steps.get(id) {
            Some(Progress::Done(_)) => true,
            Some(Progress::Failed(_)) => plan.step(id).is_some_and(is_run),
            _ => false,
        }
    }

    fn backward<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>, end: Next<'p>) -> Next<'p> {
        let there: Vec<&Step> = plan.steps.iter().filter(|step| self.may_be_there(step)).collect();
        let free = |step: &&&Step| !there.iter().any(|other| other.after.contains(&step.id));
        let undoable: Vec<&Step> = there
            .iter()
            .filter(|step| !in_flight.contains(&step.id) && self.undo_failures(&step.id) < UNDO_TRIES)
            .filter(free)
            .copied()
            .collect();
        match (undoable.is_empty(), in_flight.is_empty(), there.is_empty()) {
            (false, ..) => Next::Undo(undoable),
            (true, false, _) => Next::Wait,
            (true, true, true) => end,
            (true, true, false) => Next::Stuck(self.left(plan)),
        }
    }

    /// Whether it is on its way back, or about to turn: there is no way forward from here.
    pub fn turns_back(&self, plan: &Plan) -> bool {
        self.goal != Goal::Up || self.next(plan, &BTreeSet::new()) == Next::TurnBack
    }

    /// Everything of the plan that is, or may be, at a site.
    pub fn left(&self, plan: &Plan) -> Vec<Left> {
        let left = |step: &Step| match &step.action {
            Action::Create(what) if self.may_be_there(step) => Some(Left {
                step: step.id.clone(),
                kind: what.kind(),
                site: what.site().clone(),
                reference: self.made.get(&step.id).map(|made| made.reference.clone()),
                price_per_hour: plan.price_of(what),
            }),
            _ => None,
        };
        plan.steps.iter().filter_map(left).collect()
    }
}

/// Whether a step is work on a machine that is as promised: one that isn't is of no use to anybody.
fn is_set_up(step: &&Step) -> bool {
    matches!(&step.action, Action::SetUp { phase, .. } if !matches!(phase, Phase::Verify(_)))
}

/// Whether a step runs the user's own script, which comes last and may fail without harm to the rest.
pub fn is_run(step: &Step) -> bool {
    matches!(step.action, Action::SetUp { phase: Phase::Run { .. }, .. })
}
