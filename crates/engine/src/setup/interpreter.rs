//! The phase `interpreter`: Python with pip and venv, for everybody on the machine.

use hostler_core::setup::{InterpreterNeed, Manager};

use super::error::SetupError;
use super::job::Job;
use super::{packages, recipe};
use crate::host::{Command, Shell};
use crate::run::Performed;

/// Installs it where it is missing. `uv` brings a Python of any version; else it is the distribution's.
pub(super) async fn install(job: &Job<'_>, need: &InterpreterNeed) -> Result<Performed, SetupError> {
    let wish = need.version.clone().unwrap_or_default();
    let check = Command::new(include_str!("scripts/has-python.sh")).args([&wish]).shell(Shell::LoginBash);
    recipe::settle(job, &check, |missing| act(job, &wish, missing)).await
}

async fn act(job: &Job<'_>, wish: &str, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line == "uv brings it") {
        return job
            .must(
                &Command::new("PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin\nexec uv python install -- \"$1\"")
                    .args([wish])
                    .shell(Shell::LoginBash),
            )
            .await;
    }
    // Packages are called after the first two numbers of a version.
    let minor = wish.split('.').take(2).collect::<Vec<_>>().join(".");
    let python = if wish.is_empty() { "python3".to_owned() } else { format!("python{minor}") };
    let names = match packages::manager(job).await? {
        Manager::Apt if wish.is_empty() => vec![python, "python3-venv".to_owned(), "python3-pip".to_owned()],
        Manager::Apt => vec![python.clone(), format!("{python}-venv"), "python3-pip".to_owned()],
        Manager::Dnf | Manager::Zypper => vec![python.clone(), format!("{python}-pip")],
    };
    packages::install(job, &names).await.map(drop)
}
