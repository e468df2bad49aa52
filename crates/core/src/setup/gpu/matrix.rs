//! The matrix: which driver, CUDA, cuDNN and ROCm there are for which system, from whom, in which packages. All facts are
//! here, each with where it is from and when it was looked at; what follows from them is in `resolve`.
//!
//! Lists begin with the newest. What is not here is not said to be impossible, only not to be known to work.

use super::{GpuFrom, Maker};

pub use super::supplies::SUPPLIES;

/// A CUDA toolkit, whoever packs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cuda {
    /// `12.2`.
    pub version: &'static str,
    /// The driver that it runs on at least, by what NVIDIA calls minor version compatibility: without what a newer
    /// driver brings, and without compiling PTX of its own.
    pub runs_from: &'static str,
    /// The driver that it came with, on which all of it works.
    pub made_with: &'static str,
}

const fn cuda(version: &'static str, runs_from: &'static str, made_with: &'static str) -> Cuda {
    Cuda { version, runs_from, made_with }
}

/// CUDA's toolkits. NVIDIA's release notes of CUDA 13.2, tables "CUDA Toolkit and Minimum Required Driver Version for CUDA
/// Minor Version Compatibility" and "CUDA Toolkit and Corresponding Driver Versions", as of 2026-05. There is no 12.7.
/// Those that came with a driver of branch 590 and later are left out: it no longer drives Maxwell, Pascal and Volta.
pub const CUDA: &[Cuda] = &[
    cuda("13.0", "580.65.06", "580.65.06"),
    cuda("12.9", "525.60.13", "575.51.03"),
    cuda("12.8", "525.60.13", "570.26"),
    cuda("12.6", "525.60.13", "560.28.03"),
    cuda("12.5", "525.60.13", "555.42.02"),
    cuda("12.4", "525.60.13", "550.54.14"),
    cuda("12.3", "525.60.13", "545.23.06"),
    cuda("12.2", "525.60.13", "535.54.03"),
    cuda("12.1", "525.60.13", "530.30.02"),
    cuda("12.0", "525.60.13", "525.60.13"),
    cuda("11.8", "450.80.02", "520.61.05"),
    cuda("11.7", "450.80.02", "515.43.04"),
    cuda("11.5", "450.80.02", "495.29.05"),
];

/// A package, or several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What they have: of a driver its branch.
    pub version: &'static str,
    /// Their names.
    pub packages: &'static [&'static str],
}

/// Packages of cuDNN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cudnn {
    /// What they have.
    pub version: &'static str,
    /// The first number of the CUDA toolkits that they are made for.
    pub cuda: u64,
    /// Their names.
    pub packages: &'static [&'static str],
    /// What is told to debconf before: the package asks whether NVIDIA's licence is accepted, as whoever asks for cuDNN does.
    pub accept: Option<&'static str>,
}

/// What one side has for one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supply {
    /// For whose accelerators.
    pub maker: Maker,
    /// `ID` of the system's `/etc/os-release`.
    pub id: &'static str,
    /// `VERSION_ID`.
    pub version: &'static str,
    /// As `uname -m` says it.
    pub arch: &'static str,
    /// Whose packages.
    pub from: GpuFrom,
    /// Where they are.
    pub source: Place,
    /// The drivers.
    pub drivers: &'static [Part],
    /// Those of NVIDIA's with its open kernel modules: only branches that drive what takes no other.
    pub open: &'static [Part],
    /// NVIDIA's fabric managers. Each goes with the driver of its own branch, and version, from the same side.
    pub fabrics: &'static [Part],
    /// The toolkits: CUDA, or ROCm.
    pub toolkits: &'static [Part],
    /// cuDNN.
    pub cudnns: &'static [Cudnn],
}

/// Where packages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In these components of the distribution's own repository.
    Components(&'static [&'static str]),
    /// In this directory of NVIDIA's repository.
    Nvidia(&'static str),
    /// In this suite of AMD's repositories, of which there is one for each release.
    Amd(&'static str),
}

/// NVIDIA's repository, and the fingerprint of the key `3bf863cc.pub` that lies in each of its directories since 2022-04
/// (NVIDIA's "Updating the CUDA Linux GPG Repository Key"; the same in the package `cuda-keyring` 1.1).
pub const NVIDIA: (&str, &str) =
    ("https://developer.download.nvidia.com/compute/cuda/repos", "EB693B3035CD5710E231E123A4B469963BF863CC");
/// AMD's repositories, and the fingerprint of `rocm/rocm.gpg.key` there (ROCm's installation guide for Linux).
pub const AMD: (&str, &str) = ("https://repo.radeon.com", "CA8BB4727A47B4D09B4EE8969386B48A1A693C5C");

/// The releases of ROCm in AMD's repositories, and what the release of the driver that belongs to each is called there
/// since the two have numbers of their own (ROCm's installation guides of 6.2 to 7.2, as of 2026-05).
pub const ROCM: &[(&str, &str)] =
    &[("7.2", "30.30"), ("7.1", "30.20"), ("7.0", "30.10"), ("6.4", "6.4"), ("6.3", "6.3"), ("6.2", "6.2")];
