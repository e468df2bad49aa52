//! Settings of the tools that `setup_phases` can install.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Python with pip and venv, system-wide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterRequest {
    /// Version such as `3.11`; the system's Python if `None`.
    pub version: Option<String>,
}

/// conda in the user's home directory, with one environment that login shells activate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondaRequest {
    /// Installer; the pinned Miniforge if `None`.
    pub installer: Option<CondaInstaller>,
    /// Name of the environment.
    pub name: String,
    /// Python version of the environment.
    pub python: Option<String>,
    /// Packages in conda's syntax: `numpy=1.26`.
    pub packages: Vec<String>,
    /// Channels in order of priority. If empty, those of the installer.
    pub channels: Vec<String>,
    /// Environment file relative to the top of the source.
    pub file: Option<String>,
}

/// Default name of the conda environment.
pub const CONDA_ENVIRONMENT: &str = "work";

/// Installer of conda: a self-extracting script such as Miniforge's or Miniconda's, which accepts `-b -f -p PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondaInstaller {
    /// An `https` URL, or the path of a local file. A path in a repository's own demand file is relative to the top of
    /// the source.
    pub from: String,
    /// Expected SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl CondaInstaller {
    /// True if the machine downloads the installer; false if it is copied from this computer.
    pub fn is_remote(&self) -> bool {
        self.from.contains("://")
    }
}

/// Docker: engine and Compose plugin. The user is added to the `docker` group, and the service is enabled at boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerRequest {
    /// Repository of the packages.
    pub from: DockerRepository,
    /// Directory of the source with a Dockerfile. The image is built after the source was copied, and gets the
    /// deployment's name.
    pub build: Option<String>,
}

/// Repository of the Docker packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DockerRepository {
    /// The distribution's.
    #[default]
    Distribution,
    /// Docker's own.
    Docker,
}

/// A Ray cluster: the head on the machine of rank 0, workers on the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RayRequest {
    /// Version, the same on all machines.
    pub version: String,
    /// Python version that Ray runs on, such as `3.11`; the system's Python if `None`.
    pub python: Option<String>,
    /// Port of the head's control store (GCS).
    pub port: u16,
    /// Port of the dashboard on the head's loopback address.
    pub dashboard_port: u16,
}

/// Default version of Ray.
pub const RAY_VERSION: &str = "2.60.0";

impl Default for RayRequest {
    fn default() -> Self {
        Self { version: RAY_VERSION.to_owned(), python: None, port: 6379, dashboard_port: 8265 }
    }
}

/// A custom step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomStep {
    /// Name of the step.
    pub name: String,
    /// Script of the step.
    pub run: String,
    /// Script that succeeds if the step is done. Without it, the step counts as done once the same script has
    /// succeeded.
    pub check: Option<String>,
    /// User that runs the step.
    pub user: RunAs,
    /// Timeout.
    #[serde(rename = "timeout_seconds", with = "crate::seconds")]
    pub timeout: Option<SignedDuration>,
    /// Maximum number of attempts.
    pub tries: NonZeroU32,
}

/// User that runs a script on a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// The login user.
    #[default]
    User,
    /// root, through password-less `sudo` if the login user is another.
    Root,
}
