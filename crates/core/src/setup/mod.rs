//! Set-up of machines as data: which phases are requested, and with which settings.
//!
//! Requests are declarative. The engine has an action and a check for each phase, and [`policy`] has its timeout and
//! number of attempts.

pub mod gpu;
pub mod policy;
mod tools;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use policy::{PHASES, PhaseKind, PhasePolicy};
pub use tools::{
    CONDA_ENVIRONMENT, CondaInstaller, CondaRequest, CustomStep, DockerRepository, DockerRequest, InterpreterRequest,
    RAY_VERSION, RayRequest, RunAs,
};

use gpu::GpuRequest;

/// Requested phases (`setup_phases`). None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupRequest {
    /// Base packages: a compiler, `curl`, `git`, `rsync`.
    pub system: Option<SystemRequest>,
    /// Python and pip, system-wide.
    pub interpreter: Option<InterpreterRequest>,
    /// conda with one environment.
    pub conda: Option<CondaRequest>,
    /// Docker.
    pub docker: Option<DockerRequest>,
    /// GPU drivers and toolkits.
    pub gpu: GpuRequest,
    /// Name resolution and SSH between the machines of the deployment.
    pub peers: PeerAccess,
    /// A Ray cluster of all machines.
    pub ray: Option<RayRequest>,
    /// Custom steps, in order.
    pub custom: Vec<CustomStep>,
    /// Timeouts that replace those of [`policy`].
    #[serde(rename = "timeout_seconds", with = "crate::seconds")]
    pub timeouts: BTreeMap<PhaseKind, SignedDuration>,
}

/// Name resolution and SSH between the machines of a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerAccess {
    /// Machines know each other by name and can log in to each other.
    #[default]
    On,
    /// Machines are independent. They need not have a network connection to each other.
    Off,
}

/// Base packages; [`SystemRequest::packages`] has their names on each distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemRequest {}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageManager {
    /// Debian and Ubuntu.
    Apt,
    /// Fedora and Red Hat.
    Dnf,
    /// SUSE.
    Zypper,
}

impl PackageManager {
    /// Looks up a package manager by its command name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Apt, Self::Dnf, Self::Zypper].into_iter().find(|manager| manager.name() == name)
    }

    /// Command name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
        }
    }
}

impl SystemRequest {
    /// Names of the base packages in a package manager.
    pub fn packages(self, manager: PackageManager) -> &'static [&'static str] {
        match manager {
            PackageManager::Apt => &["build-essential", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"],
            PackageManager::Dnf => {
                &["gcc", "gcc-c++", "make", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"]
            }
            PackageManager::Zypper => {
                &["gcc", "gcc-c++", "make", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"]
            }
        }
    }
}

impl SetupRequest {
    /// True if no phase is requested.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Withdraws the request for a phase.
    pub fn remove(&mut self, kind: PhaseKind) {
        match kind {
            PhaseKind::System => self.system = None,
            PhaseKind::Interpreter => self.interpreter = None,
            PhaseKind::Conda => self.conda = None,
            PhaseKind::Docker => self.docker = None,
            PhaseKind::Gpu => self.gpu = GpuRequest::Off,
            PhaseKind::PeerNames => self.peers = PeerAccess::Off,
            PhaseKind::Ray => self.ray = None,
            PhaseKind::Custom => self.custom.clear(),
            // These follow from the machine, from other requests or from the user's scripts.
            PhaseKind::WaitSsh
            | PhaseKind::Verify
            | PhaseKind::Packages
            | PhaseKind::PeerSsh
            | PhaseKind::RayStart
            | PhaseKind::RayStatus
            | PhaseKind::Source
            | PhaseKind::Python
            | PhaseKind::Image
            | PhaseKind::Setup
            | PhaseKind::Check
            | PhaseKind::Run => {}
        }
    }

    /// Recommended phases for a demand that names none: base packages, Python, and drivers for detected GPUs.
    pub fn recommended() -> Self {
        Self {
            system: Some(SystemRequest {}),
            interpreter: Some(InterpreterRequest::default()),
            gpu: GpuRequest::Auto(gpu::GpuStack::default()),
            ..Self::default()
        }
    }
}
