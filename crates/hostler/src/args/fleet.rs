//! `hostler ssh`, `exec` and `sync`: commands and files on machines.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::shared::{Consent, time_limit};

/// A machine to log in to.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Machine [default: the first]
    #[arg(value_name = "MACHINE")]
    pub machine: Option<String>,

    /// Command to run on the machine, passed to `ssh`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Hosts, and limits of running on them.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// File of hosts to use instead of a deployment: lines `user@host:port`, or TOML
    #[arg(long, value_name = "FILE")]
    pub hosts: Option<PathBuf>,

    /// Use only this machine; repeatable
    #[arg(short, long, value_name = "MACHINE")]
    pub machine: Vec<String>,

    /// Maximum number of machines at a time
    #[arg(short, long, value_name = "N", default_value = "256")]
    pub parallel: NonZeroUsize,

    /// Stop all machines when one fails
    #[arg(long)]
    pub fail_fast: bool,

    /// Time limit per machine, including the connection
    #[arg(long, value_name = "DURATION", value_parser = time_limit)]
    pub timeout: Option<Duration>,
}

/// A command, and the machines to run it on.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Deployment
    #[arg(value_name = "NAME", required_unless_present = "hosts", conflicts_with = "hosts")]
    pub name: Option<String>,

    /// Hosts and limits.
    #[command(flatten)]
    pub fleet: FleetArgs,

    /// Program and arguments; passed unchanged, no shell interprets them
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `hostler sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The command.
    #[command(subcommand)]
    pub way: SyncVerb,
}

/// The command of `hostler sync`.
#[derive(Debug, Subcommand)]
pub enum SyncVerb {
    /// Upload a local directory to machines, sending only differences
    ///
    /// Skips files that `.gitignore` or `.hostlerignore` excludes.
    Up(UploadArgs),
    /// Download a remote directory, fetching only differences
    ///
    /// With several machines, each gets a subdirectory of its name.
    Down(DownloadArgs),
}

/// An upload.
#[derive(Debug, Args)]
pub struct UploadArgs {
    /// Local directory
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// Deployment and remote directory, such as `train:~/data`; `:~/data` with `--hosts`
    #[arg(value_name = "NAME:TO", value_parser = remote)]
    pub to: Remote,

    /// Options.
    #[command(flatten)]
    pub what: SyncFilterArgs,
}

/// A download.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// Deployment and remote directory, such as `train:~/work/out`; `:~/work/out` with `--hosts`
    #[arg(value_name = "NAME:FROM", value_parser = remote)]
    pub from: Remote,

    /// Local directory
    #[arg(value_name = "TO")]
    pub to: PathBuf,

    /// Options.
    #[command(flatten)]
    pub what: SyncFilterArgs,
}

/// Options of a synchronization in either direction.
#[derive(Debug, Args)]
pub struct SyncFilterArgs {
    /// Delete files that the source lacks, except excluded ones
    #[arg(long)]
    pub delete: bool,

    /// Compare contents instead of size and time
    #[arg(short, long)]
    pub checksum: bool,

    /// Skip files that match this `.gitignore` pattern; repeatable
    #[arg(short, long, value_name = "PATTERN")]
    pub exclude: Vec<String>,

    /// Hosts and limits.
    #[command(flatten)]
    pub fleet: FleetArgs,

    /// Confirmation of deletions.
    #[command(flatten)]
    pub consent: Consent,
}

/// A directory on the machines of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The deployment; `None` with `--hosts`.
    pub name: Option<String>,
    /// The directory.
    pub path: String,
}

fn remote(text: &str) -> Result<Remote, String> {
    let wrong = || "write it as `NAME:DIRECTORY`, or `:DIRECTORY` with `--hosts`".to_owned();
    let (name, path) = text.split_once(':').ok_or_else(wrong)?;
    if path.is_empty() || name.contains('/') {
        return Err(wrong());
    }
    Ok(Remote { name: Some(name.to_owned()).filter(|name| !name.is_empty()), path: path.to_owned() })
}
