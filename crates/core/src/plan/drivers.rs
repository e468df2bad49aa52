//! Whether the chosen machines can have the drivers that are wished: said before they are made.

use super::{Pick, Plan};
use crate::name::GroupName;
use crate::setup::gpu::{
    GpuConflict, GpuHardware, GpuRequest, GpuStack, Installed, System, Vendor, find_conflict, resolve,
};
use crate::verify::pci_ids;

/// What `setup_phases.gpu` wishes can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedDrivers {
    /// On no machine at all.
    #[error("`setup_phases.gpu` can't be had: {0}")]
    Anywhere(GpuConflict),
    /// On the machines that were chosen for a group.
    #[error("`setup_phases.gpu` can't be had on the machines of `{group}`: {impossible}")]
    There {
        /// The group.
        group: GroupName,
        /// Why.
        impossible: GpuConflict,
    },
}

impl UnsupportedDrivers {
    /// What can be had instead.
    pub fn hint(&self) -> &str {
        match self {
            Self::Anywhere(impossible) | Self::There { impossible, .. } => &impossible.hint,
        }
    }
}

impl Plan {
    /// Whether its machines can have the drivers that are wished, as far as can be said before they are there.
    ///
    /// # Errors
    /// What can't be had, and what can.
    pub fn check_drivers(&self) -> Result<(), UnsupportedDrivers> {
        let (vendor, stack) = match &self.demand.workload.phases.gpu {
            GpuRequest::Off => return Ok(()),
            GpuRequest::Auto(stack) => (None, stack),
            GpuRequest::Forced(vendor, stack) => (Some(*vendor), stack),
        };
        if let Some(impossible) = find_conflict(vendor, stack) {
            return Err(UnsupportedDrivers::Anywhere(impossible));
        }
        for pick in &self.picks {
            if let Some(impossible) = undrivable(pick, vendor, stack) {
                return Err(UnsupportedDrivers::There { group: pick.group.clone(), impossible });
            }
        }
        Ok(())
    }
}

/// Why a pick's machines can't have it. Where the machine decides, only versions that are named count: without any, an
/// image may have all that is needed.
fn undrivable(pick: &Pick, vendor: Option<Vendor>, stack: &GpuStack) -> Option<GpuConflict> {
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
