//! The phases `packages` and `system`: system packages, installed with the host's package manager.

use hostler_core::setup::{PackageManager, PhaseKind, SystemRequest};

use super::ensure;
use super::error::SetupError;
use super::job::PhaseRun;
use crate::host::{Command, ProcessExit};
use crate::run::Performed;

pub(super) const MISSING: &str =
    concat!(include_str!("scripts/apt-has.sh"), include_str!("scripts/missing-packages.sh"));
const FIRST_AVAILABLE: &str = concat!(include_str!("scripts/apt-has.sh"), include_str!("scripts/first-available.sh"));

/// Hint for an invalid package name.
const NAME_HINT: &str = "use letters, digits and `+-._:=~^`; start with a letter or a digit, and do not end with `-`";

/// Printed by the script before it updates the package lists. Errors above this line stem from outdated lists.
pub(super) const UPDATING_LISTS: &str = "== updating the package lists";

/// Installs missing packages, without recommended ones.
pub(super) async fn install(job: &PhaseRun<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    if packages.is_empty() {
        return Ok(Performed::Already);
    }
    let (manager, missing) = missing(job, packages).await?;
    if missing.is_empty() {
        return Ok(Performed::Already);
    }
    install_missing(job, manager, &missing).await
}

/// Installs missing base packages, under the names of the host's package manager.
pub(super) async fn install_base(job: &PhaseRun<'_>, need: SystemRequest) -> Result<Performed, SetupError> {
    let names: Vec<String> = need.packages(manager(job).await?).iter().map(|name| (*name).to_owned()).collect();
    install(job, &names).await
}

/// Installs packages in one transaction, also those installed already, so that all get matching versions.
pub(super) async fn install_together(job: &PhaseRun<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    install_missing(job, manager(job).await?, packages).await
}

fn check(job: &PhaseRun<'_>, packages: &[String]) -> Result<(), SetupError> {
    match packages.iter().find(|package| !is_package(package)) {
        Some(package) => Err(job.unsatisfiable(format!("`{package}` is not a package name"), NAME_HINT)),
        None => Ok(()),
    }
}

async fn install_missing(
    job: &PhaseRun<'_>,
    manager: PackageManager,
    packages: &[String],
) -> Result<Performed, SetupError> {
    job.progress(&format!("installing packages: {}", packages.join(", ")));
    let args = std::iter::once(manager.name()).chain(packages.iter().map(String::as_str));
    let command = Command::new(include_str!("scripts/install-packages.sh")).args(args).as_root();
    // Failing mirrors, and another process that holds the lock, are temporary.
    ensure::retry(job, || attempt(job, manager, packages, &command)).await?;
    Ok(Performed::Now)
}

/// The machine's package manager, and the packages that are not installed.
async fn missing(job: &PhaseRun<'_>, packages: &[String]) -> Result<(PackageManager, Vec<String>), SetupError> {
    let question = Command::new(MISSING).args(packages);
    let mut answer = job.query(&question).await?.into_iter();
    let manager = answer.next().and_then(|name| PackageManager::of(&name)).ok_or_else(|| no_manager(job))?;
    Ok((manager, answer.collect()))
}

/// The machine's package manager.
pub(super) async fn manager(job: &PhaseRun<'_>) -> Result<PackageManager, SetupError> {
    Ok(missing(job, &[]).await?.0)
}

/// First of several packages that the package manager can install.
pub(super) async fn first_available(job: &PhaseRun<'_>, names: &[&str]) -> Result<Option<String>, SetupError> {
    let question = Command::new(FIRST_AVAILABLE).args(names.iter().copied()).as_root();
    Ok(job.query(&question).await?.into_iter().next())
}

/// Release of a Linux distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DistroRelease {
    /// `debian`, `ubuntu`, `fedora`, …
    pub(super) id: String,
    /// `12`, `22.04`, …
    pub(super) version: Option<String>,
    /// `bookworm`, …
    pub(super) codename: Option<String>,
}

/// Release of the machine, from `/etc/os-release`.
pub(super) async fn release(job: &PhaseRun<'_>) -> Result<DistroRelease, SetupError> {
    let script = ". /etc/os-release && printf '%s\n' \"id ${ID:-}\" \"version ${VERSION_ID:-}\" \"codename ${VERSION_CODENAME:-}\"";
    let mut release = DistroRelease::default();
    for line in job.query(&Command::new(script)).await? {
        let (fact, value) = line.split_once(' ').unwrap_or((&line, ""));
        let value = Some(value.to_owned()).filter(|value| !value.is_empty());
        match fact {
            "id" => release.id = value.unwrap_or_default(),
            "version" => release.version = value,
            "codename" => release.codename = value,
            _ => {}
        }
    }
    Ok(release)
}

fn no_manager(job: &PhaseRun<'_>) -> SetupError {
    let message = "the machine has no supported package manager".to_owned();
    job.unsatisfiable(message, "use an image with `apt-get`, `dnf` or `zypper`, or one that already has the packages")
}

async fn attempt(
    job: &PhaseRun<'_>,
    manager: PackageManager,
    packages: &[String],
    command: &Command,
) -> Result<(), SetupError> {
    let exit = job.run_logged(command).await?;
    if exit.is_success() || is_notice(manager, &exit) {
        let (_, missing) = missing(job, packages).await?;
        if missing.is_empty() {
            return Ok(());
        }
        if exit.is_success() {
            let said = missing.iter().map(|package| format!("`{package}` is not installed"));
            return Err(job.check_failed(said.collect()));
        }
    }
    let hint = hint_for(job.kind, &job.last_lines()).map(str::to_owned);
    Err(job.exit_error(exit, hint))
}

/// True for zypper's exit statuses that report success with a notice: a restart is due, or a repository was skipped (see "Exit
/// codes" in its manual). Only a check shows if the packages were installed.
fn is_notice(manager: PackageManager, exit: &ProcessExit) -> bool {
    manager == PackageManager::Zypper && matches!(exit, ProcessExit::Status(100..=106))
}

/// Hint if the last output lines show a permanent failure.
fn hint_for(phase: PhaseKind, tail: &[String]) -> Option<&'static str> {
    let updated = tail.iter().rposition(|line| line == UPDATING_LISTS).map_or(0, |at| at + 1);
    let mut since = tail.iter().skip(updated);
    // If a list could not be updated, the same error may be temporary.
    let lists_complete = !since.clone().any(|line| line.contains("Failed to fetch"));
    if lists_complete && since.clone().any(|line| is_unknown(line)) {
        return Some(match phase {
            PhaseKind::Packages => "check the name in `packages`: names differ between distributions",
            _ => "the distribution has no such package: use another image, or install it in a `custom` step",
        });
    }
    let needs_password = since.any(|line| line.contains("sudo: ") && line.contains("password"));
    needs_password.then_some("allow the login user to run `sudo` without a password")
}

/// True for the package managers' messages about an unknown package.
fn is_unknown(line: &str) -> bool {
    ["Unable to locate package", "has no installation candidate", "No match for argument", "not found in package names"]
        .iter()
        .any(|message| line.contains(message))
}

/// True for a name that can only mean to install a package. With a trailing `-`, apt would remove it.
fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._:=~^".contains(c))
}
