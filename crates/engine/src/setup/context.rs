//! Everything that a phase works with.

use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::demand::Workload;
use hostler_core::name::Name;
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;
use secrecy::SecretString;

use crate::host::{HostKey, Keypair};

/// Inputs of a phase on a machine.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Name of the deployment.
    pub deployment: &'a Name,
    /// Step of the phase, for the events.
    pub step: &'a StepId,
    /// Phases of the set-up, with their parameters.
    pub work: &'a Workload,
    /// Local directory to upload as the source.
    pub source: Option<&'a Path>,
    /// Values of [`Workload::secrets`].
    pub secrets: &'a BTreeMap<String, SecretString>,
    /// All machines of the deployment, in the order of their ranks.
    pub peers: &'a [Peer],
    /// Rank of this machine.
    pub rank: usize,
    /// Key pair for logins between the machines; `None` for a single machine.
    pub peer_keypair: Option<&'a Keypair>,
    /// Runs `setup`, custom steps and Python environments again even if nothing has changed.
    pub rerun: bool,
    /// Directories on the host.
    pub paths: &'a HostPaths,
    /// Local log file of the phase on this machine, which is appended to.
    pub log: &'a Path,
}

/// A machine as its peers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Host name.
    pub name: String,
    /// Address used by its peers.
    pub address: Address,
    /// Login user.
    pub user: String,
    /// Pinned host key.
    pub host_key: Option<HostKey>,
    /// Number of GPUs.
    pub gpus: usize,
}

/// Directories on the host. `~/` is the home directory of the login user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    /// Directory of the source, in which scripts start.
    pub work: String,
    /// Directory of hostler's markers and files.
    pub state: String,
}

impl Default for HostPaths {
    fn default() -> Self {
        Self { work: "~/work".to_owned(), state: "~/.hostler".to_owned() }
    }
}
