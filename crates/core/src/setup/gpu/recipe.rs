//! Installation recipe for one machine: versions, packages and repositories.

use super::matrix::{AMD, CudnnPackages, MatrixRow, NVIDIA, PackageGroup, ROCM, RepositoryLocation};
use super::{DottedVersion, GpuRepository, Vendor};

/// Installation recipe for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Vendor of the GPUs.
    pub vendor: Vendor,
    /// Owner of the repository.
    pub from: GpuRepository,
    /// Location of the packages.
    pub source: PackageSource,
    /// The driver.
    pub driver: GpuComponent,
    /// Fabric manager, which configures NVSwitches. Only if the machine has NVSwitches and the driver is installed.
    pub fabric: Option<GpuComponent>,
    /// The toolkit: CUDA or ROCm.
    pub toolkit: GpuComponent,
    /// cuDNN, if requested.
    pub cudnn: Option<GpuComponent>,
    /// Answers for debconf before the installation.
    pub accept: Vec<&'static str>,
}

/// A component of the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuComponent {
    /// Already on the machine; not changed.
    Existing(DottedVersion),
    /// Installed from packages: version and package names.
    Install(&'static str, &'static [&'static str]),
}

/// Location of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageSource {
    /// Components of the distribution's own repository.
    Components(&'static [&'static str]),
    /// Additional repositories, which take precedence over the distribution's.
    Repositories(Vec<AptRepository>),
}

/// An apt repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptRepository {
    /// Name of its files on the machine.
    pub name: &'static str,
    /// URL of its signing key.
    pub key: String,
    /// Fingerprint of the key.
    pub fingerprint: &'static str,
    /// URL, suite and components.
    pub source_line: String,
}

impl GpuComponent {
    /// Version; for a driver to install, its branch.
    pub fn version(&self) -> String {
        match self {
            Self::Existing(version) => version.to_string(),
            Self::Install(version, _) => (*version).to_owned(),
        }
    }

    /// Packages to install; empty if the component exists.
    pub fn packages(&self) -> &'static [&'static str] {
        match self {
            Self::Existing(_) => &[],
            Self::Install(_, packages) => packages,
        }
    }

    pub(super) fn part(part: &PackageGroup) -> Self {
        Self::Install(part.version, part.packages)
    }
}

impl Recipe {
    pub(super) fn new(
        row: &MatrixRow,
        (driver, fabric): (GpuComponent, Option<GpuComponent>),
        toolkit: GpuComponent,
        cudnn: Option<&CudnnPackages>,
    ) -> Self {
        Self {
            vendor: row.vendor,
            from: row.from,
            source: source(&row.location, &toolkit),
            driver,
            fabric,
            toolkit,
            cudnn: cudnn.map(|cudnn| GpuComponent::Install(cudnn.version, cudnn.packages)),
            accept: cudnn.and_then(|cudnn| cudnn.accept).into_iter().collect(),
        }
    }

    /// Packages to install, the driver first.
    pub fn packages(&self) -> Vec<&'static str> {
        let parts = [Some(&self.driver), self.fabric.as_ref(), Some(&self.toolkit), self.cudnn.as_ref()];
        parts.into_iter().flatten().flat_map(GpuComponent::packages).copied().collect()
    }

    /// True if the machine may need a restart, which a driver replacing another one requires.
    pub fn may_restart(&self) -> bool {
        !self.driver.packages().is_empty()
    }

    /// Location of the toolkit if it is installed.
    pub fn toolkit_home(&self) -> Option<ToolkitHome> {
        let GpuComponent::Install(version, _) = &self.toolkit else { return None };
        let (directory, path_setup) = match (self.vendor, self.from) {
            (Vendor::Nvidia, GpuRepository::Vendor) => (format!("/usr/local/cuda-{version}"), PathSetup::Required),
            (Vendor::Nvidia, GpuRepository::Distribution) => ("/usr/lib/cuda".to_owned(), PathSetup::NotNeeded),
            (Vendor::Amd, GpuRepository::Vendor) => ("/opt/rocm".to_owned(), PathSetup::Required),
            (Vendor::Amd, GpuRepository::Distribution) => ("/usr".to_owned(), PathSetup::NotNeeded),
        };
        Some(ToolkitHome { vendor: self.vendor, directory, path_setup })
    }
}

/// Location of a toolkit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolkitHome {
    /// Vendor of the toolkit.
    pub vendor: Vendor,
    /// Installation directory.
    pub directory: String,
    /// Need for environment variables.
    pub path_setup: PathSetup,
}

/// Need for environment variables to find a toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSetup {
    /// Found like all other programs of the system.
    NotNeeded,
    /// Found once its directories are in `PATH` and `LD_LIBRARY_PATH`.
    Required,
}

impl ToolkitHome {
    /// Variable that points programs to the toolkit.
    pub fn variable(&self) -> &'static str {
        match self.vendor {
            Vendor::Nvidia => "CUDA_HOME",
            Vendor::Amd => "ROCM_PATH",
        }
    }

    /// Directory to prepend to `PATH`.
    pub fn programs(&self) -> Option<String> {
        (self.path_setup == PathSetup::Required).then(|| format!("{}/bin", self.directory))
    }

    /// Directory to prepend to `LD_LIBRARY_PATH`.
    pub fn libraries(&self) -> Option<String> {
        let name = match self.vendor {
            Vendor::Nvidia => "lib64",
            Vendor::Amd => "lib",
        };
        (self.path_setup == PathSetup::Required).then(|| format!("{}/{name}", self.directory))
    }
}

fn source(place: &RepositoryLocation, toolkit: &GpuComponent) -> PackageSource {
    match place {
        RepositoryLocation::Distribution(components) => PackageSource::Components(components),
        RepositoryLocation::Nvidia(directory) => {
            let (base, fingerprint) = NVIDIA;
            let (key, place) = (format!("{base}/{directory}/3bf863cc.pub"), format!("{base}/{directory} /"));
            PackageSource::Repositories(vec![AptRepository { name: "cuda", key, fingerprint, source_line: place }])
        }
        RepositoryLocation::Amd(suite) => PackageSource::Repositories(of_amd(suite, toolkit)),
    }
}

/// Repositories of ROCm and of the driver. Each release has its own, and the two are numbered differently.
fn of_amd(suite: &str, toolkit: &GpuComponent) -> Vec<AptRepository> {
    let ((base, fingerprint), requested) = (AMD, toolkit.version());
    let release = ROCM
        .iter()
        .find(|(rocm, _)| super::version::known_version(&requested).satisfies(&super::version::known_version(rocm)));
    let repository =
        |name, place| AptRepository { name, key: format!("{base}/rocm/rocm.gpg.key"), fingerprint, source_line: place };
    let both = release.map(|(rocm, driver)| {
        let rocm = repository("rocm", format!("{base}/rocm/apt/{rocm} {suite} main"));
        [rocm, repository("amdgpu", format!("{base}/amdgpu/{driver}/ubuntu {suite} main"))]
    });
    both.into_iter().flatten().collect()
}
