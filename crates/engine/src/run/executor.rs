//! Work on machines: the part of a run that speaks to hosts, not to sites.

use async_trait::async_trait;
use hostler_core::journal::Failure;
use hostler_core::plan::{MachineSpec, Phase};
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;

use crate::event::{Performed, Report};

/// A created machine with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The step that created it.
    pub step: StepId,
    /// The planned specification.
    pub spec: MachineSpec,
    /// The address to log in to from this computer.
    pub address: Address,
    /// The address for its peers: the machine's own one, even if this computer uses a public one.
    pub peer_address: Address,
    /// The host key that it showed at its first contact; `None` before that.
    pub host_key: Option<String>,
    /// True if the host, with its host key, outlives the deployment (listed SSH hosts).
    pub host_is_persistent: bool,
}

/// Performs steps on machines. Every call may be repeated, and its future may be dropped at any time.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Waits until SSH accepts a login to a machine. Returns the host key that the machine showed.
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, report: &dyn Report) -> Result<String, Failure>;

    /// Performs a phase of the set-up. From the phase `peer-names` on, `all` lists the deployment's machines by rank; before
    /// that it has only `machine`.
    async fn set_up(
        &self,
        step: &StepId,
        machine: &Machine,
        all: &[Machine],
        phase: &Phase,
        report: &dyn Report,
    ) -> Result<Performed, Failure>;
}
