//! Drivers and toolkits of accelerators: what is wished.

use serde::{Deserialize, Serialize};

/// Whether drivers are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuWish {
    /// No: the image has them, or they aren't wanted.
    #[default]
    Off,
    /// Where the PCI bus shows an accelerator, for its maker.
    Auto(GpuStack),
    /// For accelerators of this maker, whether the bus shows one or not.
    Forced(Maker, GpuStack),
}

impl GpuWish {
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

/// The versions wished. What isn't said is the newest that the matrix has for the system.
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

/// Whose packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuFrom {
    /// The distribution's.
    Distribution,
    /// The maker's own repository.
    Maker,
}
