//! Restarts of a machine during its set-up, as a new driver may require.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::Context;
use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use crate::host::{
    Command, HostError, HostErrorKind, Hosts, ProcessExit, ProgressSink, Session, Stream, Target, remote_path,
};

/// Time limit from the restart command to the next login: bare metal tests its memory first.
const RESTART_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// Pause between two checks of a machine that has not gone down yet.
const PAUSE: Duration = Duration::from_secs(2);

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// Schedules a restart of the machine, a moment after this connection ends. Returns the error that ends this attempt.
pub(super) async fn restart(job: &PhaseRun<'_>) -> SetupError {
    job.progress("restarting the machine");
    let boot = match job.query(&Command::new(BOOT_ID)).await {
        Ok(lines) => lines.concat(),
        Err(error) => return error,
    };
    match job.run_checked(&Command::new(include_str!("scripts/restart.sh")).as_root()).await {
        Ok(()) => job.error_with_hint(Cause::Restarting(boot), "resume the deployment to continue from here"),
        Err(error) => error,
    }
}

/// Marker file with the reason of the last restart.
fn marker(context: &Context<'_>) -> String {
    format!("{}/{}/restarted", remote_path(&context.paths.state), context.deployment)
}

/// True if the machine has restarted for this reason before; records that it will.
pub(super) async fn has_restarted_for(job: &PhaseRun<'_>, reason: &str) -> Result<bool, SetupError> {
    let ask = Command::new(include_str!("scripts/restarted-for.sh"));
    Ok(job.query_exit(&ask.args([marker(job.context).as_str(), reason])).await?.0.is_success())
}

/// Removes the marker once the reason of the restart is gone, so that a later phase may restart the machine again.
pub(super) async fn clear_marker(session: &dyn Session, context: &Context<'_>) -> Result<ProcessExit, HostError> {
    session.run(&Command::new("rm -f -- \"$1\"").args([marker(context)]), &|_, _| {}).await
}

/// Waits until a machine has rebooted.
///
/// # Errors
/// The last error, after [`RESTART_TIMEOUT`].
pub(super) async fn wait_for_restart(
    hosts: &dyn Hosts,
    target: &Target,
    boot: &str,
    note: ProgressSink<'_>,
) -> Result<(), HostError> {
    let deadline = Instant::now() + RESTART_TIMEOUT;
    loop {
        // The old connection may outlive the shutdown for a while: do not reuse it.
        hosts.close(target).await;
        hosts.wait_for_ssh(target, deadline.saturating_duration_since(Instant::now()), note).await?;
        match has_rebooted(hosts, target, boot).await {
            Ok(true) => return Ok(()),
            Err(error) if !error.is_transient() || Instant::now() >= deadline => return Err(error),
            Ok(false) if Instant::now() >= deadline => {
                let kind = HostErrorKind::NoResponse(RESTART_TIMEOUT);
                return Err(HostError::new("waiting for the restart of", target, kind));
            }
            Ok(false) | Err(_) => sleep(PAUSE).await,
        }
    }
}

/// True if the boot id differs from the one before the restart.
async fn has_rebooted(hosts: &dyn Hosts, target: &Target, before: &str) -> Result<bool, HostError> {
    let session = hosts.session(target).await?;
    let boot = Mutex::new(String::new());
    let output = |stream: Stream, line: &str| {
        if stream == Stream::Stdout {
            boot.lock().unwrap_or_else(PoisonError::into_inner).push_str(line);
        }
    };
    let exit = session.run(&Command::new(BOOT_ID).timeout(Duration::from_secs(30)), &output).await?;
    let boot = boot.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(exit.is_success() && boot != before)
}
