//! Rows of the matrix: the packages of each repository for each system.

use super::matrix::{CudnnPackages, MatrixRow, PackageGroup, RepositoryLocation};
use super::{GpuRepository, Vendor};

/// NVIDIA's repository: drivers with default modules, which also support GPUs older than Turing.
macro_rules! cuda_drivers {
    ($($branch:literal)*) => { &[$(PackageGroup { version: $branch, packages: &[concat!("cuda-drivers-", $branch)] }),*] };
}

/// NVIDIA's repository: drivers with open modules.
macro_rules! nvidia_opens {
    ($($branch:literal)*) => { &[$(PackageGroup { version: $branch, packages: &[concat!("nvidia-open-", $branch)] }),*] };
}

/// Fabric managers of NVIDIA's repository and Ubuntu.
macro_rules! nvidia_fabrics {
    ($($branch:literal)*) => { &[$(PackageGroup { version: $branch, packages: &[concat!("nvidia-fabricmanager-", $branch)] }),*] };
}

/// NVIDIA's repository: toolkits. The package `cuda` would install a driver as well.
macro_rules! cuda_toolkits {
    ($($major:literal $minor:literal),*) => { &[$(PackageGroup {
        version: concat!($major, ".", $minor),
        packages: &[concat!("cuda-toolkit-", $major, "-", $minor)],
    }),*] };
}

