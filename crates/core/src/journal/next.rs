//! What comes next: a pure function of the plan, the entries and what is in flight.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ready_index::ReadyIndex;
use super::{Goal, Journal};
use crate::money::Money;
use crate::name::SiteId;
use crate::plan::{Action, Phase, Plan, ResourceKind, Step};
use crate::ticket::{Ref, StepId};

/// What the engine does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'p> {
    /// Start these steps, side by side.
    Run(Vec<&'p Step>),
    /// Give back what these steps made, side by side.
    Undo(Vec<&'p Step>),
    /// A machine can't be had or reached, and nothing is kept: everything is to be given back. The engine enters that.
    RollBack,
    /// Nothing can start before something in flight has ended.
    Wait,
    /// Every step is done; these runs of the user's own script failed.
    Ready(Vec<&'p Step>),
    /// Everything was given back, because it could not become ready.
    RolledBack,
    /// Everything was given back, as asked.
    Down,
    /// It can't go on by itself: what failed, and what is left.
    Stuck(Vec<RemainingResource>),
}

/// A thing that is, or may be, still at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemainingResource {
    /// The step that made it.
    pub step: StepId,
    /// What it is.
    pub kind: ResourceKind,
    /// Where.
    pub site: SiteId,
    /// The site's id for it, where it said one.
    pub reference: Option<Ref>,
    /// What it costs an hour, where known.
    pub price_per_hour: Option<Money>,
}

impl Journal {
    /// What comes next, while the steps in `in_flight` are being worked on by this very process.
    ///
    /// Repeated callers keep a [`LiveJournal`](super::LiveJournal).
    pub fn next<'p>(&self, plan: &'p Plan, in_flight: &BTreeSet<StepId>) -> Next<'p> {
        ReadyIndex::of(plan, self, in_flight).next(self, in_flight)
    }

    /// Whether it is on its way back, or about to turn: there is no way forward from here.
    pub fn is_rolling_back(&self, plan: &Plan) -> bool {
        self.goal != Goal::Up || self.next(plan, &BTreeSet::new()) == Next::RollBack
    }

    /// Everything of the plan that is, or may be, at a site.
    pub fn remaining(&self, plan: &Plan) -> Vec<RemainingResource> {
        let left = |step: &Step| match &step.action {
            Action::Create(what) if self.may_be_there(step) => Some(RemainingResource {
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
pub(super) fn is_set_up(step: &Step) -> bool {
    matches!(&step.action, Action::SetUp { phase, .. } if !matches!(phase, Phase::Verify(_)))
}

/// Whether a step runs the user's own script, which comes last and may fail without harm to the rest.
pub fn is_user_run(step: &Step) -> bool {
    matches!(step.action, Action::SetUp { phase: Phase::Run { .. }, .. })
}
