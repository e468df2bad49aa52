//! GPU drivers and toolkits: requested versions, available versions ([`matrix`]), hardware constraints
//! ([`architecture`]), and the resolution of all three ([`resolve()`]).

pub mod architecture;
mod bus;
mod conflict;
mod hardware;
pub mod matrix;
mod recipe;
mod resolve;
mod rows;
mod state;
#[cfg(test)]
mod tests;
mod version;

use serde::{Deserialize, Serialize};

pub use bus::{GpuLinks, PciAddress, PciDevice};
pub use conflict::{GpuConflict, find_conflict};
pub use hardware::GpuHardware;
pub use recipe::{AptRepository, GpuComponent, PackageSource, PathSetup, Recipe, ToolkitHome};
pub use resolve::{GpuCombination, Installed, System, combinations, resolve};
pub use state::{DeviceAccess, FabricManager, GpuState, MissingPart, WorkingGpu, missing_parts};
pub use version::DottedVersion;

/// Request for GPU drivers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuRequest {
    /// None: the image has them, or they are not needed.
    #[default]
    Off,
    /// For the vendor of the GPUs on the PCI bus. Nothing is installed if there are none.
    Auto(GpuStack),
    /// For GPUs of this vendor, even if the PCI bus shows none.
    Forced(Vendor, GpuStack),
}

impl GpuRequest {
    /// True if nothing is to be installed.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// Vendor of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// NVIDIA: driver, CUDA, cuDNN.
    Nvidia,
    /// AMD: driver, ROCm.
    Amd,
}

/// Requested versions. An unset one is the newest compatible version of the matrix, except cuDNN, which is installed
/// only on request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuStack {
    /// Driver branch such as `535`.
    pub driver: Option<String>,
    /// CUDA toolkit such as `12.2`.
    pub cuda: Option<String>,
    /// cuDNN such as `8.9`.
    pub cudnn: Option<String>,
    /// ROCm such as `6.2`.
    pub rocm: Option<String>,
    /// Repository to use. If unset, the distribution's, unless it lacks a requested version.
    pub from: Option<GpuRepository>,
}

impl GpuStack {
    /// True if a version of this vendor's software is requested.
    pub fn names_version_for(&self, vendor: Vendor) -> bool {
        match vendor {
            Vendor::Nvidia => self.driver.is_some() || self.cuda.is_some() || self.cudnn.is_some(),
            Vendor::Amd => self.rocm.is_some(),
        }
    }

    /// Requested version of CUDA or ROCm.
    fn toolkit(&self, vendor: Vendor) -> Option<&String> {
        match vendor {
            Vendor::Nvidia => self.cuda.as_ref(),
            Vendor::Amd => self.rocm.as_ref(),
        }
    }
}

impl Vendor {
    /// Name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvidia => "NVIDIA",
            Self::Amd => "AMD",
        }
    }

    /// Name of the vendor's toolkit.
    pub fn toolkit(self) -> &'static str {
        match self {
            Self::Nvidia => "CUDA",
            Self::Amd => "ROCm",
        }
    }

    /// Key of `setup_phases.gpu` for the vendor's toolkit.
    fn toolkit_key(self) -> &'static str {
        match self {
            Self::Nvidia => "cuda",
            Self::Amd => "rocm",
        }
    }
}

/// Owner of a package repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuRepository {
    /// The distribution.
    Distribution,
    /// The GPU vendor.
    Vendor,
}
