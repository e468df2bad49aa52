//! Restarting a machine in the middle of its set-up: a new driver asks for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use crate::host::{
    Command, HostError, HostErrorKind, Hosts, ProcessExit, ProgressSink, Session, Stream, Target, remote_path,
};

/// How long a machine may take from being told to restart until it can be logged in to: bare metal tests its memory.
const BACK_WITHIN: Duration = Duration::from_secs(20 * 60);
/// Between two looks at a machine that has not gone down yet.
const PAUSE: Duration = Duration::from_secs(2);

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// Tells the machine to restart, once this connection has ended; the answer is the error that ends this attempt.
pub(super) async fn restart(job: &PhaseRun<'_>) -> SetupError {
    job.progress("restarting the machine");
    let boot = match job.query(&Command::new(BOOT_ID)).await {
        Ok(lines) => lines.concat(),
        Err(error) => return error,
    };
    match job.run_checked(&Command::new(include_str!("scripts/restart.sh")).as_root()).await {
        Ok(()) => job.error_with_hint(Cause::Restarting(boot), "the next `hostler up` goes on from here"),
        Err(error) => error,
    }
}

/// Where a machine keeps what it has restarted for.
fn note(context: &Context<'_>) -> String {
    format!("{}/{}/restarted", remote_path(&context.paths.state), context.deployment)
}

/// Whether the machine has restarted for this before; from now on, it has.
pub(super) async fn before(job: &PhaseRun<'_>, what: &str) -> Result<bool, SetupError> {
    let ask = Command::new(include_str!("scripts/restarted-for.sh"));
    Ok(job.query_exit(&ask.args([note(job.context).as_str(), what])).await?.0.is_success())
}

/// What it has restarted for came right: should that be needed once more, it may restart once more.
pub(super) async fn forget(session: &dyn Session, context: &Context<'_>) -> Result<ProcessExit, HostError> {
    session.run(&Command::new("rm -f -- \"$1\"").args([note(context)]), &|_, _| {}).await
}

/// Waits until a machine has booted anew.
///
/// # Errors
/// The last reason why it can't be reached, once patience is at an end.
pub(super) async fn back(
    hosts: &dyn Hosts,
    target: &Target,
    boot: &str,
    note: ProgressSink<'_>,
) -> Result<(), HostError> {
    let deadline = Instant::now() + BACK_WITHIN;
    loop {
        // A connection from before tells nothing of the machine now.
        hosts.close(target).await;
        hosts.wait_for_ssh(target, deadline.saturating_duration_since(Instant::now()), note).await?;
        match booted(hosts, target, boot).await {
            Ok(true) => return Ok(()),
            Err(error) if !error.may_pass() || Instant::now() >= deadline => return Err(error),
            Ok(false) if Instant::now() >= deadline => {
                let trouble = HostErrorKind::NoResponse(BACK_WITHIN);
                return Err(HostError::new("waiting for the restart of", target, trouble));
            }
            Ok(false) | Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Whether the machine has booted since.
async fn booted(hosts: &dyn Hosts, target: &Target, before: &str) -> Result<bool, HostError> {
    let session = hosts.session(target).await?;
    let boot = Mutex::new(String::new());
    let output = |stream: Stream, line: &str| {
        if stream == Stream::Stdout {
            boot.lock().unwrap_or_else(PoisonError::into_inner).push_str(line);
        }
    };
    let exit = session.run(&Command::new(BOOT_ID).within(Duration::from_secs(30)), &output).await?;
    let boot = boot.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(exit.is_success() && boot != before)
}
