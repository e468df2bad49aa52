//! The phases of a machine's set-up, with what each is done with.

use serde::{Deserialize, Serialize};

use crate::setup::gpu::GpuRequest;
use crate::setup::{CondaRequest, CustomStep, DockerRequest, InterpreterRequest, PhaseKind, RayRequest, SystemRequest};
use crate::verify::ExpectedMachine;

/// A part of the set-up of one machine. Each is idempotent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Compares the machine with what was promised.
    Verify(ExpectedMachine),
    /// Makes the deployment's machines known to each other.
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
    /// Installs Python and pip for everybody.
    Interpreter(InterpreterRequest),
    /// Installs conda, and makes an environment.
    Conda(CondaRequest),
    /// Installs Docker.
    Docker(DockerRequest),
    /// Installs drivers and toolkits of accelerators.
    Gpu(GpuRequest),
    /// Installs Ray.
    Ray(RayRequest),
    /// Starts Ray: the head where the rank is 0.
    RayStart(RayRequest),
    /// Waits until all machines are in Ray's cluster.
    RayStatus(RayRequest),
    /// Runs a step of the user's own.
    Custom(CustomStep),
    /// Brings the source and further files.
    Source,
    /// Makes the Python environment and installs the repository's requirements.
    Python(crate::demand::PythonRequest),
    /// Builds the container image of the source.
    Image {
        /// The directory with the Dockerfile, relative to the source's top.
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
    /// Which phase it is.
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

    /// Its name, as shown.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// What its log is called on this computer, without an extension.
    pub fn log_name(&self) -> String {
        self.title().replace(' ', "-")
    }

    /// Its name, with what tells it apart from others of its kind.
    pub fn title(&self) -> String {
        match self {
            Self::Custom(step) => format!("{} {}", self.name(), step.name),
            _ => self.name().to_owned(),
        }
    }
}
