//! The rule for what comes next: a pure function of the plan, its journal and the steps in flight.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ready_index::{ReadyIndex, is_user_run};
use super::{Goal, Journal};
use crate::money::Money;
use crate::name::SiteId;
use crate::offer::PriceUnit;
use crate::plan::{Action, Plan, ResourceKind, Step};
use crate::ticket::{Ref, StepId};

/// Next action of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'p> {
    /// Start these steps, in parallel.
    Run(Vec<&'p Step>),
    /// Delete the resources of these steps, in parallel.
    Undo(Vec<&'p Step>),
    /// Journal the goal to roll back: a machine cannot be created or reached, and the deployment is not kept on failure.
    RollBack,
    /// Wait for a step in flight: nothing can start before.
    Wait,
    /// End: every step is done, except these user runs, which failed.
    Ready(Vec<&'p Step>),
    /// End: every resource is deleted, because the deployment could not become ready.
    RolledBack,
    /// End: every resource is deleted, as requested.
    Down,
    /// End: the deployment cannot proceed by itself. These resources remain.
    Stuck(Vec<RemainingResource>),
}

/// A resource that exists or may exist at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemainingResource {
    /// The step that creates it.
    pub step: StepId,
    /// Its kind.
    pub kind: ResourceKind,
    /// Its site.
    pub site: SiteId,
    /// The site's id for it; `None` if the site did not report one.
    pub reference: Option<Ref>,
    /// Its price per hour; `None` if unknown.
    pub price_per_hour: Option<Money>,
    /// Unit of the price.
    pub unit: PriceUnit,
}

impl Journal {
    /// The next action, while this process works on the steps in `in_flight`.
    ///
    /// Takes time in proportion to the plan. Repeated callers keep a [`LiveJournal`](super::LiveJournal).
    pub fn next<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        decide(&ReadyIndex::of(plan, self, in_flight), self, in_flight)
    }

    /// True if the deployment is being deleted, or will be: it cannot be brought up any more.
    pub fn is_rolling_back(&self, plan: &Plan) -> bool {
        *self.goal() != Goal::Up || self.next(plan, &BTreeSet::new()) == Next::RollBack
    }

    /// Every resource of the plan that exists or may exist.
    pub fn remaining(&self, plan: &Plan) -> Vec<RemainingResource> {
        let left = |step: &Step| match &step.action {
            Action::Create(what) if self.may_exist(step) => Some(RemainingResource {
                step: step.id.clone(),
                kind: what.kind(),
                site: what.site().clone(),
                reference: self.created.get(&step.id).map(|created| created.reference.clone()),
                price_per_hour: plan.price_of(what),
                unit: plan.unit(),
            }),
            _ => None,
        };
        plan.steps.iter().filter_map(left).collect()
    }
}

/// The next action, by an index of the plan and its journal.
pub(super) fn decide<'p>(index: &ReadyIndex<'p>, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Next<'p> {
    match journal.goal() {
        Goal::Up => forward(index, journal, in_flight),
        Goal::RollBack(_) => backward(index, journal, in_flight, Next::RolledBack),
        Goal::Down => backward(index, journal, in_flight, Next::Down),
    }
}

fn forward<'p>(index: &ReadyIndex<'p>, journal: &Journal, in_flight: &BTreeSet<StepId>) -> Next<'p> {
    if !journal.is_kept_on_failure() && index.has_fatal_failure() {
        return Next::RollBack;
    }
    // A failure on one machine delays no other machine: only the steps that depend on the failed one cannot start.
    let runnable = index.runnable();
    match (runnable.is_empty(), in_flight.is_empty()) {
        (false, _) => Next::Run(runnable),
        (true, false) => Next::Wait,
        (true, true) if index.failed().into_iter().all(is_user_run) => Next::Ready(index.failed()),
        (true, true) => Next::Stuck(journal.remaining(index.plan())),
    }
}

fn backward<'p>(index: &ReadyIndex<'p>, journal: &Journal, in_flight: &BTreeSet<StepId>, end: Next<'p>) -> Next<'p> {
    let undoable = index.undoable();
    match (undoable.is_empty(), in_flight.is_empty(), index.has_resources()) {
        (false, ..) => Next::Undo(undoable),
        (true, false, _) => Next::Wait,
        (true, true, false) => end,
        (true, true, true) => Next::Stuck(journal.remaining(index.plan())),
    }
}
