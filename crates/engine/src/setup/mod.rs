//! Set-up of a machine: runs the phases of a plan on a session.
//!
//! Every phase is repeatable. A phase that finds nothing to do returns [`Performed::Already`], usually after a single query;
//! only `run` and the checks run each time. The output of a phase's programs goes, line by line, to the events and to a local
//! log file, with the values of secrets masked in both.
//!
//! On the host:
//! * the source is in `~/work`, where `setup`, `run` and the checks start;
//! * the Python environment is `~/work/.venv`, where editors and `uv` expect it; scripts run with it activated;
//! * markers of completed work are in `~/.hostler/DEPLOYMENT/` and in the environment;
//! * settings of login shells (conda, CUDA) are in `/etc/profile.d/hostler-*.sh`.
//!
//! After a broken connection, programs on the host keep running until the host notices. The next attempt at packages, Python
//! or `setup` waits for them, by a lock file next to the markers.
//!
//! Scripts run in a login bash, as in a SkyPilot task: a failing line does not end them, unless they `set -e`.

mod conda;
mod context;
mod custom;
mod docker;
mod ensure;
mod error;
mod executor;
mod gpu;
mod interpreter;
mod job;
mod lock;
mod mask;
mod packages;
mod peers;
mod python;
mod ray;
mod repository;
mod requirements;
mod restart;
mod script;
mod source;
#[cfg(test)]
mod tests;
mod verify;

use hostler_core::plan::Phase;
use tokio::time::timeout;

pub use context::{Context, HostPaths, Peer};
pub use error::{Cause, SetupError};
pub use executor::{PeerCache, SshExecutor};
pub use mask::SecretMask;

use crate::event::Report;
use crate::host::Session;
use crate::run::Performed;
use job::PhaseRun;

/// Runs a phase on a machine.
///
/// # Errors
/// The failure, with the last lines of output, the path of the log, and a hint. After a broken connection, the phase can be
/// repeated on a new session.
pub async fn perform(
    session: &dyn Session,
    phase: &Phase,
    context: &Context<'_>,
    report: &dyn Report,
) -> Result<Performed, SetupError> {
    let job = PhaseRun::new(session, phase, context, report).await?;
    match job.limit {
        None => run_action(&job, phase).await,
        Some(limit) => match timeout(limit, run_action(&job, phase)).await {
            Ok(performed) => performed,
            Err(_) => Err(job.timeout_error(limit)),
        },
    }
}

async fn run_action(job: &PhaseRun<'_>, phase: &Phase) -> Result<Performed, SetupError> {
    match phase {
        Phase::Verify(promise) => verify::verify(job, promise).await,
        Phase::System(need) => packages::install_base(job, *need).await,
        Phase::Packages { packages } => packages::install(job, packages).await,
        Phase::Interpreter(need) => interpreter::install(job, need).await,
        Phase::Conda(need) => conda::install(job, need).await,
        Phase::Docker(need) => docker::install(job, need).await,
        Phase::Gpu(request) => gpu::install(job, request).await,
        Phase::PeerNames => peers::write_names(job).await,
        Phase::PeerSsh => peers::check_ssh(job).await,
        Phase::Ray(need) => ray::install(job, need).await,
        Phase::RayStart(need) => ray::start(job, need).await,
        Phase::RayStatus(need) => ray::status(job, need).await,
        Phase::Custom(step) => custom::run(job, step).await,
        Phase::Source => source::upload(job).await,
        Phase::Python(need) => python::create(job, need).await,
        Phase::Image { directory } => docker::build(job, directory).await,
        Phase::Setup { script } => script::run_once(job, script).await,
        Phase::Check { command: script } | Phase::Run { script } => script::run(job, script).await,
    }
}
