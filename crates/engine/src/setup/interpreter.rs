//! The phase `interpreter`: Python with pip and venv, system-wide.

use hostler_core::setup::{InterpreterRequest, PackageManager};

use super::error::SetupError;
use super::job::PhaseRun;
use super::{ensure, packages, python};
use crate::host::{Command, Shell};
use crate::run::Performed;

/// Installs Python if missing: with `uv`, which has every version, else from the distribution.
pub(super) async fn install(job: &PhaseRun<'_>, need: &InterpreterRequest) -> Result<Performed, SetupError> {
    let version = need.version.clone().unwrap_or_default();
    let check = Command::new(python::with_uv_path(include_str!("scripts/has-python.sh")))
        .args([&version])
        .shell(Shell::LoginBash);
    ensure::ensure(job, &check, |missing| act(job, &version, missing)).await
}

async fn act(job: &PhaseRun<'_>, version: &str, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line == "uv can install it") {
        let install = Command::new(python::with_uv_path("exec uv python install -- \"$1\""));
        return job.run_checked(&install.args([version]).shell(Shell::LoginBash)).await;
    }
    // Package names have the first two numbers of the version.
    let minor = version.split('.').take(2).collect::<Vec<_>>().join(".");
    let python = if version.is_empty() { "python3".to_owned() } else { format!("python{minor}") };
    if packages::manager(job).await? == PackageManager::Apt {
        let names = [python.clone(), format!("{python}-venv"), "python3-pip".to_owned()];
        return packages::install(job, &names).await.map(drop);
    }
    install_rpms(job, &python).await
}

/// Installs Python from RPMs: `python3.11` on Red Hat and Fedora, `python311` on SUSE. Fedora's additional Python versions have
/// no pip package, but bundle `ensurepip`.
async fn install_rpms(job: &PhaseRun<'_>, python: &str) -> Result<(), SetupError> {
    let Some(package) = packages::first_available(job, &[python, &python.replace('.', "")]).await? else {
        let message = format!("the package manager of the machine has no `{python}`");
        return Err(job.unsatisfiable(message, "request another version, or use an image that has it or `uv`"));
    };
    let pip = packages::first_available(job, &[&format!("{package}-pip")]).await?;
    let bundles_pip = pip.is_none();
    packages::install(job, &[package].into_iter().chain(pip).collect::<Vec<_>>()).await?;
    if bundles_pip {
        job.run_checked(&Command::new("exec \"$1\" -m ensurepip").args([python]).as_root()).await?;
    }
    Ok(())
}
