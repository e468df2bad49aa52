//! Who works on the machines: the part of a drive that speaks to hosts and not to sites.

use async_trait::async_trait;
use hostler_core::journal::Failure;
use hostler_core::plan::{MachineSpec, Phase};
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;

use crate::event::{Performed, Report};

/// A machine that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The step that made it.
    pub step: StepId,
    /// As planned.
    pub spec: MachineSpec,
    /// Where to reach it.
    pub address: Address,
    /// Where its companions reach it: its own address, where it is reached from here at a public one.
    pub inner: Address,
    /// The host key that it showed at its first contact; `None` before that.
    pub host_key: Option<String>,
    /// Whether the host was there before the deployment and stays, with its host key.
    pub kept: bool,
}

/// Works on machines. Every call may be repeated, and may be dropped at any time.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Waits until a machine can be logged in to; the answer is the host key that it showed.
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, report: &dyn Report) -> Result<String, Failure>;

    /// Does a phase of the set-up. `all` are the deployment's machines, in the order of their ranks, from the phase
    /// `companions` on; before that a machine knows of no other.
    async fn set_up(
        &self,
        step: &StepId,
        machine: &Machine,
        all: &[Machine],
        phase: &Phase,
        report: &dyn Report,
    ) -> Result<Performed, Failure>;
}
