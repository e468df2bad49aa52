//! The compatibility matrix: drivers, CUDA, cuDNN and ROCm available for each system, with repositories and package
//! names. This module has the facts, each with its source and date; `resolve` draws the conclusions.
//!
//! Lists start with the newest version. A missing entry means that the combination is not known to work.

use super::{GpuRepository, Vendor};

pub use super::rows::MATRIX;

/// A CUDA release, independent of its packaging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CudaRelease {
    /// Version such as `12.2`.
    pub version: &'static str,
    /// Oldest driver that runs it, by NVIDIA's minor version compatibility: without features of newer drivers, and
    /// without compiling PTX.
    pub runs_from: &'static str,
    /// Driver released with it, on which everything works.
    pub made_with: &'static str,
}

const fn cuda(version: &'static str, runs_from: &'static str, made_with: &'static str) -> CudaRelease {
    CudaRelease { version, runs_from, made_with }
}

/// CUDA releases. Source: NVIDIA's release notes of CUDA 13.2, tables "CUDA Toolkit and Minimum Required Driver Version for CUDA
/// Minor Version Compatibility" and "CUDA Toolkit and Corresponding Driver Versions", as of 2026-05. There is no 12.7.
/// Releases with a driver of branch 590 or later are omitted, since those drivers do not support Maxwell, Pascal and Volta.
pub const CUDA: &[CudaRelease] = &[
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

/// Packages that are installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageGroup {
    /// Version; for a driver, its branch.
    pub version: &'static str,
    /// Package names.
    pub packages: &'static [&'static str],
}

/// Packages of cuDNN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CudnnPackages {
    /// Version of cuDNN.
    pub version: &'static str,
    /// Major version of the CUDA toolkits that it supports.
    pub cuda: u64,
    /// Package names.
    pub packages: &'static [&'static str],
    /// Answer for debconf: the package asks for acceptance of NVIDIA's licence. Requesting cuDNN accepts it.
    pub accept: Option<&'static str>,
}

/// Packages of one repository for one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixRow {
    /// Vendor of the GPUs.
    pub vendor: Vendor,
    /// `ID` of `/etc/os-release`.
    pub id: &'static str,
    /// `VERSION_ID` of `/etc/os-release`.
    pub version: &'static str,
    /// Architecture as `uname -m` prints it.
    pub arch: &'static str,
    /// Owner of the repository.
    pub from: GpuRepository,
    /// Location of the packages.
    pub location: RepositoryLocation,
    /// Drivers with the default kernel modules.
    pub drivers: &'static [PackageGroup],
    /// NVIDIA drivers with open kernel modules. Only branches that support GPUs which need open modules.
    pub open: &'static [PackageGroup],
    /// NVIDIA's fabric managers. Each belongs to the driver of the same branch and version from the same repository.
    pub fabrics: &'static [PackageGroup],
    /// Toolkits: CUDA or ROCm.
    pub toolkits: &'static [PackageGroup],
    /// cuDNN packages.
    pub cudnns: &'static [CudnnPackages],
}

/// Location of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryLocation {
    /// Components of the distribution's own repository.
    Distribution(&'static [&'static str]),
    /// Directory of NVIDIA's repository.
    Nvidia(&'static str),
    /// Suite of AMD's repositories, which exist once per release.
    Amd(&'static str),
}

/// NVIDIA's repository, and the fingerprint of the key `3bf863cc.pub` in each of its directories since 2022-04
/// (NVIDIA's "Updating the CUDA Linux GPG Repository Key"; the same in the package `cuda-keyring` 1.1).
pub const NVIDIA: (&str, &str) =
    ("https://developer.download.nvidia.com/compute/cuda/repos", "EB693B3035CD5710E231E123A4B469963BF863CC");
/// AMD's repositories, and the fingerprint of their `rocm/rocm.gpg.key` (ROCm's installation guide for Linux).
pub const AMD: (&str, &str) = ("https://repo.radeon.com", "CA8BB4727A47B4D09B4EE8969386B48A1A693C5C");

/// ROCm releases in AMD's repositories, each with the driver release that belongs to it. The two have been numbered
/// separately since ROCm 7.0 (ROCm's installation guides of 6.2 to 7.2, as of 2026-05).
pub const ROCM: &[(&str, &str)] =
    &[("7.2", "30.30"), ("7.1", "30.20"), ("7.0", "30.10"), ("6.4", "6.4"), ("6.3", "6.3"), ("6.2", "6.2")];
