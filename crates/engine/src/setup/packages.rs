//! The phase `packages`: system packages, by the host's own manager.

use hostler_core::setup::{Manager, PhaseKind};

use super::ensure;
use super::error::SetupError;
use super::job::PhaseRun;
use crate::host::{Command, ProcessExit};
use crate::run::Performed;

pub(super) const MISSING: &str =
    concat!(include_str!("scripts/apt-has.sh"), include_str!("scripts/missing-packages.sh"));
const FIRST_KNOWN: &str = concat!(include_str!("scripts/apt-has.sh"), include_str!("scripts/first-known.sh"));

/// What a name of a package may be.
const GOOD_NAME: &str = "use letters, digits and `+-._:=~^`, beginning with a letter or a digit, not ending with `-`";

/// The installing script says this before it fetches the lists of packages: what stands above it was said by old ones.
pub(super) const FETCHES: &str = "== fetching the lists of packages";

/// Installs what is missing. Recommended packages are left out.
pub(super) async fn install(job: &PhaseRun<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    if packages.is_empty() {
        return Ok(Performed::Already);
    }
    let (manager, missing) = look(job, packages).await?;
    if missing.is_empty() {
        return Ok(Performed::Already);
    }
    fetch(job, manager, &missing).await
}

/// Installs what is missing, and brings what is there to the version that is installed with it: for packages that have to be
/// of one.
pub(super) async fn install_together(job: &PhaseRun<'_>, packages: &[String]) -> Result<Performed, SetupError> {
    check(job, packages)?;
    fetch(job, manager(job).await?, packages).await
}

fn check(job: &PhaseRun<'_>, packages: &[String]) -> Result<(), SetupError> {
    match packages.iter().find(|package| !is_package(package)) {
        Some(package) => Err(job.unsatisfiable(format!("`{package}` is no name of a package"), GOOD_NAME)),
        None => Ok(()),
    }
}

async fn fetch(job: &PhaseRun<'_>, manager: Manager, packages: &[String]) -> Result<Performed, SetupError> {
    job.progress(&format!("installing {}", packages.join(", ")));
    let args = std::iter::once(manager.name()).chain(packages.iter().map(String::as_str));
    let command = Command::new(include_str!("scripts/install-packages.sh")).args(args).as_root();
    // A mirror that fails, or another's update that holds the lists, is over in a while.
    ensure::retry(job, || attempt(job, manager, packages, &command)).await?;
    Ok(Performed::Now)
}

/// The machine's package manager, and which of these packages it doesn't list.
async fn look(job: &PhaseRun<'_>, packages: &[String]) -> Result<(Manager, Vec<String>), SetupError> {
    let question = Command::new(MISSING).args(packages);
    let mut answer = job.query(&question).await?.into_iter();
    let manager = answer.next().and_then(|name| Manager::of(&name)).ok_or_else(|| no_manager(job))?;
    Ok((manager, answer.collect()))
}

/// The machine's package manager.
pub(super) async fn manager(job: &PhaseRun<'_>) -> Result<Manager, SetupError> {
    Ok(look(job, &[]).await?.0)
}

/// The first of several packages that the machine's manager knows; none where it knows none of them.
pub(super) async fn first_known(job: &PhaseRun<'_>, names: &[&str]) -> Result<Option<String>, SetupError> {
    let question = Command::new(FIRST_KNOWN).args(names.iter().copied()).as_root();
    Ok(job.query(&question).await?.into_iter().next())
}

/// A release of a distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DistroRelease {
    /// `debian`, `ubuntu`, `fedora`.
    pub(super) id: String,
    /// `12`, `22.04`.
    pub(super) version: Option<String>,
    /// `bookworm`.
    pub(super) codename: Option<String>,
}

/// What runs on the machine, by `/etc/os-release`.
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
    let message = "the machine has no package manager that we know".to_owned();
    job.unsatisfiable(message, "use an image with `apt-get`, `dnf` or `zypper`, or one that has the packages")
}

async fn attempt(
    job: &PhaseRun<'_>,
    manager: Manager,
    packages: &[String],
    command: &Command,
) -> Result<(), SetupError> {
    let exit = job.run_logged(command).await?;
    if exit.is_success() || is_notice(manager, &exit) {
        let (_, missing) = look(job, packages).await?;
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

/// zypper ends so where it has more to say than that all is well: a restart is due, another repository was skipped (its manual,
/// "Exit codes"). What came of it, only a look tells.
fn is_notice(manager: Manager, exit: &ProcessExit) -> bool {
    manager == Manager::Zypper && matches!(exit, ProcessExit::Status(100..=106))
}

/// What to do where the last lines tell that it won't pass by itself.
fn hint_for(phase: PhaseKind, tail: &[String]) -> Option<&'static str> {
    let fetched = tail.iter().rposition(|line| line == FETCHES).map_or(0, |at| at + 1);
    let mut since = tail.iter().skip(fetched);
    // Lists that could not be fetched know nothing, and say so in the same words.
    let all_lists = !since.clone().any(|line| line.contains("Failed to fetch"));
    if all_lists && since.clone().any(|line| is_unknown(line)) {
        return Some(match phase {
            PhaseKind::Packages => "check the name in `packages`: other distributions call it otherwise",
            _ => "this distribution has no such package: use another image, or install it in a `custom` step",
        });
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
