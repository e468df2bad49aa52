//! The matrix: which driver, CUDA, cuDNN and ROCm there are for which system, from whom, in which packages. All facts are
//! here, each with where it is from and when it was looked at; what follows from them is in `resolve`.
//!
//! Lists begin with the newest. What is not here is not said to be impossible, only not to be known to work.

use super::{GpuFrom, Maker};

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

/// Drivers as NVIDIA's repository calls them, with the modules that also drive what is older than Turing.
macro_rules! cuda_drivers {
    ($($branch:literal)*) => { &[$(Part { version: $branch, packages: &[concat!("cuda-drivers-", $branch)] }),*] };
}

/// Toolkits as NVIDIA's repository calls them; the package `cuda` would bring a driver of its own.
macro_rules! cuda_toolkits {
    ($($major:literal $minor:literal),*) => { &[$(Part {
        version: concat!($major, ".", $minor),
        packages: &[concat!("cuda-toolkit-", $major, "-", $minor)],
    }),*] };
}

/// cuDNN 9 as NVIDIA's repository calls it. The headers are named too: apt would take the newest, which don't fit.
macro_rules! cudnn_9 {
    ($version:literal, $build:literal, $cuda:literal) => {
        Cudnn {
            version: $version,
            cuda: $cuda,
            packages: &[
                concat!("libcudnn9-cuda-", $cuda, "=", $build),
                concat!("libcudnn9-dev-cuda-", $cuda, "=", $build),
                concat!("libcudnn9-headers-cuda-", $cuda, "=", $build),
            ],
            accept: None,
        }
    };
}

/// cuDNN 8 as NVIDIA's repository calls it.
macro_rules! cudnn_8 {
    ($version:literal, $build:literal, $cuda:literal) => {
        Cudnn {
            version: $version,
            cuda: $cuda,
            packages: &[concat!("libcudnn8=", $build), concat!("libcudnn8-dev=", $build)],
            accept: None,
        }
    };
}

/// Toolkits as AMD's repositories call them.
macro_rules! rocms {
    ($($version:literal)*) => { &[$(Part {
        version: $version,
        packages: &["rocm-hip-sdk", "rocminfo", "rocm-smi-lib"],
    }),*] };
}

/// cuDNN of NVIDIA's repository for Debian 12 and Ubuntu 24.04. CUDA 12 and 13 of cuDNN 9.19: its support matrix, 2026-02.
const CUDNN_9: &[Cudnn] = &[
    cudnn_9!("9.19.0", "9.19.0.56-1", 13),
    cudnn_9!("9.19.0", "9.19.0.56-1", 12),
    cudnn_9!("9.10.2", "9.10.2.21-1", 12),
];

/// The driver of AMD's own: a module for the kernel that is built on the machine.
const AMDGPU: &[Part] = &[Part { version: "of the same release", packages: &["amdgpu-dkms"] }];

/// Where Debian has what is not free; the firmware has a component of its own since 12.
const DEBIAN: Place = Place::Components(&["contrib", "non-free", "non-free-firmware"]);
/// Where Ubuntu has the drivers, and CUDA.
const UBUNTU: Place = Place::Components(&["restricted", "universe", "multiverse"]);

