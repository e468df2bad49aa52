//! The machines that a deployment has created, collected once for all the steps that need them.

use std::future::Future;
use std::sync::Arc;

use hostler_core::journal::Failure;
use hostler_core::plan::MachineSpec;
use hostler_core::ports::{Address, Remedy};
use hostler_core::ticket::{Ref, StepId};
use tokio::sync::OnceCell;

use super::executor::Machine;

/// A machine of the plan that exists.
#[derive(Debug)]
pub(super) struct CreatedMachine {
    pub(super) step: StepId,
    pub(super) spec: MachineSpec,
    pub(super) reference: Ref,
    /// The address to log in to; `None` if the site did not report one when it created the machine.
    pub(super) address: Option<Address>,
    /// The machine's own address, behind a public one; `None` if the site did not report it.
    pub(super) own_address: Option<Address>,
    pub(super) host_key: Option<String>,
}

/// Snapshot of the created machines, by rank. A change makes a new registry, which shares the unchanged machines.
#[derive(Debug)]
pub(super) struct MachineRegistry {
    created: Vec<Arc<CreatedMachine>>,
    with_addresses: OnceCell<Vec<Machine>>,
}

impl MachineRegistry {
    pub(super) fn new(created: Vec<Arc<CreatedMachine>>) -> Self {
        Self { created, with_addresses: OnceCell::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<CreatedMachine>> {
        self.created.iter()
    }

    pub(super) fn find(&self, id: &StepId) -> Result<&CreatedMachine, Failure> {
        self.created.iter().find(|machine| machine.step == *id).map(|machine| &**machine).ok_or_else(|| not_created(id))
    }

    /// All machines with their addresses. The first caller looks the addresses up with `resolve`, for all callers.
    pub(super) async fn machines<'r, F>(
        &'r self,
        resolve: impl Fn(&'r CreatedMachine) -> F,
    ) -> Result<&'r [Machine], Failure>
    where
        F: Future<Output = Result<Machine, Failure>>,
    {
        let all = async {
            let mut all = Vec::with_capacity(self.created.len());
            for machine in &self.created {
                all.push(resolve(machine).await?);
            }
            Ok(all)
        };
        Ok(self.with_addresses.get_or_try_init(|| all).await?.as_slice())
    }
}

fn not_created(id: &StepId) -> Failure {
    Failure { message: format!("the step `{id}` has not created a machine"), remedy: Remedy::Report, hint: None }
}
