//! Fetching with the `git` program.
//!
//! `init`, `fetch --depth 1` and `checkout` instead of `clone`: a fetch accepts a branch, a tag or a commit.

use std::path::Path;
use std::time::Duration;

use hostler_core::demand::Source;
use hostler_core::demand::source::{PROTOCOLS, redact};
use hostler_core::scan::ScanLimits;
use hostler_core::size::Bytes;
use tokio::process::Command;

use super::error::RepoError;
use super::{process, walk};
use crate::blocking::blocking;

/// Interval between two measurements of the size on disk.
const SIZE_INTERVAL: Duration = Duration::from_millis(200);

/// Settings that override the user's, so that no program runs but git's own transports.
const SETTINGS: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    // Both may leave background processes.
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
];

/// Variables that a parent git process (running us in a hook or an alias) sets, and that would make our git work on its
/// repository.
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

/// Limits of fetching and reading a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Maximum size on disk, including git's own files. Default: 4 GiB.
    pub bytes: Bytes,
    /// Time limit of the fetch. Default: 10 minutes.
    pub time: Duration,
    /// Limits of reading it.
    pub tree: ScanLimits,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { bytes: Bytes::gib(4), time: Duration::from_secs(600), tree: ScanLimits::default() }
    }
}

/// Fetches the commit of a source into an empty directory, and returns its id.
pub(super) async fn fetch(source: &Source, into: &Path, limits: &FetchLimits) -> Result<String, RepoError> {
    let url = || redact(&source.location);
    let too_large = || RepoError::TooLarge { url: url(), limit: limits.bytes };
    let within_size = async {
        let commit = tokio::select! {
            done = checkout(source, into) => done?,
            () = exceeds(into, limits.bytes.0) => return Err(too_large()),
        };
        if size(into).await > limits.bytes.0 { Err(too_large()) } else { Ok(commit) }
    };
    let timed_out = |_| RepoError::TimedOut { url: url(), limit: limits.time };
    tokio::time::timeout(limits.time, within_size).await.map_err(timed_out)?
}

async fn checkout(source: &Source, into: &Path) -> Result<String, RepoError> {
    let at = source.revision.as_deref().unwrap_or("HEAD");
    git(source, into, &["init", "--quiet", "--template=", "."]).await?;
    let fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", &source.location, at];
    git(source, into, &fetch).await?;
    git(source, into, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).await?;
    let commit = git(source, into, &["rev-parse", "--verify", "HEAD"]).await?;
    Ok(commit.trim().to_owned())
}

/// Runs one git command and returns its standard output.
async fn git(source: &Source, dir: &Path, arguments: &[&str]) -> Result<String, RepoError> {
    let ended = process::run(command(dir, arguments)).await.map_err(RepoError::GitNotStarted)?;
    if ended.status.success() { Ok(ended.stdout) } else { Err(RepoError::of_git(source, &ended.stderr)) }
}

/// A git command that runs no program of the user's or the repository's, and never prompts.
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
        // An empty answer fails at once, and ssh fails instead of prompting.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        // LFS files stay pointers: their URL is chosen by the repository.
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        // Never use a repository of a parent directory.
        .env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir));
    command
}

/// Completes once a directory holds more than `limit` bytes.
async fn exceeds(dir: &Path, limit: u64) {
    let mut ticks = tokio::time::interval(SIZE_INTERVAL);
    loop {
        ticks.tick().await;
        if size(dir).await > limit {
            return;
        }
    }
}

/// Size of a directory in bytes.
async fn size(dir: &Path) -> u64 {
    let dir = dir.to_owned();
    blocking(move || walk::bytes_below(&dir)).await
}
