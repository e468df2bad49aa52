//! SSH targets of a deployment's machines, after their first login.

use std::collections::BTreeMap;
use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::{MachineSpec, Plan, Step};
use hostler_core::ticket::StepId;

use super::{Files, FilesError};
use crate::blocking::blocking;
use crate::host::{BadKey, HostKey, Target};

/// The reason why a machine cannot be logged in to.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// It was stopped on request.
    #[error("`{0}` is stopped")]
    PoweredOff(String),
    /// No run has logged in to it yet.
    #[error("`{0}` was not reached yet")]
    NeverReached(String),
    /// Its stored host key cannot be parsed.
    #[error("the stored host key of `{0}` is invalid")]
    BadHostKey(String, #[source] BadKey),
    /// The private key cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// SSH target of a machine. `pins` maps the steps of machines to their host keys.
///
/// # Errors
/// [`NotReached`].
pub async fn target(
    plan: &Plan,
    journal: &Journal,
    step: &Step,
    spec: &MachineSpec,
    pins: &BTreeMap<StepId, String>,
    files: &Files,
) -> Result<Target, NotReached> {
    let machine = spec.name.clone();
    if journal.is_powered_off(&step.id) {
        return Err(NotReached::PoweredOff(machine));
    }
    let (Some(address), Some(pinned)) = (journal.address(plan, &step.id), pins.get(&step.id)) else {
        return Err(NotReached::NeverReached(machine));
    };
    let pinned: HostKey = pinned.parse().map_err(|error| NotReached::BadHostKey(machine.clone(), error))?;
    let (files, of) = (files.clone(), spec.clone());
    let identity = blocking(move || files.identity_for(&of)).await?;
    Ok(Target {
        machine,
        address: address.clone(),
        user: spec.user.clone(),
        identity: Arc::new(identity),
        pinned: Some(pinned),
        jump: None,
    })
}
