//! Whether the chosen machines can have the drivers that are wished: said before they are made.

use super::{Pick, Plan};
use crate::name::GroupName;
use crate::setup::gpu::{GpuRequest, GpuStack, Hardware, Have, Impossible, Maker, System, contradiction, resolve};
use crate::verify::pci_ids;

/// What `setup_phases.gpu` wishes can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDrivers {
    /// On no machine at all.
    #[error("`setup_phases.gpu` can't be had: {0}")]
    Anywhere(Impossible),
    /// On the machines that were chosen for a group.
    #[error("`setup_phases.gpu` can't be had on the machines of `{group}`: {impossible}")]
    There {
        /// The group.
        group: GroupName,
        /// Why.
        impossible: Impossible,
    },
}

impl NoDrivers {
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
    pub fn check_drivers(&self) -> Result<(), NoDrivers> {
        let (maker, stack) = match &self.demand.work.phases.gpu {
            GpuRequest::Off => return Ok(()),
            GpuRequest::Auto(stack) => (None, stack),
            GpuRequest::Forced(maker, stack) => (Some(*maker), stack),
        };
        if let Some(impossible) = contradiction(maker, stack) {
            return Err(NoDrivers::Anywhere(impossible));
        }
        for pick in &self.picks {
            if let Some(impossible) = undrivable(pick, maker, stack) {
                return Err(NoDrivers::There { group: pick.group.clone(), impossible });
            }
        }
        Ok(())
    }
}

/// Why a pick's machines can't have it. Where the machine decides, only versions that are named count: without any, an
/// image may have all that is needed.
fn undrivable(pick: &Pick, maker: Option<Maker>, stack: &GpuStack) -> Option<Impossible> {
    let os = pick.os.as_ref()?;
    let system = System { id: &os.id, version: os.version.as_deref()?, arch: pick.arch.as_deref()? };
    let makers = match maker {
        Some(maker) => vec![maker],
        None if pick.shape.gpus.is_empty() => Vec::new(),
        None => [Maker::Nvidia, Maker::Amd].into_iter().filter(|maker| stack.speaks_of(*maker)).collect(),
    };
    let hardware = |maker| Hardware::by_pci_ids(maker, pick.shape.gpus.iter().flat_map(|model| pci_ids(model)));
    makers.into_iter().find_map(|maker| resolve(maker, stack, system, &hardware(maker), &Have::default()).err())
}
