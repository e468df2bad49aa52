//! All supplies of the matrix: what each side has for each system, in which packages.

use super::matrix::{Cudnn, Part, Place, Supply};
use super::{GpuFrom, Maker};

/// Drivers as NVIDIA's repository calls them, with the modules that also drive what is older than Turing.
macro_rules! cuda_drivers {
    ($($branch:literal)*) => { &[$(Part { version: $branch, packages: &[concat!("cuda-drivers-", $branch)] }),*] };
}

/// The same with NVIDIA's open modules.
macro_rules! nvidia_opens {
    ($($branch:literal)*) => { &[$(Part { version: $branch, packages: &[concat!("nvidia-open-", $branch)] }),*] };
}

/// Fabric managers as NVIDIA's repository and Ubuntu call them.
macro_rules! nvidia_fabrics {
    ($($branch:literal)*) => { &[$(Part { version: $branch, packages: &[concat!("nvidia-fabricmanager-", $branch)] }),*] };
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
    // Debian's index of packages, 2026-11-27. `nvidia-driver` would bring a desktop's libraries; this is what computes. Its open
    // modules are of branches too old for what takes no others, and it has no fabric manager.
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
        toolkits: &[Part { version: "11.8", packages: &["nvidia-cuda-toolkit"] }],
        // It fetches by itself, and doesn't name what it needs for that.
        cudnns: &[Cudnn {
            version: "8.5.0",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // Ubuntu's servers' drivers: NVIDIA's long-term branches, of which 570 and 535 are by now but other names for 580.
    Supply {
        maker: Maker::Nvidia,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuFrom::Distribution,
        source: UBUNTU,
        drivers: UBUNTU_DRIVERS,
        open: UBUNTU_OPEN,
        fabrics: UBUNTU_FABRICS,
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
        open: UBUNTU_OPEN,
        fabrics: UBUNTU_FABRICS,
        toolkits: &[Part { version: "11.5", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[Cudnn {
            version: "8.2.4",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // NVIDIA's repository: for each system the toolkits since the first that was made for it (CUDA's installation guides
    // for Linux: Ubuntu 22.04 since 11.7, Debian 12 since 12.3, Ubuntu 24.04 since 12.5), as of 2026-05. Open modules and fabric managers:
    // NVIDIA's guides to its driver and to its Fabric Manager for branches before 590, which call them otherwise.
    Supply {
        maker: Maker::Nvidia,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuFrom::Maker,
        source: Place::Nvidia("debian12/x86_64"),
        drivers: cuda_drivers!["580" "570" "550"],
        open: nvidia_opens!["580" "570"],
        fabrics: nvidia_fabrics!["580" "570" "550"],
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
        open: nvidia_opens!["580" "570"],
        fabrics: nvidia_fabrics!["580" "570"],
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
        open: nvidia_opens!["580" "570"],
        fabrics: nvidia_fabrics!["580" "570" "550" "535"],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
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
        open: &[],
        fabrics: &[],
        toolkits: rocms!["7.2" "7.1" "7.0" "6.4" "6.3" "6.2"],
        cudnns: &[],
    },
];

/// Drivers for machines without a screen, with modules built on the machine. Ubuntu's index of packages, 2026-11-27.
const UBUNTU_DRIVERS: &[Part] =
    &[Part { version: "580", packages: &["nvidia-headless-580-server", "nvidia-utils-580-server"] }];
/// The same with NVIDIA's open modules.
const UBUNTU_OPEN: &[Part] =
    &[Part { version: "580", packages: &["nvidia-headless-580-server-open", "nvidia-utils-580-server"] }];
/// They stand in `multiverse`.
const UBUNTU_FABRICS: &[Part] = nvidia_fabrics!["580"];
