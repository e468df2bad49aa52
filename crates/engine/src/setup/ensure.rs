//! The pattern of most phases: a check, an action, and the same check again.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use crate::host::Command;
use crate::run::Performed;

/// Runs an action if a check fails, with the retries of the phase's policy, and checks again.
///
/// The check is a script that exits with 0 if nothing is missing, and else prints what is missing, one item per line. The
/// action receives these lines. If the second check fails, so does the phase.
pub(super) async fn ensure<F>(
    job: &PhaseRun<'_>,
    check: &Command,
    act: impl Fn(Vec<String>) -> F,
) -> Result<Performed, SetupError>
where
    F: Future<Output = Result<(), SetupError>>,
{
    let (exit, missing) = job.query_exit(check).await?;
    if exit.is_success() {
        return Ok(Performed::Already);
    }
    if let Some((first, more)) = missing.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        job.progress(&format!("{first}{more}"));
    }
    act_and_check(job, check, || act(missing.clone())).await
}

/// Runs an action unconditionally, and checks afterwards.
pub(super) async fn act_and_check<F>(
    job: &PhaseRun<'_>,
    check: &Command,
    act: impl FnMut() -> F,
) -> Result<Performed, SetupError>
where
    F: Future<Output = Result<(), SetupError>>,
{
    retry(job, act).await?;
    let (exit, missing) = job.query_exit(check).await?;
    if exit.is_success() { Ok(Performed::Now) } else { Err(job.check_failed(missing)) }
}

/// Retries an action whose program failed for a possibly temporary reason, such as an unreachable mirror or a held lock. Pauses
/// start at 5 s and double.
pub(super) async fn retry<F>(job: &PhaseRun<'_>, act: impl FnMut() -> F) -> Result<(), SetupError>
where
    F: Future<Output = Result<(), SetupError>>,
{
    let tries = job.kind.policy().tries as usize;
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_secs(5)).with_factor(2.0);
    act.retry(pauses.with_max_times(tries.saturating_sub(1))).when(is_temporary).await
}

/// True for a failed program without a hint: a hint marks a permanent failure.
fn is_temporary(error: &SetupError) -> bool {
    matches!(*error.cause, Cause::Exited(..)) && error.hint.is_none()
}
