//! Fetching by the `git` binary.
//!
//! `init`, `fetch --depth 1` and `checkout` instead of `clone`, because a fetch takes a branch, a tag and a commit alike.

use std::path::Path;
use std::time::Duration;

use hostler_core::demand::Source;
use hostler_core::demand::source::{PROTOCOLS, redact};
use tokio::process::Command;

use super::error::RepoError;
use super::{FetchLimits, process, walk};

/// How often the size on disk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Settings that win over the user's: no program runs but git's own transports.
const SETTINGS: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    // Neither may leave a process behind.
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
];

/// Variables by which a git that runs us (a hook, an alias) would make ours work on its own repository.
const NOT_INHERITED: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_TEMPLATE_DIR",
];

/// Fetches the one commit that a source means into an empty folder, and says which it is.
pub(super) async fn fetch(source: &Source, into: &Path, limits: &FetchLimits) -> Result<String, RepoError> {
    let url = || redact(&source.from);
    let too_large = || RepoError::TooLarge { url: url(), limit: limits.bytes };
    let within_size = async {
        let commit = tokio::select! {
            done = checkout(source, into) => done?,
            () = outgrown(into, limits.bytes.0) => return Err(too_large()),
        };
        if size(into).await > limits.bytes.0 { Err(too_large()) } else { Ok(commit) }
    };
    let too_slow = |_| RepoError::TimedOut { url: url(), limit: limits.time };
    tokio::time::timeout(limits.time, within_size).await.map_err(too_slow)?
}

async fn checkout(source: &Source, into: &Path) -> Result<String, RepoError> {
    let at = source.at.as_deref().unwrap_or("HEAD");
    git(source, into, &["init", "--quiet", "--template=", "."]).await?;
    let fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", &source.from, at];
    git(source, into, &fetch).await?;
    git(source, into, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).await?;
    let commit = git(source, into, &["rev-parse", "--verify", "HEAD"]).await?;
    Ok(commit.trim().to_owned())
}

/// Runs one git command, and says what it printed.
async fn git(source: &Source, dir: &Path, arguments: &[&str]) -> Result<String, RepoError> {
    let ended = process::run(command(dir, arguments)).await.map_err(RepoError::GitNotStarted)?;
    if ended.status.success() { Ok(ended.stdout) } else { Err(RepoError::of_git(source, &ended.stderr)) }
}

/// A git command that runs nothing of the user's or the repository's, and asks nobody anything.
pub(super) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.args(arguments);
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .env("GIT_ALLOW_PROTOCOL", PROTOCOLS.join(":"))
        // An answer that is empty fails at once, and ssh gives up instead of asking.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        // Large files stay pointers: they would be fetched from wherever the repository says.
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        // Only the folder itself is a repository, never one around it.
        .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir));
    command
}

/// Ends when a folder has become larger than so many bytes.
async fn outgrown(dir: &Path, limit: u64) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if size(dir).await > limit {
            return;
        }
    }
}

async fn size(dir: &Path) -> u64 {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || walk::bytes_below(&dir)).await.unwrap_or(u64::MAX)
}
