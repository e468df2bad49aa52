//! The phase `interpreter`: Python with pip and venv, for everybody on the machine.

use hostler_core::setup::{InterpreterNeed, Manager};

use super::error::SetupError;
use super::job::PhaseRun;
use super::{ensure, packages, python};
use crate::host::{Command, Shell};
use crate::run::Performed;

/// Installs it where it is missing. `uv` brings a Python of any version; else it is the distribution's.
pub(super) async fn install(job: &PhaseRun<'_>, need: &InterpreterNeed) -> Result<Performed, SetupError> {
    let wish = need.version.clone().unwrap_or_default();
    let check =
        Command::new(python::finding_uv(include_str!("scripts/has-python.sh"))).args([&wish]).shell(Shell::LoginBash);
    ensure::ensure(job, &check, |missing| act(job, &wish, missing)).await
}

async fn act(job: &PhaseRun<'_>, wish: &str, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line == "uv brings it") {
        let install = Command::new(python::finding_uv("exec uv python install -- \"$1\""));
        return job.run_checked(&install.args([wish]).shell(Shell::LoginBash)).await;
    }
    // Packages are called after the first two numbers of a version.
    let minor = wish.split('.').take(2).collect::<Vec<_>>().join(".");
    let python = if wish.is_empty() { "python3".to_owned() } else { format!("python{minor}") };
    if packages::manager(job).await? == Manager::Apt {
        let names = [python.clone(), format!("{python}-venv"), "python3-pip".to_owned()];
        return packages::install(job, &names).await.map(drop);
    }
    of_rpms(job, &python).await
}

/// Red Hat and Fedora call it `python3.11`, SUSE `python311`. Fedora's further Pythons have no pip beside them, and bring it
/// in themselves.
async fn of_rpms(job: &PhaseRun<'_>, python: &str) -> Result<(), SetupError> {
    let Some(package) = packages::first_known(job, &[python, &python.replace('.', "")]).await? else {
        let message = format!("the machine's package manager knows no `{python}`");
        return Err(job.unsatisfiable(message, "wish another version, or use an image that has it or `uv`"));
    };
    let pip = packages::first_known(job, &[&format!("{package}-pip")]).await?;
    let in_itself = pip.is_none();
    packages::install(job, &[package].into_iter().chain(pip).collect::<Vec<_>>()).await?;
    if in_itself {
        job.run_checked(&Command::new("exec \"$1\" -m ensurepip").args([python]).as_root()).await?;
    }
    Ok(())
}
