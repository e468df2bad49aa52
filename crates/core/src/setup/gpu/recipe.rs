//! What follows for one machine: the versions, and how they are had.

use super::matrix::{AMD, Cudnn, NVIDIA, Part, Place, ROCM, Supply};
use super::{GpuFrom, Maker, Version};

/// How a machine gets what is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// For whose accelerators.
    pub maker: Maker,
    /// Whose packages.
    pub from: GpuFrom,
    /// Where they are.
    pub source: Source,
    /// The driver.
    pub driver: Chosen,
    /// What sets up the NVSwitches, where there are any and the driver is installed.
    pub fabric: Option<Chosen>,
    /// The toolkit: CUDA, or ROCm.
    pub toolkit: Chosen,
    /// cuDNN, where it is wished.
    pub cudnn: Option<Chosen>,
    /// What is told to debconf before anything is installed.
    pub accept: Vec<&'static str>,
}

/// One part of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// It is there, and stays.
    Kept(Version),
    /// It is installed.
    New(&'static str, &'static [&'static str]),
}

/// Where packages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In these components of the distribution's own repository.
    Components(&'static [&'static str]),
    /// In these repositories, whose packages go before the distribution's.
    Repositories(Vec<Repository>),
}

/// A repository for apt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What its files are called on the machine.
    pub name: &'static str,
    /// Where its key is.
    pub key: String,
    /// The key's fingerprint.
    pub fingerprint: &'static str,
    /// Its address, suite and components.
    pub place: String,
}

impl Chosen {
    /// The version: of a driver that is installed, its branch.
    pub fn version(&self) -> String {
        match self {
            Self::Kept(version) => version.to_string(),
            Self::New(version, _) => (*version).to_owned(),
        }
    }

    /// What is installed.
    pub fn packages(&self) -> &'static [&'static str] {
        match self {
            Self::Kept(_) => &[],
            Self::New(_, packages) => packages,
        }
    }

    pub(super) fn part(part: &Part) -> Self {
        Self::New(part.version, part.packages)
    }
}

impl Recipe {
    pub(super) fn new(
        supply: &Supply,
        (driver, fabric): (Chosen, Option<Chosen>),
        toolkit: Chosen,
        cudnn: Option<&Cudnn>,
    ) -> Self {
        Self {
            maker: supply.maker,
            from: supply.from,
            source: source(&supply.source, &toolkit),
            driver,
            fabric,
            toolkit,
            cudnn: cudnn.map(|cudnn| Chosen::New(cudnn.version, cudnn.packages)),
            accept: cudnn.and_then(|cudnn| cudnn.accept).into_iter().collect(),
        }
    }

    /// What is installed, the driver first.
    pub fn packages(&self) -> Vec<&'static str> {
        let parts = [Some(&self.driver), self.fabric.as_ref(), Some(&self.toolkit), self.cudnn.as_ref()];
        parts.into_iter().flatten().flat_map(Chosen::packages).copied().collect()
    }

    /// Whether the machine may have to restart: for a driver that takes the place of another.
    pub fn may_restart(&self) -> bool {
        !self.driver.packages().is_empty()
    }

    /// Where the toolkit that is installed lies.
    pub fn home(&self) -> Option<Home> {
        let Chosen::New(version, _) = &self.toolkit else { return None };
        let (directory, reach) = match (self.maker, self.from) {
            (Maker::Nvidia, GpuFrom::Maker) => (format!("/usr/local/cuda-{version}"), Reach::ByPath),
            (Maker::Nvidia, GpuFrom::Distribution) => ("/usr/lib/cuda".to_owned(), Reach::Itself),
            (Maker::Amd, GpuFrom::Maker) => ("/opt/rocm".to_owned(), Reach::ByPath),
            (Maker::Amd, GpuFrom::Distribution) => ("/usr".to_owned(), Reach::Itself),
        };
        Some(Home { maker: self.maker, directory, reach })
    }
}

/// Where a toolkit lies, and how it is found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Whose toolkit.
    pub maker: Maker,
    /// The directory.
    pub directory: String,
    /// How it is found.
    pub reach: Reach,
}

/// How a toolkit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As all programs of the system are.
    Itself,
    /// Once its directories are in `PATH` and `LD_LIBRARY_PATH`.
    ByPath,
}

impl Home {
    /// The variable by which programs find the toolkit.
    pub fn variable(&self) -> &'static str {
        match self.maker {
            Maker::Nvidia => "CUDA_HOME",
            Maker::Amd => "ROCM_PATH",
        }
    }

    /// The directory that belongs in front of `PATH`.
    pub fn programs(&self) -> Option<String> {
        (self.reach == Reach::ByPath).then(|| format!("{}/bin", self.directory))
    }

    /// The directory that belongs in front of `LD_LIBRARY_PATH`.
    pub fn libraries(&self) -> Option<String> {
        let name = match self.maker {
            Maker::Nvidia => "lib64",
            Maker::Amd => "lib",
        };
        (self.reach == Reach::ByPath).then(|| format!("{}/{name}", self.directory))
    }
}

fn source(place: &Place, toolkit: &Chosen) -> Source {
    match place {
        Place::Components(components) => Source::Components(components),
        Place::Nvidia(directory) => {
            let (base, fingerprint) = NVIDIA;
            let (key, place) = (format!("{base}/{directory}/3bf863cc.pub"), format!("{base}/{directory} /"));
            Source::Repositories(vec![Repository { name: "cuda", key, fingerprint, place }])
        }
        Place::Amd(suite) => Source::Repositories(of_amd(suite, toolkit)),
    }
}

/// ROCm has a repository for each release, and so has the driver, whose releases are counted otherwise.
fn of_amd(suite: &str, toolkit: &Chosen) -> Vec<Repository> {
    let ((base, fingerprint), wished) = (AMD, toolkit.version());
    let release = ROCM.iter().find(|(rocm, _)| super::version::of(&wished).is(&super::version::of(rocm)));
    let repository = |name, place| Repository { name, key: format!("{base}/rocm/rocm.gpg.key"), fingerprint, place };
    let both = release.map(|(rocm, driver)| {
        let rocm = repository("rocm", format!("{base}/rocm/apt/{rocm} {suite} main"));
        [rocm, repository("amdgpu", format!("{base}/amdgpu/{driver}/ubuntu {suite} main"))]
    });
    both.into_iter().flatten().collect()
}
