//! The phase `custom`: a step of the user's own.

use hostler_core::hash::sha256;
use hostler_core::setup::{CustomStep, Privilege};

use super::error::SetupError;
use super::job::PhaseRun;
use super::{ensure, script};
use crate::host::{Command, Shell, remote_path};
use crate::run::Performed;

/// Runs it, unless its check says that it is done; without a check, unless it ran with the same words and variables.
pub(super) async fn run(job: &PhaseRun<'_>, step: &CustomStep) -> Result<Performed, SetupError> {
    let (note, words) = (note(job, step), fingerprint(job, step));
    // Made by the user: what root makes first, the user could not write to.
    job.run_checked(&job.in_work_dir(":")).await?;
    let check = match &step.check {
        Some(check) => as_wished(script::command(job, &strict(check)), step),
        None => {
            let ran =
                "test \"$(cat \"$1\" 2>/dev/null)\" = \"$2\" || { echo \"it has not run with these words\"; exit 1; }";
            Command::new(ran).args([note.clone(), words.clone()])
        }
    };
    if job.context.rerun {
        return ensure::act_and_check(job, &check, || act(job, step, &note, &words)).await;
    }
    ensure::ensure(job, &check, |_| act(job, step, &note, &words)).await
}

async fn act(job: &PhaseRun<'_>, step: &CustomStep, note: &str, words: &str) -> Result<(), SetupError> {
    let command = as_wished(script::command(job, &strict(&step.run)), step);
    job.remove_marker(note).await?;
    let mut left = step.tries.get();
    loop {
        left -= 1;
        match job.run_checked(&command).await {
            Err(_) if left > 0 => job.progress(&format!("it failed; tries left: {left}")),
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    job.write_marker(note, words).await
}

/// Other than in a whole script, a line that fails ends the step.
fn strict(text: &str) -> String {
    format!("set -e\n{text}")
}

fn as_wished(command: Command, step: &CustomStep) -> Command {
    let command = command.shell(Shell::LoginBash);
    match step.user {
        Privilege::User => command,
        Privilege::Root => command.as_root(),
    }
}

fn note(job: &PhaseRun<'_>, step: &CustomStep) -> String {
    let state = remote_path(&job.context.paths.state);
    format!("{state}/{}/custom-{}", job.context.deployment, step.name)
}

/// The values of secrets don't count: a hash of them on the host could be guessed at.
fn fingerprint(job: &PhaseRun<'_>, step: &CustomStep) -> String {
    let work = job.context.work;
    let all = serde_json::json!([step.run, step.user, work.envs, work.secrets]);
    sha256(all.to_string())
}