/// NVIDIA's repository: cuDNN 9. The headers are named too; otherwise apt would install the newest, which don't match.
macro_rules! cudnn_9 {
    ($version:literal, $build:literal, $cuda:literal) => {
        CudnnPackages {
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

/// NVIDIA's repository: cuDNN 8.
macro_rules! cudnn_8 {
    ($version:literal, $build:literal, $cuda:literal) => {
        CudnnPackages {
            version: $version,
            cuda: $cuda,
            packages: &[concat!("libcudnn8=", $build), concat!("libcudnn8-dev=", $build)],
            accept: None,
        }
    };
}

/// AMD's repositories: toolkits.
macro_rules! rocms {
    ($($version:literal)*) => { &[$(PackageGroup {
        version: $version,
        packages: &["rocm-hip-sdk", "rocminfo", "rocm-smi-lib"],
    }),*] };
}

/// cuDNN 9 in NVIDIA's repository for Debian 12 and Ubuntu 24.04. CUDA 12 and 13 of cuDNN 9.19: its support matrix,
/// 2026-02.
const CUDNN_9: &[CudnnPackages] = &[
    cudnn_9!("9.19.0", "9.19.0.56-1", 13),
    cudnn_9!("9.19.0", "9.19.0.56-1", 12),
    cudnn_9!("9.10.2", "9.10.2.21-1", 12),
];

/// AMD's driver: a kernel module that is built on the machine.
const AMDGPU: &[PackageGroup] = &[PackageGroup { version: "of the same release", packages: &["amdgpu-dkms"] }];

/// Debian's components for non-free software; firmware has a component of its own since Debian 12.
const DEBIAN: RepositoryLocation = RepositoryLocation::Distribution(&["contrib", "non-free", "non-free-firmware"]);
/// Ubuntu's components for drivers and CUDA.
const UBUNTU: RepositoryLocation = RepositoryLocation::Distribution(&["restricted", "universe", "multiverse"]);

/// All rows of the matrix.
pub const MATRIX: &[MatrixRow] = &[
    // Debian's package index, 2026-11-27. `nvidia-driver` would install desktop libraries; these packages are for
    // computing. Its open modules are of branches too old for the GPUs that need them, and it has no fabric manager.
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: DEBIAN,
        drivers: &[
            PackageGroup {
                version: "550",
                packages: &["nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "nvidia-modprobe", "firmware-nvidia-gsp"],
            },
            PackageGroup {
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
        toolkits: &[PackageGroup { version: "12.4", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[CudnnPackages {
            version: "9.0.0",
            cuda: 12,
            packages: &["nvidia-cudnn"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: DEBIAN,
        drivers: &[
            PackageGroup {
                version: "535",
                packages: &["nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "nvidia-modprobe", "firmware-nvidia-gsp"],
            },
            // The last branch for Kepler.
            PackageGroup {
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
        toolkits: &[PackageGroup { version: "11.8", packages: &["nvidia-cuda-toolkit"] }],
        // The package downloads cuDNN itself and does not declare the tools that it needs for that.
        cudnns: &[CudnnPackages {
            version: "8.5.0",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // Ubuntu's server drivers: NVIDIA's long-term branches. 570 and 535 are now transitional packages for 580.
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: UBUNTU,
        drivers: UBUNTU_DRIVERS,
        open: UBUNTU_OPEN,
        fabrics: UBUNTU_FABRICS,
        toolkits: &[PackageGroup { version: "12.0", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[CudnnPackages {
            version: "8.9.2",
            cuda: 12,
            packages: &["nvidia-cudnn"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: UBUNTU,
        drivers: UBUNTU_DRIVERS,
        open: UBUNTU_OPEN,
        fabrics: UBUNTU_FABRICS,
        toolkits: &[PackageGroup { version: "11.5", packages: &["nvidia-cuda-toolkit"] }],
        cudnns: &[CudnnPackages {
            version: "8.2.4",
            cuda: 11,
            packages: &["nvidia-cudnn", "ca-certificates", "dpkg-dev", "wget"],
            accept: Some("nvidia-cudnn nvidia-cudnn/question select I Agree"),
        }],
    },
    // NVIDIA's repository: for each system the toolkits since the first that was made for it (CUDA's installation
    // guides for Linux: Ubuntu 22.04 since 11.7, Debian 12 since 12.3, Ubuntu 24.04 since 12.5), as of 2026-05. Open
    // modules and fabric managers: NVIDIA's guides to its driver and to its Fabric Manager for branches before 590,
    // whose packages have other names.
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Nvidia("debian12/x86_64"),
        drivers: cuda_drivers!["580" "570" "550"],
        open: nvidia_opens!["580" "570"],
        fabrics: nvidia_fabrics!["580" "570" "550"],
        toolkits: cuda_toolkits![13 0, 12 9, 12 8, 12 6, 12 5, 12 4, 12 3],
        cudnns: CUDNN_9,
    },
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Nvidia("ubuntu2404/x86_64"),
        drivers: cuda_drivers!["580" "570"],
        open: nvidia_opens!["580" "570"],
        fabrics: nvidia_fabrics!["580" "570"],
        toolkits: cuda_toolkits![13 0, 12 9, 12 8, 12 6, 12 5],
        cudnns: CUDNN_9,
    },
    MatrixRow {
        vendor: Vendor::Nvidia,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Nvidia("ubuntu2204/x86_64"),
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
    // Debian and Ubuntu package ROCm as HIP, which compiles programs; `rocminfo` may be newer. Debian's package index,
    // 2026-11-27; Ubuntu's, 2026-05.
    MatrixRow {
        vendor: Vendor::Amd,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: DEBIAN,
        drivers: &[PackageGroup { version: "of the kernel", packages: &["firmware-amd-graphics"] }],
        open: &[],
        fabrics: &[],
        toolkits: &[PackageGroup { version: "5.7", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    MatrixRow {
        vendor: Vendor::Amd,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: DEBIAN,
        drivers: &[PackageGroup { version: "of the kernel", packages: &["firmware-amd-graphics"] }],
        open: &[],
        fabrics: &[],
        toolkits: &[PackageGroup { version: "5.2", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    MatrixRow {
        vendor: Vendor::Amd,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuRepository::Distribution,
        location: UBUNTU,
        drivers: &[PackageGroup { version: "of the kernel", packages: &["linux-firmware"] }],
        open: &[],
        fabrics: &[],
        toolkits: &[PackageGroup { version: "5.7", packages: &["hipcc", "rocminfo", "rocm-smi"] }],
        cudnns: &[],
    },
    // AMD's repositories (ROCm's installation guides, as of 2026-05). Debian uses the suites of the Ubuntu release of
    // the same age.
    MatrixRow {
        vendor: Vendor::Amd,
        id: "debian",
        version: "13",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Amd("noble"),
        drivers: AMDGPU,
        open: &[],
        fabrics: &[],
        toolkits: rocms!["7.2" "7.1"],
        cudnns: &[],
    },
    MatrixRow {
        vendor: Vendor::Amd,
        id: "debian",
        version: "12",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Amd("jammy"),
        drivers: AMDGPU,
        open: &[],
        fabrics: &[],
        toolkits: rocms!["7.1" "7.0" "6.4"],
        cudnns: &[],
    },
    MatrixRow {
        vendor: Vendor::Amd,
        id: "ubuntu",
        version: "24.04",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Amd("noble"),
        drivers: AMDGPU,
        open: &[],
        fabrics: &[],
        toolkits: rocms!["7.2" "7.1" "7.0" "6.4" "6.3" "6.2"],
        cudnns: &[],
    },
    MatrixRow {
        vendor: Vendor::Amd,
        id: "ubuntu",
        version: "22.04",
        arch: "x86_64",
        from: GpuRepository::Vendor,
        location: RepositoryLocation::Amd("jammy"),
        drivers: AMDGPU,
        open: &[],
        fabrics: &[],
        toolkits: rocms!["7.2" "7.1" "7.0" "6.4" "6.3" "6.2"],
        cudnns: &[],
    },
];

/// Drivers for machines without a display, with modules built on the machine. Ubuntu's package index, 2026-11-27.
const UBUNTU_DRIVERS: &[PackageGroup] =
    &[PackageGroup { version: "580", packages: &["nvidia-headless-580-server", "nvidia-utils-580-server"] }];
/// Drivers of the same kind with NVIDIA's open modules.
const UBUNTU_OPEN: &[PackageGroup] =
    &[PackageGroup { version: "580", packages: &["nvidia-headless-580-server-open", "nvidia-utils-580-server"] }];
/// Fabric managers, in `multiverse`.
const UBUNTU_FABRICS: &[PackageGroup] = nvidia_fabrics!["580"];
