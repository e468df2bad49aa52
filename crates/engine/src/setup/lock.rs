//! A lock on the host for one attempt at a time: after a broken connection, the programs of the previous attempt keep
//! running until the host notices.

use std::time::Duration;

use hostler_core::setup::PhaseKind;

use super::context::Context;
use crate::host::{Command, remote_path};

/// Longest wait for an earlier attempt. It ends by itself, or once its SSH server notices the broken connection. 20
/// minutes, so that an installation that is nearly done may finish.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// Start of the line that the script prints while it waits.
const WAITS: &str = "== waiting for an earlier attempt";

/// Lock file on the host, for phases whose changes would collide with those of an earlier attempt.
///
/// `None` for the others: `run` is never started twice, checks change nothing, and uploads guard themselves.
pub(super) fn lock_for(phase: PhaseKind, context: &Context<'_>) -> Option<String> {
    let needs_lock = !matches!(
        phase,
        PhaseKind::WaitSsh
            | PhaseKind::Verify
            | PhaseKind::PeerSsh
            | PhaseKind::RayStatus
            | PhaseKind::Source
            | PhaseKind::Check
            | PhaseKind::Run
    );
    needs_lock.then(|| format!("{}/{}/lock", remote_path(&context.paths.state), context.deployment))
}

/// The same command, started once no other command holds the lock. It must not set a working directory.
pub(super) fn run_locked(command: &Command, lock: &str, timeout: Duration) -> Command {
    let mut args = vec![lock.to_owned(), timeout.as_secs().to_string(), command.script.clone()];
    args.extend_from_slice(&command.args);
    Command { script: include_str!("scripts/run-locked.sh").to_owned(), args, ..command.clone() }
}

/// Progress text of a line that the script prints while it waits; `None` for any other line.
pub(super) fn notice(line: &str) -> Option<&str> {
    line.strip_prefix("== ").filter(|_| line.starts_with(WAITS))
}
