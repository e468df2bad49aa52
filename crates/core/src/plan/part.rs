//! Plans in part: only some of the steps, or one thing and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Plan, PlannedResource, ResourceKind, Step};
use crate::demand::{Budget, Demand, LeaseRequest, TermsRequest, Workload};
use crate::name::{DeploymentId, Name};
use crate::setup::PhaseKind;
use crate::ticket::StepId;

/// Which phases of a set-up are done. By default, all but the user's own `run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseSelection {
    /// Only these, where there are any.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub only: BTreeSet<PhaseKind>,
    /// Only this one and those behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PhaseKind>,
    /// None of these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub skip: BTreeSet<PhaseKind>,
    /// Whether what is the user's own (steps, the Python environment, `setup`) is done though the same was done before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl PhaseSelection {
    /// Whether a phase is done.
    pub fn takes(&self, kind: PhaseKind) -> bool {
        let wished = match kind {
            PhaseKind::Run => self.only.contains(&kind),
            _ => self.only.is_empty() || self.only.contains(&kind),
        };
        wished && self.from.is_none_or(|from| from <= kind) && !self.skip.contains(&kind)
    }
}

impl Plan {
    /// The same plan with only the phases that are selected. Machines are made and reached all the same; what stood behind
    /// a phase that is left out stands behind those that it stood behind itself.
    pub fn with_phases(mut self, selection: PhaseSelection) -> Self {
        let mut left_out: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        let mut steps = Vec::with_capacity(self.steps.len());
        for mut step in self.steps {
            step.after = stand_behind(&step.after, &left_out);
            match &step.action {
                Action::SetUp { phase, .. } if !selection.takes(phase.kind()) => {
                    left_out.insert(step.id, step.after);
                }
                _ => steps.push(step),
            }
        }
        self.steps = steps;
        self.part = Some(selection);
        self
    }

    /// Whether some phases are left out.
    pub fn is_partial(&self) -> bool {
        self.part.is_some()
    }

    /// The same plan with only those steps that make things of these kinds. Everything stays decided: the next round of
    /// the deployment lays out all steps again.
    pub fn with_only(mut self, kinds: &[ResourceKind]) -> Self {
        self.steps.retain(|step| matches!(&step.action, Action::Create(what) if kinds.contains(&what.kind())));
        let left: Vec<StepId> = self.steps.iter().map(|step| step.id.clone()).collect();
        for step in &mut self.steps {
            step.after.retain(|id| left.contains(id));
        }
        self
    }

    /// A plan that makes one thing, and chooses nothing.
    pub fn single(deployment: DeploymentId, name: Name, what: PlannedResource, now: Timestamp) -> Self {
        let (id, price) = (StepId::nearest(&what.kind().to_string()), None);
        let demand = Demand {
            name,
            groups: Vec::new(),
            lease: LeaseRequest::default(),
            on: Vec::new(),
            budget: Budget::default(),
            workload: Workload::default(),
            terms: TermsRequest::default(),
        };
        let steps = vec![Step { id, after: Vec::new(), action: Action::Create(what) }];
        let (picks, rejections) = (Vec::new(), Vec::new());
        Self {
            deployment,
            demand,
            at: now,
            start: now,
            until: None,
            picks,
            price_per_hour: price,
            steps,
            part: None,
            rejections,
        }
    }

    /// Whether it makes no machine (yet): a lease by itself, or a key.
    pub fn has_no_machines(&self) -> bool {
        self.machines().next().is_none()
    }
}

/// The steps to stand behind, once some are left out.
fn stand_behind(after: &[StepId], left_out: &BTreeMap<StepId, Vec<StepId>>) -> Vec<StepId> {
    let mut behind: Vec<StepId> = Vec::with_capacity(after.len());
    let instead = |id: &StepId| left_out.get(id).cloned().unwrap_or_else(|| vec![id.clone()]);
    for id in after.iter().flat_map(instead) {
        if !behind.contains(&id) {
            behind.push(id);
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::text::{demand, id, market, now};

    fn selected(selection: PhaseSelection) -> Vec<String> {
        let mut demand = demand("group main 2");
        demand.workload.packages.insert("jq".into());
        demand.workload.setup = Some("make".into());
        demand.workload.checks = vec!["true".into()];
        demand.workload.run = Some("./run".into());
        let plan = plan(&demand, &market("local vm memory=64 cut=64/640 price=0"), id(), now()).unwrap();
        let plan = plan.with_phases(selection);
        assert!(plan.is_partial());
        let of_the_first = plan.steps.iter().filter(|step| step.id.as_str().contains("digits-1"));
        let line = |step: &Step| {
            let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
            format!("{} <- {}", step.id, after.join(" "))
        };
        of_the_first.skip(2).map(line).collect()
    }

    #[test]
    fn what_is_left_out_leaves_its_place_to_those_before_it() {
        let only =
            |kinds: &[PhaseKind]| PhaseSelection { only: kinds.iter().copied().collect(), ..PhaseSelection::default() };
        assert_eq!(selected(only(&[PhaseKind::Setup])), ["setup-digits-1 <- wait-ssh-digits-1 wait-ssh-digits-2"]);
        assert_eq!(selected(only(&[PhaseKind::Run])), ["run-digits-1 <- wait-ssh-digits-1 wait-ssh-digits-2"]);
        let from = PhaseSelection { from: Some(PhaseKind::Setup), ..PhaseSelection::default() };
        assert_eq!(
            selected(from),
            ["setup-digits-1 <- wait-ssh-digits-1 wait-ssh-digits-2", "check-digits-1-1 <- setup-digits-1"]
        );
        let skip = PhaseSelection {
            skip: BTreeSet::from([PhaseKind::PeerNames, PhaseKind::Check]),
            ..PhaseSelection::default()
        };
        assert_eq!(
            selected(skip),
            [
                "packages-digits-1 <- wait-ssh-digits-1",
                "peer-ssh-digits-1 <- packages-digits-1 wait-ssh-digits-2 packages-digits-2",
                "setup-digits-1 <- peer-ssh-digits-1"
            ]
        );
    }
}
