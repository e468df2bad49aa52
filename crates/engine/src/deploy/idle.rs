//! The crew of a deployment that is given back: it has nothing to do.

use async_trait::async_trait;
use hostler_core::journal::Failure;
use hostler_core::plan::Phase;
use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;

use crate::event::Report;
use crate::run::{Executor, Machine, Performed};

/// Refuses all work: nothing is reached or set up on the way back.
pub(super) struct Idle;

fn refusal(machine: &Machine) -> Failure {
    let message = format!("`{}` is being given back, and can't be worked on", machine.spec.name);
    Failure { message, remedy: Remedy::Report, hint: None }
}

#[async_trait]
impl Executor for Idle {
    async fn wait_for_ssh(&self, _: &StepId, machine: &Machine, _: &dyn Report) -> Result<String, Failure> {
        Err(refusal(machine))
    }

    async fn set_up(
        &self,
        _: &StepId,
        machine: &Machine,
        _: &[Machine],
        _: &Phase,
        _: &dyn Report,
    ) -> Result<Performed, Failure> {
        Err(refusal(machine))
    }
}
