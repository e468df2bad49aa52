//! `hostler status`, `ls`, `setup`, `logs`, `extend`, `hold`, `stop`, `start`, `down` and `sweep`: existing deployments.

use clap::Args;

use super::shared::{Consent, SshTimeout};

/// One deployment.
#[derive(Debug, Args)]
pub struct DeploymentArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Filters of the list of deployments.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// List only deployments at this site; repeatable
    #[arg(long, value_name = "SITE")]
    pub on: Vec<String>,
}

/// Logs to print.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Print only this step's log; `hostler status` lists steps
    #[arg(value_name = "STEP")]
    pub step: Option<String>,

    /// Print only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,

    /// Keep printing new output until the running command ends
    #[arg(short, long)]
    pub follow: bool,
}

/// A new end.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Time to add to the current end, such as `4h` or `1h30m`
    #[arg(value_name = "DURATION", required_unless_present_any = ["until", "open_end"])]
    pub duration: Option<String>,

    /// New end, such as `2025-10-30T20:00Z`
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    pub until: Option<String>,

    /// Remove the end: keep the deployment until `hostler down`
    #[arg(long, conflicts_with_all = ["duration", "until"])]
    pub open_end: bool,
}

/// A deployment to hold.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Release the hold
    #[arg(long)]
    pub release: bool,
}

/// A deployment to start.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// SSH timeout.
    #[command(flatten)]
    pub timeout: SshTimeout,
}

/// Deployments to bring down.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Deployments
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<String>,

    /// Bring down all deployments
    #[arg(long, conflicts_with = "names")]
    pub all: bool,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// Extent of a sweep.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Also delete resources with this ticket of an untracked or unreadable deployment; repeatable
    #[arg(long, value_name = "TICKET")]
    pub ticket: Vec<String>,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}
