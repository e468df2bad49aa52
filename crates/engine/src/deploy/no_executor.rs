//! Executor of runs that have no steps on machines.

use async_trait::async_trait;
use hostler_core::journal::Failure;
use hostler_core::plan::Phase;
use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;

use crate::event::Report;
use crate::run::{Executor, Machine, Performed};

/// Rejects all work: a run that deletes needs no login, and must not fail because a key is missing.
pub(super) struct NoExecutor;

fn rejection(machine: &Machine) -> Failure {
    let message = format!("this run performs no work on `{}`", machine.spec.name);
    Failure { message, remedy: Remedy::Report, hint: None }
}

#[async_trait]
impl Executor for NoExecutor {
    async fn wait_for_ssh(&self, _: &StepId, machine: &Machine, _: &dyn Report) -> Result<String, Failure> {
        Err(rejection(machine))
    }

    async fn set_up(
        &self,
        _: &StepId,
        machine: &Machine,
        _: &[Machine],
        _: &Phase,
        _: &dyn Report,
    ) -> Result<Performed, Failure> {
        Err(rejection(machine))
    }
}
