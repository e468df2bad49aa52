//! Setting a machine up: the phases of a plan, each on a session with a host.
//!
//! Every phase may be repeated. One that finds everything as it should be says `already`, at the cost of one question
//! to the host; only `run` and the checks are done each time. What a phase's programs write goes, line by line, to the
//! events and to a log file on this computer; values of secrets are masked in both.
//!
//! On the host:
//! * the source lies in `~/work`, where `setup`, `run` and the checks start;
//! * the Python environment is `~/work/.venv`, where editors and `uv` look for one; scripts find it active;
//! * what was done is noted in `~/.hostler/DEPLOYMENT/`, and in the environment itself.
//!
//! After a broken connection, what was begun on the host lives on until the host notices; the next attempt at packages,
//! Python and `setup` waits for its end, by a lock in the same place.
//!
//! Scripts are run by a login bash, as in a SkyPilot task: a failing line does not end them, unless they say `set -e`.

mod alone;
mod crew;
mod error;
mod job;
mod mask;
mod packages;
mod python;
mod requirements;
mod script;
mod source;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::demand::Work;
use hostler_core::name::Name;
use hostler_core::plan::Phase;
use hostler_core::ticket::StepId;
use secrecy::SecretString;

pub use crew::HostCrew;
pub use error::{Cause, SetupError};
pub use mask::Mask;

use crate::event::Report;
use crate::host::Session;
use job::Job;

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
    pub nodes: &'a [Node],
    /// The rank of this one.
    pub rank: usize,
    /// Where things lie on the host.
    pub places: &'a Places,
    /// The file on this computer that keeps all output of the phase on this machine; appended to.
    pub log: &'a Path,
}

/// A machine, as its companions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub address: String,
    /// How many accelerators it has.
    pub gpus: usize,
}

/// Directories on the host. `~/` is the home of the user who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The source, and where scripts start.
    pub work: String,
    /// Our own notes.
    pub state: String,
}

impl Default for Places {
    fn default() -> Self {
        Self { work: "~/work".to_owned(), state: "~/.hostler".to_owned() }
    }
}

/// What a phase did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseOutcome {
    /// Whether there was nothing to do.
    pub already: bool,
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
) -> Result<PhaseOutcome, SetupError> {
    let job = Job::new(session, phase, context, report)?;
    let already = match phase {
        Phase::Verify(promise) => verify::verify(&job, promise).await,
        Phase::Packages { packages } => packages::install(&job, packages).await,
        Phase::Source => source::bring(&job).await,
        Phase::Python(need) => python::make(&job, need).await,
        Phase::Setup { script } => script::prepare(&job, script).await,
        Phase::Check { command: script } | Phase::Run { script } => script::run(&job, script).await,
    }?;
    Ok(PhaseOutcome { already })
}
