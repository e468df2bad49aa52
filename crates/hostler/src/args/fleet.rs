//! Arguments of commands for many hosts.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::patience;

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
