//! Applies a stored plan.

use std::collections::BTreeMap;
use std::time::Duration;

use hostler_core::plan::Plan;
use secrecy::SecretString;

use super::resume::{Run, RunOptions};
use super::up::local_inputs;
use super::{Mode, OperateError, Operator, Proposal, Requested, UpResult};
use crate::deploy::OnFailure;
use crate::run::{Interrupts, unless_interrupted};

impl Operator {
    /// Applies a stored plan, unchanged.
    ///
    /// # Errors
    /// [`OperateError::Stale`] if it can no longer be applied unchanged, [`OperateError::Applied`] if it was applied before.
    pub async fn apply(
        &self,
        plan: &Plan,
        secrets: &BTreeMap<String, SecretString>,
        ssh_timeout: Duration,
        mode: Mode,
        interrupts: &Interrupts,
    ) -> Result<UpResult, OperateError> {
        let name = &plan.demand.name;
        self.check_unused(plan).await?;
        self.check_free(name).await?;
        unless_interrupted(interrupts, self.check_fresh(plan)).await?;
        let mut requested = Requested::from(plan.demand.clone());
        if let Some(source) = &plan.demand.workload.source {
            requested.checkout = Some(unless_interrupted(interrupts, self.fetch(source)).await?);
        }
        let workload = &plan.demand.workload;
        let local_inputs = local_inputs(workload, &requested, secrets, requested.checkout_dir())?;
        if mode == Mode::DryRun {
            return Ok(UpResult::Planned(Box::new(plan.clone())));
        }
        self.agree(&Proposal::Plan(plan), interrupts).await?;
        let store = self.store.open().await?;
        let lock = store.lock(name).await?;
        let options = RunOptions { ssh_timeout, on_failure: OnFailure::RollBack };
        let run = Run { operator: self, store, _lock: lock };
        let summary = run.up(plan, None, &local_inputs, options, interrupts).await?;
        Ok(UpResult::Ready(Box::new(summary)))
    }

    /// Fails if the plan was applied before: the id of its deployment is in the store then.
    async fn check_unused(&self, plan: &Plan) -> Result<(), OperateError> {
        let Some(store) = self.store.existing().await? else { return Ok(()) };
        if store.ids().await?.contains(&plan.deployment) {
            return Err(OperateError::Applied { plan: plan.id(), deployment: plan.demand.name.clone() });
        }
        Ok(())
    }
}
