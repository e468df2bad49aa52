//! The machines that are there, put together once for all the steps that need them.

use std::future::Future;
use std::sync::Arc;

use hostler_core::journal::Failure;
use hostler_core::plan::{Action, MachineSpec, PlannedResource, Step};
use hostler_core::ports::{Address, Remedy};
use hostler_core::ticket::{Ref, StepId};
use tokio::sync::OnceCell;

use super::{Drive, Machine};

/// A machine of the plan that has been made.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) step: StepId,
    pub(super) spec: MachineSpec,
    pub(super) reference: Ref,
    /// Where it is reached, where that was said when it was made.
    pub(super) address: Option<Address>,
    /// Its own address, where that was said when it was made.
    pub(super) inner: Option<Address>,
    pub(super) host_key: Option<String>,
}

/// The machines that have been made, in the order of their ranks.
#[derive(Debug)]
pub(super) struct Roster {
    /// Each is shared by all rosters since it last changed.
    known: Vec<Arc<Known>>,
    machines: OnceCell<Vec<Machine>>,
}

impl Roster {
    pub(super) fn find(&self, id: &StepId) -> Result<&Known, Failure> {
        self.known.iter().find(|known| known.step == *id).map(|known| &**known).ok_or_else(|| unmade(id))
    }

    /// All of them, with their addresses: those are looked up once, whoever asks first.
    pub(super) async fn machines<'r, F>(&'r self, machine: impl Fn(&'r Known) -> F) -> Result<&'r [Machine], Failure>
    where
        F: Future<Output = Result<Machine, Failure>>,
    {
        let all = async {
            let mut all = Vec::with_capacity(self.known.len());
            for known in &self.known {
                all.push(machine(known).await?);
            }
            Ok(all)
        };
        Ok(self.machines.get_or_try_init(|| all).await?.as_slice())
    }
}

impl Drive<'_> {
    /// The machines as they are now.
    pub(super) fn roster(&mut self) -> Arc<Roster> {
        if let Some(roster) = &self.roster {
            return Arc::clone(roster);
        }
        let known = self.plan.machines().filter_map(|(step, spec)| self.known(step, spec)).collect();
        let roster = Arc::new(Roster { known, machines: OnceCell::new() });
        self.known = roster.known.iter().map(|known| (known.step.clone(), Arc::clone(known))).collect();
        self.roster = Some(Arc::clone(&roster));
        roster
    }

    fn known(&self, step: &Step, spec: &MachineSpec) -> Option<Arc<Known>> {
        if let Some(known) = self.known.get(&step.id) {
            return Some(Arc::clone(known));
        }
        let made = self.journal().made(&step.id)?;
        Some(Arc::new(Known {
            step: step.id.clone(),
            spec: spec.clone(),
            reference: made.reference.clone(),
            address: self.journal().address(self.plan, &step.id).cloned(),
            inner: made.address.clone(),
            host_key: self.host_keys.get(&step.id).cloned(),
        }))
    }

    /// Takes in that a step has made a machine, or what one is reached at.
    pub(super) fn has_made(&mut self, step: &StepId) {
        match self.plan.step(step).map(|step| &step.action) {
            Some(Action::Create(PlannedResource::Address { machine: Some(machine), .. })) => self.has_changed(machine),
            _ => self.has_changed(step),
        }
    }

    /// Takes in that a machine is not as it was.
    pub(super) fn has_changed(&mut self, machine: &StepId) {
        self.known.remove(machine);
        self.roster = None;
    }
}

fn unmade(id: &StepId) -> Failure {
    Failure { message: format!("`{id}` has made no machine"), remedy: Remedy::Report, hint: None }
}
