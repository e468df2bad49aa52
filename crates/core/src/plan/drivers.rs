//! The check of requested GPU drivers against the chosen machines, before any machine is created.

use super::{Pick, Plan};
use crate::name::GroupName;
use crate::setup::gpu::{
    GpuConflict, GpuHardware, GpuRequest, GpuStack, Installed, System, Vendor, find_conflict, resolve,
};
use crate::verify::pci_ids;

/// The drivers that `setup_phases.gpu` requests are not available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedDrivers {
    /// On any machine: the request contradicts itself.
    #[error("`setup_phases.gpu` is not available: {0}")]
    Anywhere(GpuConflict),
    /// On the machines chosen for a group.
    #[error("`setup_phases.gpu` is not available on the machines of `{group}`: {conflict}")]
    There {
        /// The group.
        group: GroupName,
        /// The reason.
        conflict: GpuConflict,
    },
}

impl UnsupportedDrivers {
    /// Advice about available versions.
    pub fn hint(&self) -> &str {
        match self {
            Self::Anywhere(conflict) | Self::There { conflict, .. } => &conflict.hint,
        }
    }
}

impl Plan {
    /// Checks that the requested drivers are available for its machines, as far as the plan knows them.
    ///
    /// # Errors
    /// The first conflict, with advice about available versions.
    pub fn check_drivers(&self) -> Result<(), UnsupportedDrivers> {
        let (vendor, stack) = match &self.demand.workload.phases.gpu {
            GpuRequest::Off => return Ok(()),
            GpuRequest::Auto(stack) => (None, stack),
            GpuRequest::Forced(vendor, stack) => (Some(*vendor), stack),
        };
        if let Some(conflict) = find_conflict(vendor, stack) {
            return Err(UnsupportedDrivers::Anywhere(conflict));
        }
        for pick in &self.picks {
            if let Some(conflict) = pick_conflict(pick, vendor, stack) {
                return Err(UnsupportedDrivers::There { group: pick.group.clone(), conflict });
            }
        }
        Ok(())
    }
}

/// The conflict of a pick, if any. With `gpu: auto`, only named versions are checked: without one, the image may contain
/// suitable drivers.
fn pick_conflict(pick: &Pick, vendor: Option<Vendor>, stack: &GpuStack) -> Option<GpuConflict> {
    let os = pick.os.as_ref()?;
    let system = System { id: &os.id, version: os.version.as_deref()?, arch: pick.arch.as_deref()? };
    let vendors = match vendor {
        Some(vendor) => vec![vendor],
        None if pick.shape.gpus.is_empty() => Vec::new(),
        None => [Vendor::Nvidia, Vendor::Amd].into_iter().filter(|vendor| stack.names_version_for(*vendor)).collect(),
    };
    let hardware = |vendor| GpuHardware::by_pci_ids(vendor, pick.shape.gpus.iter().flat_map(|model| pci_ids(model)));
    vendors
        .into_iter()
        .find_map(|vendor| resolve(vendor, stack, system, &hardware(vendor), &Installed::default()).err())
}
