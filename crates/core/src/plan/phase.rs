//! The phases of a machine's set-up with their parameters, and a selection of phases.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::setup::gpu::GpuRequest;
use crate::setup::{CondaRequest, CustomStep, DockerRequest, InterpreterRequest, PhaseKind, RayRequest, SystemRequest};
use crate::verify::ExpectedMachine;

/// A phase of the set-up of one machine. Every phase is idempotent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Compares the machine with the hardware that the site promised.
    Verify(ExpectedMachine),
    /// Makes the names of all machines resolve on each of them.
    PeerNames,
    /// Logs in from the first machine to all others.
    PeerSsh,
    /// Installs the base packages.
    System(SystemRequest),
    /// Installs system packages.
    Packages {
        /// Their names.
        packages: Vec<String>,
    },
    /// Installs Python and pip for all users.
    Interpreter(InterpreterRequest),
    /// Installs conda and creates an environment.
    Conda(CondaRequest),
    /// Installs Docker.
    Docker(DockerRequest),
    /// Installs drivers and toolkits of GPUs.
    Gpu(GpuRequest),
    /// Installs Ray.
    Ray(RayRequest),
    /// Starts Ray: the head on the machine of rank 0, else a worker.
    RayStart(RayRequest),
    /// Waits until all machines have joined the Ray cluster.
    RayStatus(RayRequest),
    /// Runs a custom step of the demand.
    Custom(CustomStep),
    /// Copies the source and further files to the machine.
    Source,
    /// Creates the Python environment and installs the repository's requirements.
    Python(crate::demand::PythonRequest),
    /// Builds the container image from the source's Dockerfile.
    Image {
        /// The directory with the Dockerfile, relative to the source.
        directory: String,
    },
    /// Runs the user's `setup` script.
    Setup {
        /// The script.
        script: String,
    },
    /// Runs a check that must succeed.
    Check {
        /// The command.
        command: String,
    },
    /// Runs the user's `run` script.
    Run {
        /// The script.
        script: String,
    },
}

impl Phase {
    /// The kind of the phase.
    pub fn kind(&self) -> PhaseKind {
        match self {
            Self::Verify(_) => PhaseKind::Verify,
            Self::PeerNames => PhaseKind::PeerNames,
            Self::PeerSsh => PhaseKind::PeerSsh,
            Self::System(_) => PhaseKind::System,
            Self::Packages { .. } => PhaseKind::Packages,
            Self::Interpreter(_) => PhaseKind::Interpreter,
            Self::Conda(_) => PhaseKind::Conda,
            Self::Docker(_) => PhaseKind::Docker,
            Self::Gpu(_) => PhaseKind::Gpu,
            Self::Ray(_) => PhaseKind::Ray,
            Self::RayStart(_) => PhaseKind::RayStart,
            Self::RayStatus(_) => PhaseKind::RayStatus,
            Self::Custom(_) => PhaseKind::Custom,
            Self::Source => PhaseKind::Source,
            Self::Python(_) => PhaseKind::Python,
            Self::Image { .. } => PhaseKind::Image,
            Self::Setup { .. } => PhaseKind::Setup,
            Self::Check { .. } => PhaseKind::Check,
            Self::Run { .. } => PhaseKind::Run,
        }
    }

    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// File name of its log on this computer, without extension.
    pub fn log_name(&self) -> String {
        self.title().replace(' ', "-")
    }

    /// Its name; of a custom step, with the name of the step.
    pub fn title(&self) -> String {
        match self {
            Self::Custom(step) => format!("{} {}", self.name(), step.name),
            _ => self.name().to_owned(),
        }
    }
}

/// A selection of phases. By default, all phases except the user's `run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseSelection {
    /// Only these phases; all if empty.
    pub only: BTreeSet<PhaseKind>,
    /// Only this phase and later ones.
    pub from: Option<PhaseKind>,
    /// None of these phases.
    pub skip: BTreeSet<PhaseKind>,
    /// True to run the user's phases (custom steps, the Python environment, `setup`) again although they completed before.
    pub again: bool,
}

impl PhaseSelection {
    /// True if a phase is selected.
    pub fn includes(&self, kind: PhaseKind) -> bool {
        let listed = match kind {
            PhaseKind::Run => self.only.contains(&kind),
            _ => self.only.is_empty() || self.only.contains(&kind),
        };
        listed && self.from.is_none_or(|from| from <= kind) && !self.skip.contains(&kind)
    }
}
