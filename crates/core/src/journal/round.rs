//! Another round on the way up: no plan forgets what an earlier one has made.

use super::{Journal, RemainingResource};
use crate::name::Name;
use crate::plan::{Action, Plan, Step};

/// A plan for another round of a deployment: it has a step for everything that is, or may be, at a site.
///
/// Undo, sweep and status know the latest plan only. What that has no step for would stay for ever, and be told to be
/// given back.
#[derive(Debug, Clone, Copy)]
pub struct Round<'p>(&'p Plan);

/// A plan has no step for what an earlier one has made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another round of `{name}` by this plan would forget what is there: {}", listed(.left))]
pub struct UnaccountedResources {
    /// The deployment.
    pub name: Name,
    /// What would be forgotten.
    pub left: Vec<RemainingResource>,
}

impl<'p> Round<'p> {
    /// By a plan, after the latest plan before it and the journal so far.
    ///
    /// # Errors
    /// Where something may be there that the plan has no step for.
    pub fn of(plan: &'p Plan, before: &Plan, journal: &Journal) -> Result<Self, UnaccountedResources> {
        let mut left = journal.remaining(before);
        left.retain(|left| !plan.step(&left.step).is_some_and(|step| makes(step, left)));
        if left.is_empty() {
            Ok(Self(plan))
        } else {
            Err(UnaccountedResources { name: plan.demand.name.clone(), left })
        }
    }

    /// The plan.
    pub fn plan(&self) -> &'p Plan {
        self.0
    }
}

/// A thing is looked for by its step's ticket, at its step's site, as a thing of its step's kind.
fn makes(step: &Step, left: &RemainingResource) -> bool {
    matches!(&step.action, Action::Create(what) if what.kind() == left.kind && *what.site() == left.site)
}

fn listed(left: &[RemainingResource]) -> String {
    let one = |left: &RemainingResource| format!("the {} of step `{}` at `{}`", left.kind, left.step, left.site);
    left.iter().map(one).collect::<Vec<_>>().join(", ")
}
