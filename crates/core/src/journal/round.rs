//! Later rounds of a deployment: no plan forgets the resources of an earlier one.

use super::{Journal, RemainingResource};
use crate::name::Name;
use crate::plan::{Action, Plan, Step};

/// A plan for another round of a deployment. It has a step for every resource that exists or may exist.
///
/// Undo, sweep and status know only the latest plan. A resource without a step in it would stay forever, although the
/// deployment counts as deleted.
#[derive(Debug, Clone, Copy)]
pub struct Round<'p>(&'p Plan);

/// A plan lacks steps for resources of earlier rounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another round of `{name}` by this plan would forget existing resources: {}", listed(.left))]
pub struct UnaccountedResources {
    /// The deployment.
    pub name: Name,
    /// The resources without a step.
    pub left: Vec<RemainingResource>,
}

impl<'p> Round<'p> {
    /// A round by `plan`, after the latest plan `before` and the journal so far.
    ///
    /// # Errors
    /// If the plan has no step for a resource that may exist.
    pub fn of(plan: &'p Plan, before: &Plan, journal: &Journal) -> Result<Self, UnaccountedResources> {
        let mut left = journal.remaining(before);
        left.retain(|left| !plan.step(&left.step).is_some_and(|step| creates(step, left)));
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

/// True if undoing the step finds the resource: undo searches by the step's ticket, site and kind.
fn creates(step: &Step, left: &RemainingResource) -> bool {
    matches!(&step.action, Action::Create(what) if what.kind() == left.kind && *what.site() == left.site)
}

fn listed(left: &[RemainingResource]) -> String {
    let one = |left: &RemainingResource| format!("the {} of step `{}` at `{}`", left.kind, left.step, left.site);
    left.iter().map(one).collect::<Vec<_>>().join(", ")
}
