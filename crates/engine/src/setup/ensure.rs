//! How most phases are done: a check, an action, and the same check again.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use crate::host::Command;
use crate::run::Performed;

/// Acts where a check does not hold, as often as the phase's policy has it, and checks again.
///
/// The check is a script that ends well where all is right, and else writes what is missing, a line each. The action is
/// given those lines. One that ended well has to show for it: else the phase has failed, with what is still missing.
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

/// Acts, whatever a check says before, and checks.
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

/// Does something again, a while later, where a program failed at it and nobody knows better: a mirror that doesn't
/// answer, and a lock that another holds, are over in a while.
pub(super) async fn retry<F>(job: &PhaseRun<'_>, act: impl FnMut() -> F) -> Result<(), SetupError>
where
    F: Future<Output = Result<(), SetupError>>,
{
    let tries = job.kind.policy().tries as usize;
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_secs(5)).with_factor(2.0);
    act.retry(pauses.with_max_times(tries.saturating_sub(1))).when(may_pass).await
}

/// Only what a program said can be over in a while; what has a hint of ours isn't.
fn may_pass(error: &SetupError) -> bool {
    matches!(*error.cause, Cause::Exited(..)) && error.hint.is_none()
}
