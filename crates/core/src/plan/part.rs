//! Plans in part: only some of the steps, or one thing and nothing else.

use jiff::Timestamp;

use super::{Action, Kind, Plan, Step, What};
use crate::demand::{Budget, Demand, LeaseWish, TermsWish, Work};
use crate::name::{DeploymentId, Name};
use crate::ticket::StepId;

impl Plan {
    /// The same plan with only those steps that make things of these kinds. Everything stays decided: the next round of
    /// the deployment lays out all steps again.
    pub fn making(mut self, kinds: &[Kind]) -> Self {
        self.steps.retain(|step| matches!(&step.action, Action::Create(what) if kinds.contains(&what.kind())));
        let left: Vec<StepId> = self.steps.iter().map(|step| step.id.clone()).collect();
        for step in &mut self.steps {
            step.after.retain(|id| left.contains(id));
        }
        self
    }

    /// A plan that makes one thing, and chooses nothing.
    pub fn of_one(deployment: DeploymentId, name: Name, what: What, now: Timestamp) -> Self {
        let (id, price) = (StepId::nearest(&what.kind().to_string()), None);
        let demand = Demand {
            name,
            groups: Vec::new(),
            lease: LeaseWish::default(),
            on: Vec::new(),
            budget: Budget::default(),
            work: Work::default(),
            terms: TermsWish::default(),
        };
        let steps = vec![Step { id, after: Vec::new(), action: Action::Create(what) }];
        let (picks, refusals) = (Vec::new(), Vec::new());
        Self { deployment, demand, at: now, start: now, until: None, picks, price_per_hour: price, steps, refusals }
    }

    /// Whether it makes no machine (yet): a lease by itself, or a key.
    pub fn is_without_machines(&self) -> bool {
        self.machines().next().is_none()
    }
}
