//! The phase `packages`: system packages, by the host's own manager.

use std::time::Duration;

use hostler_core::setup::Manager;

use super::error::SetupError;
use super::job::Job;
use super::recipe;
use crate::host::Command;
use crate::run::Performed;

/// How long one attempt may take: a manager waits five minutes for a lock, and emulated machines unpack slowly.
const ATTEMPT: Duration = Duration::from_secs(45 * 60);

/// What a name of a package may be.
const GOOD_NAME: &str = "use letters, digits and `+-._:=~`, beginning with a letter or a digit, not ending with `-`";

/// The installing script says this before it fetches the lists of packages: what stands above it was said by old ones.
pub(super) const FETCHES: &str = "== fetching the lists of packages";

/// Installs what is missing. Recommended packages are left out.
pub(super) async fn install(job: &Job<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    let question = Command::new(include_str!("scripts/missing-packages.sh")).args(packages);
    let answer = job.ask(&question).await?;
    let Some((manager, missing)) = answer.split_first().filter(|(_, missing)| !missing.is_empty()) else {
        return none_missing(job, packages, &answer);
    };
    fetch(job, manager, missing).await
}

/// Installs what is missing, and brings what is there to the version that is installed with it: for packages that have to be
/// of one.
pub(super) async fn install_together(job: &Job<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    let manager = manager(job).await?;
    fetch(job, manager.name(), packages).await
}

fn check(job: &Job<'_>, packages: &[String]) -> Result<(), SetupError> {
    match packages.iter().find(|package| !is_package(package)) {
        Some(package) => Err(job.refuse(format!("`{package}` is no name of a package"), GOOD_NAME)),
        None => Ok(()),
    }
}

async fn fetch(job: &Job<'_>, manager: &str, packages: &[String]) -> Result<Performed, SetupError> {
    job.progress(&format!("installing {}", packages.join(", ")));
    let args = std::iter::once(manager).chain(packages.iter().map(String::as_str));
    let command = Command::new(include_str!("scripts/install-packages.sh")).args(args).as_root().within(ATTEMPT);
    // A mirror that fails, or another's update that holds the lists, is over in a while.
    recipe::persist(job, || attempt(job, &command)).await?;
    Ok(Performed::Now)
}

/// The machine's package manager.
pub(super) async fn manager(job: &Job<'_>) -> Result<Manager, SetupError> {
    let answer = job.ask(&Command::new(include_str!("scripts/missing-packages.sh"))).await?;
    answer.first().and_then(|name| Manager::of(name)).ok_or_else(|| no_manager(job))
}

/// The first of several packages that the machine's manager knows; none where it knows none of them.
pub(super) async fn first_known(job: &Job<'_>, names: &[&str]) -> Result<Option<String>, SetupError> {
    let question = Command::new(include_str!("scripts/first-known.sh")).args(names.iter().copied()).as_root();
    Ok(job.ask(&question).await?.into_iter().next())
}

/// A release of a distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Release {
    /// `debian`, `ubuntu`, `fedora`.
    pub(super) id: String,
    /// `12`, `22.04`.
    pub(super) version: Option<String>,
    /// `bookworm`.
    pub(super) codename: Option<String>,
}

/// What runs on the machine, by `/etc/os-release`.
pub(super) async fn release(job: &Job<'_>) -> Result<Release, SetupError> {
    let script = ". /etc/os-release && printf '%s\n' \"id ${ID:-}\" \"version ${VERSION_ID:-}\" \"codename ${VERSION_CODENAME:-}\"";
    let mut release = Release::default();
    for line in job.ask(&Command::new(script)).await? {
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

fn no_manager(job: &Job<'_>) -> SetupError {
    let message = "the machine has no package manager that we know".to_owned();
    job.refuse(message, "use an image with `apt-get`, `dnf` or `zypper`, or one that has the packages")
}

fn none_missing(job: &Job<'_>, packages: &[String], answer: &[String]) -> Result<Performed, SetupError> {
    if packages.is_empty() || answer.first().is_some_and(|manager| manager != "none") {
        return Ok(Performed::Already);
    }
    Err(no_manager(job))
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
    // Lists that could not be fetched know nothing, and say so in the same words.
    let all_lists = !since.clone().any(|line| line.contains("Failed to fetch"));
    if all_lists && since.clone().any(|line| is_unknown(line)) {
        return Some("check the name in `packages`: other distributions call it otherwise");
    }
    let asks = since.any(|line| line.contains("sudo: ") && line.contains("password"));
    asks.then_some("the user must be allowed to use `sudo` without a password")
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
