//! The phase `packages`: system packages, by the host's own manager.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::error::{Cause, SetupError};
use super::job::Job;
use crate::host::Command;

/// How long one attempt may take: a manager waits five minutes for a lock, and emulated machines unpack slowly.
const ATTEMPT: Duration = Duration::from_secs(45 * 60);

/// What a name of a package may be.
const GOOD_NAME: &str = "use letters, digits and `+-._:=~`, beginning with a letter or a digit, not ending with `-`";

/// The installing script says this before it fetches the lists of packages: what stands above it was said by old ones.
pub(super) const FETCHES: &str = "== fetching the lists of packages";

/// Installs what is missing. Recommended packages are left out.
pub(super) async fn install(job: &Job<'_>, packages: &[String]) -> Result<bool, SetupError> {
    for package in packages {
        if !is_package(package) {
            let message = format!("`{package}` is no name of a package");
            return Err(job.refuse(message, GOOD_NAME));
        }
    }
    let question = Command::new(include_str!("scripts/missing-packages.sh")).args(packages);
    let answer = job.ask(&question).await?;
    let Some((manager, missing)) = answer.split_first().filter(|(_, missing)| !missing.is_empty()) else {
        return none_missing(job, packages, &answer);
    };
    job.progress(&format!("installing {}", missing.join(", ")));
    let args = std::iter::once(manager).chain(missing).cloned();
    let command = Command::new(include_str!("scripts/install-packages.sh")).args(args).as_root().within(ATTEMPT);
    // A mirror that fails, or another's update that holds the lists, is over in a while.
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_secs(5)).with_factor(2.0);
    (|| attempt(job, &command)).retry(pauses.with_max_times(4)).when(may_pass).await?;
    Ok(false)
}

fn none_missing(job: &Job<'_>, packages: &[String], answer: &[String]) -> Result<bool, SetupError> {
    if packages.is_empty() || answer.first().is_some_and(|manager| manager != "none") {
        return Ok(true);
    }
    let message = "the machine has no package manager that we know".to_owned();
    Err(job.refuse(message, "use an image with `apt-get`, `dnf` or `zypper`, or one that has the packages"))
}

async fn attempt(job: &Job<'_>, command: &Command) -> Result<(), SetupError> {
    let exit = job.follow(command).await?;
    if exit.is_success() {
        return Ok(());
    }
    let hint = hint_for(&job.tail()).map(str::to_owned);
    Err(job.ended(exit, hint))
}

/// What to do where the last lines tell that it won't pass by itself.
fn hint_for(tail: &[String]) -> Option<&'static str> {
    let fetched = tail.iter().rposition(|line| line == FETCHES).map_or(0, |at| at + 1);
    let mut since = tail.iter().skip(fetched);
    if since.clone().any(|line| is_unknown(line)) {
        return Some("check the name in `packages`: other distributions call it otherwise");
    }
    let asks = since.any(|line| line.contains("sudo: ") && line.contains("password"));
    asks.then_some("the user must be allowed to use `sudo` without a password")
}

/// Only what a program said can be over in a while; what has a hint of ours isn't.
fn may_pass(error: &SetupError) -> bool {
    matches!(*error.cause, Cause::Ended(..)) && error.hint.is_none()
}

/// How the managers say that there is no such package.
fn is_unknown(line: &str) -> bool {
    ["Unable to locate package", "has no installation candidate", "No match for argument", "not found in package names"]
        .iter()
        .any(|said| line.contains(said))
}

/// Whether a name can't mean anything else than to install: with a `-` behind it, apt removes the package.
fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:=~^".contains(c))
}
