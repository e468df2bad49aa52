//! Executor of simulated machines.

use std::sync::Arc;

use async_trait::async_trait;
use hostler_core::journal::Failure;
use hostler_core::plan::Phase;
use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;
use hostler_engine::event::Report;
use hostler_engine::run::{Executor, Machine, Performed};
use hostler_sim::{CallKind, FaultKind, FaultPlan, kill_self};

/// Succeeds at once, unless a fault is scripted.
pub struct SimExecutor(pub Arc<FaultPlan>);

impl SimExecutor {
    async fn work(&self, step: &StepId) -> Result<(), Failure> {
        // Lets an interrupt arrive in between, as in a real session.
        tokio::task::yield_now().await;
        match self.0.next_fault(CallKind::Work, step) {
            None => Ok(()),
            Some(FaultKind::CrashBefore | FaultKind::CrashAfter) => kill_self(),
            Some(_) => Err(Failure { message: "scripted failure".into(), remedy: Remedy::Report, hint: None }),
        }
    }
}

#[async_trait]
impl Executor for SimExecutor {
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, _: &dyn Report) -> Result<String, Failure> {
        self.work(step).await?;
        Ok(machine.host_key.clone().unwrap_or_else(|| format!("ssh-ed25519 {}", machine.spec.name)))
    }

    async fn set_up(
        &self,
        step: &StepId,
        machine: &Machine,
        all: &[Machine],
        phase: &Phase,
        _: &dyn Report,
    ) -> Result<Performed, Failure> {
        let verifies = matches!(phase, Phase::Verify(_));
        assert!(verifies || all.len() == 2, "every phase but `verify` gets all machines");
        assert!(machine.host_key.is_some(), "set-up comes after the host key is pinned");
        self.work(step).await?;
        Ok(Performed::Now)
    }
}