/// All there is.
pub const SUPPLIES: &[Supply] = &[
    // Debian's index of packages, 2026-11-27. `nvidia-driver` would bring a desktop's libraries; this is what computes.
    Supply {
        maker: Maker::Nvidia,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: DEBIAN,
        drivers: &[
            Part {
                version: "550",
                packages: &["nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "nvidia-modprobe", "firmware-nvidia-gsp"],
            },
            Part {
                version: "535",
                packages: &[
                    "nvidia-tesla-535-kernel-dkms",
                    "nvidia-tesla-535-smi",
                    "libnvidia-tesla-535-cuda1",
                    "nvidia-modprobe",
                    "firmware-nvidia-tesla-535-gsp",
                ],
            },
        ],
        toolkits: &[Part { version: "12.4", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[Cudnn {
            version: "9.0.0",
            cuda: 12,
            packages: &["nvidia-cudnn"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    Supply {
        maker: Maker::Nvidia,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: DEBIAN,
        drivers: &[
            Part {
                version: "535",
                packages: &["nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "nvidia-modprobe", "firmware-nvidia-gsp"],
            },
            // The last one for Kepler.
            Part {
                version: "470",
                packages: &[
                    "nvidia-tesla-470-kernel-dkms",
                    "nvidia-tesla-470-smi",
                    "libnvidia-tesla-470-cuda1",
                    "nvidia-modprobe",
                ],
            },
        ],
        toolkits: &[Part { version: "11.8", packages: &["nvidia-cuda-toolkit"] }],
        // It fetches by itself, and doesn't name what it needs for that.
        cudnns: &[Cudnn {
            version: "8.5.0",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // Ubuntu's servers' drivers: NVIDIA's long-term branches. 570 there is by now but another name for 580 (2026-05).
    Supply {
        maker: Maker::Nvidia,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: UBUNTU,
        drivers: UBUNTU_DRIVERS,
        toolkits: &[Part { version: "12.0", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[Cudnn {
            version: "8.9.2",
            cuda: 12,
            packages: &["nvidia-cudnn"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    Supply {
        maker: Maker::Nvidia,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: UBUNTU,
        drivers: UBUNTU_DRIVERS,
        toolkits: &[Part { version: "11.5", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[Cudnn {
            version: "8.2.4",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // NVIDIA's repository: for each system the toolkits since the first that was made for it (CUDA's installation guides
    // for Linux: Ubuntu 22.04 since 11.7, Debian 12 since 12.3, Ubuntu 24.04 since 12.5), as of 2026-05.
    Supply {
        maker: Maker::Nvidia,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Nvidia("debian12/x86_64"),
        drivers: cuda_drivers!["580" "570" "550"],
        toolkits: cuda_toolkits![13 0, 12 9, 12 8, 12 6, 12 5, 12 4, 12 3],
        cudnns: CUDNN_9,
    },
    Supply {
        maker: Maker::Nvidia,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Nvidia("ubuntu2404/x86_64"),
        drivers: cuda_drivers!["580" "570"],
        toolkits: cuda_toolkits![13 0, 12 9, 12 8, 12 6, 12 5],
        cudnns: CUDNN_9,
    },
    Supply {
        maker: Maker::Nvidia,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Nvidia("ubuntu2204/x86_64"),
        drivers: cuda_drivers!["580" "570" "550" "535"],
        toolkits: cuda_toolkits![13 0, 12 9, 12 8, 12 6, 12 5, 12 4, 12 3, 12 2, 12 1, 12 0, 11 8, 11 7],
        cudnns: &[
            cudnn_9!("9.19.0", "9.19.0.56-1", 13),
            cudnn_9!("9.19.0", "9.19.0.56-1", 12),
            cudnn_9!("9.10.2", "9.10.2.21-1", 12),
            cudnn_8!("8.9.7", "8.9.7.29-1+cuda12.2", 12),
            cudnn_8!("8.9.7", "8.9.7.29-1+cuda11.8", 11),
        ],
    },
    // Debian's and Ubuntu's ROCm is called by its HIP, which is what programs are compiled with; `rocminfo` may be newer.
    // Debian's index of packages, 2026-11-27; Ubuntu's, 2026-05.
    Supply {
        maker: Maker::Amd,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: DEBIAN,
        drivers: &[Part { version: "of the kernel", packages: &["firmware-amd-graphics"] }],
        toolkits: &[Part { version: "5.7", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    Supply {
        maker: Maker::Amd,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: DEBIAN,
        drivers: &[Part { version: "of the kernel", packages: &["firmware-amd-graphics"] }],
        toolkits: &[Part { version: "5.2", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    Supply {
        maker: Maker::Amd,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: UBUNTU,
        drivers: &[Part { version: "of the kernel", packages: &["linux-firmware"] }],
        toolkits: &[Part { version: "5.7", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    // AMD's repositories (ROCm's installation guides, as of 2026-05): on Debian, the suites of the Ubuntu of its age.
    Supply {
        maker: Maker::Amd,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Amd("noble"),
        drivers: AMDGPU,
        toolkits: rocms!["7.2" "7.1"],
        cudnns: &[],
    },
    Supply {
        maker: Maker::Amd,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Amd("jammy"),
        drivers: AMDGPU,
        toolkits: rocms!["7.1" "7.0" "6.4"],
        cudnns: &[],
    },
    Supply {
        maker: Maker::Amd,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Amd("noble"),
        drivers: AMDGPU,
        toolkits: rocms!["7.2" "7.1" "7.0" "6.4" "6.3" "6.2"],
        cudnns: &[],
    },
    Supply {
        maker: Maker::Amd,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Amd("jammy"),
        drivers: AMDGPU,
        toolkits: rocms!["7.2" "7.1" "7.0" "6.4" "6.3" "6.2"],
        cudnns: &[],
    },
];

/// Drivers for machines without a screen, with modules built on the machine.
const UBUNTU_DRIVERS: &[Part] = &[
    Part { version: "580", packages: &["nvidia-headless-580-server", "nvidia-utils-580-server"] },
    Part { version: "535", packages: &["nvidia-headless-535-server", "nvidia-utils-535-server"] },
];
