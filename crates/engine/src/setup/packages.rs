//! The phase `packages`: system packages, by the host's own manager.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use super::error::{Cause, SetupError};
use super::job::Job;
use crate::host::Command;

/// How long one attempt may take: a manager waits five minutes for a lock, and emulated machines unpack slowly.
const ATTEMPT: Duration = Duration::from_secs(45 * 60);

/// Installs what is missing. Recommended packages are left out.
pub(super) async fn install(job: &Job<'_>, packages: &[String]) -> Result<bool, SetupError> {
    for package in packages {
        if !is_package(package) {
            let message = format!("`{package}` is no name of a package");
            return Err(job.refuse(message, "use letters, digits and `+-._:=~`, beginning with a letter or a digit"));
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
    let unknown = job.tail().iter().find(|line| is_unknown(line)).cloned();
    let asks = job.tail().iter().any(|line| line.contains("sudo: ") && line.contains("password"));
    let hint = match unknown {
        Some(_) => Some("check the name in `packages`: other distributions call it otherwise".to_owned()),
        None if asks => Some("the user must be allowed to use `sudo` without a password".to_owned()),
        None => None,
    };
    Err(job.ended(exit, hint))
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

fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:=~^".contains(c))
}
