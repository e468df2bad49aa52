//! Setting a machine up: the phases of a plan, each on a session with a host.
//!
//! Every phase may be repeated. One that finds everything as it should be says `already`, at the cost of one question
//! to the host; only `run` and the checks are done each time. What a phase's programs write goes, line by line, to the
//! events and to a log file on this computer; values of secrets are masked in both.
//!
//! On the host:
//! * the source lies in `~/work`, where `setup`, `run` and the checks start;
//! * the Python environment is `~/work/.venv`, where editors and `uv` look for one; scripts find it active;
//! * what was done is noted in `~/.hostler/DEPLOYMENT/`, and in the environment itself;
//! * what every login shell is to find (conda, CUDA) is in `/etc/profile.d/hostler-*.sh`.
//!
//! After a broken connection, what was begun on the host lives on until the host notices; the next attempt at packages,
//! Python and `setup` waits for its end, by a lock in the same place.
//!
//! Scripts are run by a login bash, as in a SkyPilot task: a failing line does not end them, unless they say `set -e`.

mod alone;
mod companions;
mod conda;
mod custom;
mod docker;
mod ensure;
mod error;
mod executor;
mod gpu;
mod interpreter;
mod job;
mod mask;
mod packages;
mod python;
mod ray;
mod repository;
mod requirements;
mod restart;
mod script;
mod source;
mod system;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::demand::Work;
use hostler_core::name::Name;
use hostler_core::plan::Phase;
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;
use secrecy::SecretString;
use tokio::time::timeout;

pub use error::{Cause, SetupError};
pub use executor::{PeerCache, SshExecutor};
pub use mask::SecretMask;

use crate::event::Report;
use crate::host::{HostKey, Keypair, Session};
use crate::run::Performed;
use job::PhaseRun;

/// What a phase is done for, and with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The deployment.
    pub deployment: &'a Name,
    /// The step that does the phase; it stands on the events.
    pub step: &'a StepId,
    /// What is to be done on the machines.
    pub work: &'a Work,
    /// The local directory to bring as the source.
    pub source: Option<&'a Path>,
    /// The values of [`Work::secrets`].
    pub secrets: &'a BTreeMap<String, SecretString>,
    /// All machines of the deployment, in the order of their ranks.
    pub peers: &'a [Peer],
    /// The rank of this one.
    pub rank: usize,
    /// The key pair by which they log in to each other.
    pub peer_keypair: Option<&'a Keypair>,
    /// Whether what is the user's own is done though the same was done before.
    pub rerun: bool,
    /// Where things lie on the host.
    pub paths: &'a HostPaths,
    /// The file on this computer that keeps all output of the phase on this machine; appended to.
    pub log: &'a Path,
}

/// A machine, as its companions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its host name.
    pub name: String,
    /// Where its companions reach it.
    pub address: Address,
    /// Whom to log in as.
    pub user: String,
    /// The host key that it shows.
    pub host_key: Option<HostKey>,
    /// How many accelerators it has.
    pub gpus: usize,
}

/// Directories on the host. `~/` is the home of the user who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    /// The source, and where scripts start.
    pub work: String,
    /// Our own notes.
    pub state: String,
}

impl Default for HostPaths {
    fn default() -> Self {
        Self { work: "~/work".to_owned(), state: "~/.hostler".to_owned() }
    }
}

/// Does a phase on a machine.
///
/// # Errors
/// What failed, with the last lines of its output, where all of it is, and what to do. Where the connection broke, the
/// same phase can be done again on a new session.
pub async fn perform(
    session: &dyn Session,
    phase: &Phase,
    context: &Context<'_>,
    report: &dyn Report,
) -> Result<Performed, SetupError> {
    let job = PhaseRun::new(session, phase, context, report)?;
    match job.limit {
        None => action(&job, phase).await,
        Some(limit) => match timeout(limit, action(&job, phase)).await {
            Ok(performed) => performed,
            Err(_) => Err(job.timeout_error(limit)),
        },
    }
}

async fn action(job: &PhaseRun<'_>, phase: &Phase) -> Result<Performed, SetupError> {
    match phase {
        Phase::Verify(promise) => verify::verify(job, promise).await,
        Phase::System(need) => system::install(job, *need).await,
        Phase::Packages { packages } => packages::install(job, packages).await,
        Phase::Interpreter(need) => interpreter::install(job, need).await,
        Phase::Conda(need) => conda::install(job, need).await,
        Phase::Docker(need) => docker::install(job, need).await,
        Phase::Gpu(wish) => gpu::install(job, wish).await,
        Phase::Companions => companions::introduce(job).await,
        Phase::Meeting => companions::meet(job).await,
        Phase::Ray(need) => ray::install(job, need).await,
        Phase::RayStart(need) => ray::start(job, need).await,
        Phase::RayStatus(need) => ray::status(job, need).await,
        Phase::Custom(step) => custom::run(job, step).await,
        Phase::Source => source::bring(job).await,
        Phase::Python(need) => python::make(job, need).await,
        Phase::Image { directory } => docker::build(job, directory).await,
        Phase::Setup { script } => script::prepare(job, script).await,
        Phase::Check { command: script } | Phase::Run { script } => script::run(job, script).await,
    }
}
