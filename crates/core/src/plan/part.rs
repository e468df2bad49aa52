//! Partial plans: a subset of the steps of a plan, or a plan of a single resource.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Action, PhaseSelection, Plan, PlannedResource, ResourceKind, Step};
use crate::demand::{Budget, Demand, LeaseRequest, TermsRequest, Workload};
use crate::name::{DeploymentId, Name};
use crate::ticket::StepId;

impl Plan {
    /// The plan with only the selected phases. It still creates all machines and logs in to them. A step that depends on an
    /// omitted phase depends on that phase's dependencies instead.
    pub fn with_phases(mut self, selection: PhaseSelection) -> Self {
        let mut omitted: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        let mut steps = Vec::with_capacity(self.steps.len());
        for mut step in self.steps {
            step.after = without(&step.after, &omitted);
            match &step.action {
                Action::SetUp { phase, .. } if !selection.includes(phase.kind()) => {
                    omitted.insert(step.id, step.after);
                }
                _ => steps.push(step),
            }
        }
        self.steps = steps;
        self.part = Some(selection);
        self
    }

    /// True if some phases are omitted.
    pub fn is_partial(&self) -> bool {
        self.part.is_some()
    }

    /// The plan with only the steps that create resources of these kinds. All decisions stay: the next round of the
    /// deployment has all steps again.
    pub fn with_only(mut self, kinds: &[ResourceKind]) -> Self {
        self.steps.retain(|step| matches!(&step.action, Action::Create(resource) if kinds.contains(&resource.kind())));
        let left: Vec<StepId> = self.steps.iter().map(|step| step.id.clone()).collect();
        for step in &mut self.steps {
            step.after.retain(|id| left.contains(id));
        }
        self
    }

    /// A plan that creates one resource and has no picks.
    pub fn single(deployment: DeploymentId, name: Name, resource: PlannedResource, now: Timestamp) -> Self {
        let (id, price) = (StepId::nearest(&resource.kind().to_string()), None);
        let demand = Demand {
            name,
            groups: Vec::new(),
            lease: LeaseRequest::default(),
            on: Vec::new(),
            budget: Budget::default(),
            workload: Workload::default(),
            terms: TermsRequest::default(),
        };
        let steps = vec![Step { id, after: Vec::new(), action: Action::Create(resource) }];
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

    /// True if it creates no machine, such as the plan of a single lease or key.
    pub fn has_no_machines(&self) -> bool {
        self.machines().next().is_none()
    }
}

/// Dependencies, with each omitted step replaced by its own.
fn without(after: &[StepId], omitted: &BTreeMap<StepId, Vec<StepId>>) -> Vec<StepId> {
    let mut dependencies: Vec<StepId> = Vec::with_capacity(after.len());
    let instead = |id: &StepId| omitted.get(id).cloned().unwrap_or_else(|| vec![id.clone()]);
    for id in after.iter().flat_map(instead) {
        if !dependencies.contains(&id) {
            dependencies.push(id);
        }
    }
    dependencies
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::text::{demand, id, market, now};
    use crate::setup::PhaseKind;

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
    fn dependents_of_an_omitted_phase_depend_on_its_dependencies() {
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
