//! Drivers and toolkits of accelerators: what is wished, what there is ([`matrix`]), what the accelerators can be used with
//! ([`architecture`]), and what follows from all three ([`resolve()`]).

pub mod architecture;
mod bus;
mod contradiction;
mod hardware;
pub mod matrix;
mod recipe;
mod resolve;
mod seen;
mod supplies;
#[cfg(test)]
mod tests;
mod version;

use serde::{Deserialize, Serialize};

pub use bus::{Address, Device, Links};
pub use contradiction::{Impossible, contradiction};
pub use hardware::Hardware;
pub use recipe::{Chosen, Home, Reach, Recipe, Repository, Source};
pub use resolve::{Have, Row, System, resolve, rows};
pub use seen::{Access, Fabric, Lack, Seen, Working, lacks};
pub use version::Version;

/// Whether drivers are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuRequest {
    /// No: the image has them, or they aren't wanted.
    #[default]
    Off,
    /// Where the PCI bus shows an accelerator, for its maker.
    Auto(GpuStack),
    /// For accelerators of this maker, whether the bus shows one or not.
    Forced(Maker, GpuStack),
}

impl GpuRequest {
    /// Whether nothing is installed.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// Who makes the accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    /// NVIDIA: driver, CUDA, cuDNN.
    Nvidia,
    /// AMD: driver, ROCm.
    Amd,
}

/// The versions wished. What isn't said is the newest that the matrix has for the system; cuDNN only where it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuStack {
    /// The driver's branch, as `535`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The CUDA toolkit, as `12.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// cuDNN, as `8.9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cudnn: Option<String>,
    /// ROCm, as `6.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocm: Option<String>,
    /// Whose packages; the distribution's where it has what is wished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<GpuFrom>,
}

impl GpuStack {
    /// Whether a version is wished that a maker has.
    pub fn speaks_of(&self, maker: Maker) -> bool {
        match maker {
            Maker::Nvidia => self.driver.is_some() || self.cuda.is_some() || self.cudnn.is_some(),
            Maker::Amd => self.rocm.is_some(),
        }
    }

    /// The toolkit wished: CUDA, or ROCm.
    fn toolkit(&self, maker: Maker) -> Option<&String> {
        match maker {
            Maker::Nvidia => self.cuda.as_ref(),
            Maker::Amd => self.rocm.as_ref(),
        }
    }
}

impl Maker {
    /// As it calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvidia => "NVIDIA",
            Self::Amd => "AMD",
        }
    }

    /// What programs are made with.
    pub fn toolkit(self) -> &'static str {
        match self {
            Self::Nvidia => "CUDA",
            Self::Amd => "ROCm",
        }
    }

    /// The key of `setup_phases.gpu` that its toolkit is wished by.
    fn toolkit_key(self) -> &'static str {
        match self {
            Self::Nvidia => "cuda",
            Self::Amd => "rocm",
        }
    }
}

/// Whose packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuFrom {
    /// The distribution's.
    Distribution,
    /// The maker's own repository.
    Maker,
}
