//! Arguments of commands for many hosts.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Consent, patience};

/// Many hosts, and how many of them at once.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Hosts of your own instead of a deployment: lines `user@host:port`, or TOML
    #[arg(long, value_name = "FILE")]
    pub hosts: Option<PathBuf>,

    /// Only on this machine; may be repeated
    #[arg(short, long, value_name = "MACHINE")]
    pub machine: Vec<String>,

    /// So many machines at a time
    #[arg(short, long, value_name = "N", default_value = "256")]
    pub parallel: NonZeroUsize,

    /// Stop the others as soon as one fails
    #[arg(long)]
    pub fail_fast: bool,

    /// How long one machine may take, connecting included
    #[arg(long, value_name = "DURATION", value_parser = patience)]
    pub timeout: Option<Duration>,
}

/// A command for machines.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The deployment
    #[arg(value_name = "NAME", required_unless_present = "hosts", conflicts_with = "hosts")]
    pub name: Option<String>,

    /// Where, and how many at once.
    #[command(flatten)]
    pub fleet: FleetArgs,

    /// The program and its arguments; they reach the machine exactly as they are
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Which way files go.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Which way
    #[command(subcommand)]
    pub way: Way,
}

/// Which way files go.
#[derive(Debug, Subcommand)]
pub enum Way {
    /// Make a directory on machines like one here; what `.gitignore` and `.hostlerignore` leave out stays here
    Up(UpwardArgs),
    /// Make a directory here like one on a machine; of several machines, each in a directory of its name
    Down(DownwardArgs),
}

/// From here to machines.
#[derive(Debug, Args)]
pub struct UpwardArgs {
    /// The directory here
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// The deployment and the directory there, as `train:~/data`; with `--hosts` only `:~/data`
    #[arg(value_name = "NAME:TO", value_parser = remote)]
    pub to: Remote,

    /// What is sent, and how.
    #[command(flatten)]
    pub what: SyncWhat,
}

/// From machines to here.
#[derive(Debug, Args)]
pub struct DownwardArgs {
    /// The deployment and the directory there, as `train:~/work/out`; with `--hosts` only `:~/work/out`
    #[arg(value_name = "NAME:FROM", value_parser = remote)]
    pub from: Remote,

    /// The directory here
    #[arg(value_name = "TO")]
    pub to: PathBuf,

    /// What is fetched, and how.
    #[command(flatten)]
    pub what: SyncWhat,
}

/// What is synced, and how.
#[derive(Debug, Args)]
pub struct SyncWhat {
    /// Delete what only the other side has; what is left out is not deleted
    #[arg(long)]
    pub delete: bool,

    /// Compare contents, not sizes and times
    #[arg(short, long)]
    pub checksum: bool,

    /// Leave alone what matches, as in `.gitignore`; may be repeated
    #[arg(short, long, value_name = "PATTERN")]
    pub exclude: Vec<String>,

    /// Where, and how many at once.
    #[command(flatten)]
    pub fleet: FleetArgs,

    /// Whether to ask before anything is deleted.
    #[command(flatten)]
    pub consent: Consent,
}

/// A directory on the machines of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The deployment; absent where hosts are listed.
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
