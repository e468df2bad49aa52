//! What machines are to have beside the user's own work, as data: which phases of the set-up are wished, with what.
//!
//! A wish says what, never how: the engine has an action and a check for each, and [`policy`] says how long each may take
//! and how often it is tried.

pub mod gpu;
pub mod policy;
mod tools;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use policy::{PHASES, PhaseKind, Policy};
pub use tools::{
    CONDA_ENVIRONMENT, CondaNeed, CustomStep, DockerFrom, DockerNeed, Installer, InterpreterNeed, Privilege,
    RAY_VERSION, RayNeed,
};

use gpu::GpuRequest;

/// The phases that a demand wishes for (`setup_phases`). By default, none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupRequest {
    /// What nearly every project needs of the system: a compiler, `curl`, `git`, `rsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemNeed>,
    /// Python and pip for everybody on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<InterpreterNeed>,
    /// conda, and an environment of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conda: Option<CondaNeed>,
    /// Docker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerNeed>,
    /// Drivers and toolkits of the accelerators.
    #[serde(skip_serializing_if = "GpuRequest::is_off")]
    pub gpu: GpuRequest,
    /// Whether several machines are made known to each other.
    #[serde(skip_serializing_if = "is_introduced")]
    pub companions: Companions,
    /// Ray, on all machines together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<RayNeed>,
    /// Steps of the user's own, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom: Vec<CustomStep>,
    /// How long a phase may take, by its name, where that is not as [`policy`] has it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<PhaseKind, SignedDuration>,
}

/// Whether machines of one deployment are made known to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Companions {
    /// They know each other by name, and may log in to each other.
    #[default]
    Introduced,
    /// Each is by itself: they may not even reach each other.
    Strangers,
}

fn is_introduced(companions: &Companions) -> bool {
    *companions == Companions::Introduced
}

/// The base packages. Their names differ between distributions: see [`SystemNeed::packages`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemNeed {}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian's and Ubuntu's.
    Apt,
    /// Fedora's and Red Hat's.
    Dnf,
    /// SUSE's.
    Zypper,
}

impl Manager {
    /// By the name that the machine says.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Apt, Self::Dnf, Self::Zypper].into_iter().find(|manager| manager.name() == name)
    }

    /// As the machine says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
        }
    }
}

impl SystemNeed {
    /// The packages, by the names that a manager knows.
    pub fn packages(self, manager: Manager) -> &'static [&'static str] {
        match manager {
            Manager::Apt => &["build-essential", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"],
            Manager::Dnf => &["gcc", "gcc-c++", "make", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"],
            Manager::Zypper => &["gcc", "gcc-c++", "make", "ca-certificates", "curl", "git", "rsync", "tar", "unzip"],
        }
    }
}

impl SetupRequest {
    /// Whether nothing is wished.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// No longer wishes for a phase.
    pub fn drop(&mut self, kind: PhaseKind) {
        match kind {
            PhaseKind::System => self.system = None,
            PhaseKind::Interpreter => self.interpreter = None,
            PhaseKind::Conda => self.conda = None,
            PhaseKind::Docker => self.docker = None,
            PhaseKind::Gpu => self.gpu = GpuRequest::Off,
            PhaseKind::Companions => self.companions = Companions::Strangers,
            PhaseKind::Ray => self.ray = None,
            PhaseKind::Custom => self.custom.clear(),
            // The others stand and fall with other parts of the demand.
            _ => {}
        }
    }

    /// What most want who wish for no phase by name: the system's packages, Python, and drivers where there are
    /// accelerators.
    pub fn usual() -> Self {
        Self {
            system: Some(SystemNeed {}),
            interpreter: Some(InterpreterNeed::default()),
            gpu: GpuRequest::Auto(gpu::GpuStack::default()),
            ..Self::default()
        }
    }
}
