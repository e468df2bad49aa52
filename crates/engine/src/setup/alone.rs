//! One attempt at a time: after a broken connection, what was begun on the host lives on until the host notices.

use std::time::Duration;

use hostler_core::setup::PhaseKind;

use super::Context;
use crate::host::{Command, remote_path};

/// How long an earlier attempt may go on. It ends by itself, or once its SSH server has noticed; an installation that is
/// nearly done is worth the time.
pub(super) const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How the script begins to say that it waits.
const WAITS: &str = "== waiting for an earlier attempt";

/// The lock file on the host, where a phase changes what another attempt at it, or at its neighbours, changes too.
///
/// A `run` is never begun twice, a check changes nothing, and the source has its own way of being put.
pub(super) fn lock_for(phase: PhaseKind, context: &Context<'_>) -> Option<String> {
    let alone = !matches!(
        phase,
        PhaseKind::Reach
            | PhaseKind::Verify
            | PhaseKind::Meeting
            | PhaseKind::RayStatus
            | PhaseKind::Source
            | PhaseKind::Check
            | PhaseKind::Run
    );
    alone.then(|| format!("{}/{}/lock", remote_path(&context.paths.state), context.deployment))
}

/// The same command, begun once no other that was given this lock is at work there. Its directory must be the login's.
pub(super) fn after_others(command: &Command, lock: &str, patience: Duration) -> Command {
    let mut args = vec![lock.to_owned(), patience.as_secs().to_string(), command.script.clone()];
    args.extend_from_slice(&command.args);
    Command { script: include_str!("scripts/alone.sh").to_owned(), args, ..command.clone() }
}

/// What a line says of the waiting, if that is what it is about.
pub(super) fn notice(line: &str) -> Option<&str> {
    line.strip_prefix("== ").filter(|_| line.starts_with(WAITS))
}
