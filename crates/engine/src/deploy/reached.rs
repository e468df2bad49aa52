//! How the machines of a deployment are logged in to, once they have been reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::{MachineSpec, Plan, Step};
use hostler_core::ticket::StepId;

use super::{Files, FilesError};
use crate::host::{BadKey, HostKey, Target};

/// Why a machine can't be logged in to.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// It was shut down on request.
    #[error("`{0}` is shut down")]
    Off(String),
    /// Nobody has logged in to it so far.
    #[error("`{0}` was not reached yet")]
    NotYet(String),
    /// What is stored of its host key can't be read.
    #[error("the stored host key of `{0}` can't be read")]
    Pin(String, #[source] BadKey),
    /// The key to log in with can't be read.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Where and how a machine is reached; `pins` are the deployment's host keys, by the machines' steps.
pub fn target(
    plan: &Plan,
    journal: &Journal,
    step: &Step,
    spec: &MachineSpec,
    pins: &BTreeMap<StepId, String>,
    files: &Files,
) -> Result<Target, NotReached> {
    let machine = spec.name.clone();
    if journal.is_off(&step.id) {
        return Err(NotReached::Off(machine));
    }
    let (Some(address), Some(pinned)) = (journal.address(plan, &step.id), pins.get(&step.id)) else {
        return Err(NotReached::NotYet(machine));
    };
    let pinned: HostKey = pinned.parse().map_err(|error| NotReached::Pin(machine.clone(), error))?;
    Ok(Target {
        machine,
        address: address.clone(),
        user: spec.user.clone(),
        identity: Arc::new(files.identity_for(spec)?),
        pinned: Some(pinned),
        jump: None,
    })
}
