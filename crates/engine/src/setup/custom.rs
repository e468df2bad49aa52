//! The phase `custom`: a step that the user defines.

use hostler_core::hash::sha256;
use hostler_core::setup::CustomStep;

use super::error::SetupError;
use super::job::PhaseRun;
use super::{ensure, script};
use crate::host::{Command, Shell, remote_path};
use crate::run::Performed;

/// Runs the step unless its check succeeds. A step without a check runs again only if its script, user or variables have
/// changed.
pub(super) async fn run(job: &PhaseRun<'_>, step: &CustomStep) -> Result<Performed, SetupError> {
    let (marker, fingerprint) = (marker(job, step), fingerprint(job, step));
    // Create the directory as the user: if root created it, the user could not write to it.
    job.run_checked(&job.in_work_dir(":")).await?;
    let check = match &step.check {
        Some(check) => with_user(script::command(job, &strict(check)), step),
        None => {
            let has_run =
                "test \"$(cat \"$1\" 2>/dev/null)\" = \"$2\" || { echo \"it has not run in this form\"; exit 1; }";
            Command::new(has_run).args([marker.clone(), fingerprint.clone()])
        }
    };
    if job.context.rerun {
        return ensure::act_and_check(job, &check, || act(job, step, &marker, &fingerprint)).await;
    }
    ensure::ensure(job, &check, |_| act(job, step, &marker, &fingerprint)).await
}

async fn act(job: &PhaseRun<'_>, step: &CustomStep, marker: &str, fingerprint: &str) -> Result<(), SetupError> {
    let command = with_user(script::command(job, &strict(&step.run)), step);
    job.remove_marker(marker).await?;
    let mut left = step.tries.get();
    loop {
        left -= 1;
        match job.run_checked(&command).await {
            Err(_) if left > 0 => job.progress(&format!("the step failed; attempts left: {left}")),
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    job.write_marker(marker, fingerprint).await
}

/// Unlike in `setup` and `run`, a failing line ends the step.
fn strict(text: &str) -> String {
    format!("set -e\n{text}")
}

fn with_user(command: Command, step: &CustomStep) -> Command {
    Command { user: step.user, ..command.shell(Shell::LoginBash) }
}

fn marker(job: &PhaseRun<'_>, step: &CustomStep) -> String {
    let state = remote_path(&job.context.paths.state);
    format!("{state}/{}/custom-{}", job.context.deployment, step.name)
}

/// Leaves out the values of secrets: a hash of them on the host could be brute-forced.
fn fingerprint(job: &PhaseRun<'_>, step: &CustomStep) -> String {
    let work = job.context.work;
    let all = serde_json::json!([step.run, step.user, work.envs, work.secrets]);
    sha256(all.to_string())
}
