//! The wishes one by one.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Python with pip and venv, for everybody on the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterNeed {
    /// The version wished, as `3.11`; the system's where absent.
    pub version: Option<String>,
}

/// conda, in the user's home, with one environment that login shells find active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondaNeed {
    /// What installs it; the pinned Miniforge where absent.
    pub installer: Option<Installer>,
    /// What the environment is called.
    pub name: String,
    /// Its version of Python.
    pub python: Option<String>,
    /// Its packages, as conda takes them: `numpy=1.26`.
    pub packages: Vec<String>,
    /// Where packages come from, the first wins; the installer's own where empty.
    pub channels: Vec<String>,
    /// An environment file of the source, relative to its top.
    pub file: Option<String>,
}

/// The environment that is made where no other name is wished.
pub const CONDA_ENVIRONMENT: &str = "work";

/// What installs conda: a self-extracting script as Miniforge and Miniconda are (it takes `-b -f -p PREFIX`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installer {
    /// An `https` address, or the path of a file on this computer: relative to the top of the source where a repository's own
    /// file names it.
    pub from: String,
    /// The SHA-256 that it must have, in hexadecimal digits.
    pub sha256: String,
}

impl Installer {
    /// Whether it is fetched by the machine itself, and not brought from this computer.
    pub fn is_remote(&self) -> bool {
        self.from.contains("://")
    }
}

/// Docker: the engine, its compose plugin, the user in its group, the service on at boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerNeed {
    /// Whose packages.
    pub from: DockerFrom,
    /// A directory of the source with a Dockerfile: its image is built after the source was brought, and is called as
    /// the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// Whose packages of Docker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DockerFrom {
    /// The distribution's.
    #[default]
    Distribution,
    /// Docker's own repository.
    Docker,
}

/// Ray on all machines: a head on the one of rank 0, workers on the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RayNeed {
    /// The version, alike on all.
    pub version: String,
    /// The version of Python that it runs on, as `3.11`; the system's where absent.
    pub python: Option<String>,
    /// The port of the head's control store.
    pub port: u16,
    /// The port of the dashboard, on the head, at its loopback address.
    pub dashboard_port: u16,
}

/// The version of Ray where none is wished.
pub const RAY_VERSION: &str = "2.60.0";

impl Default for RayNeed {
    fn default() -> Self {
        Self { version: RAY_VERSION.to_owned(), python: None, port: 6379, dashboard_port: 8265 }
    }
}

/// A step of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomStep {
    /// What it is called.
    pub name: String,
    /// The script that does it.
    pub run: String,
    /// A script that succeeds where it is done; without one, it counts as done once it ran with the same words.
    pub check: Option<String>,
    /// As whom it runs.
    pub user: Privilege,
    /// How long it may take.
    pub timeout: Option<SignedDuration>,
    /// How often it is tried.
    pub tries: NonZeroU32,
}

/// As whom a step of the user's own runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// As whoever logs in.
    #[default]
    User,
    /// As the superuser.
    Root,
}
