//! `hostler analyze`, `plan`, `up` and `apply`: from a repository or demand file to a deployment.

use std::path::PathBuf;

use clap::Args;

use super::demand::{DemandArgs, KeyArgs};
use super::shared::{CommandsArgs, Consent, ShiftArgs, SshTimeout};

/// A repository.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Directory, or git URL such as `https://example.org/owner/project@v1#subdirectory=training`
    #[arg(value_name = "SOURCE")]
    pub source: String,
}

/// A target and its options.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Demand file (`.yaml`), directory, git URL, or name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Save the plan to this file, for `hostler apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Launch on this active lease: id, name, or deployment that created it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// The key pair.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Equivalent client commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// Resource options.
    #[command(flatten)]
    pub demand: DemandArgs,
}

/// A target and how to bring it up.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Demand file (`.yaml`), directory, git URL, or name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Keep machines after a failure or interrupt
    #[arg(long)]
    pub hold: bool,

    /// Permission to move the start.
    #[command(flatten)]
    pub shift: ShiftArgs,

    /// Launch on this active lease: id, name, or deployment that created it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// The key pair.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Equivalent client commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// SSH timeout.
    #[command(flatten)]
    pub timeout: SshTimeout,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,

    /// Resource options.
    #[command(flatten)]
    pub demand: DemandArgs,
}

/// A saved plan.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Plan file written by `hostler plan --out` or `hostler plan -o json`
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// SSH timeout.
    #[command(flatten)]
    pub timeout: SshTimeout,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}
