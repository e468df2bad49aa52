//! `hostler audit` and `cost-report`.

use std::path::PathBuf;

use clap::Args;

/// Filters of the audit trail.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Show only this deployment or lease
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Show only newer entries: a time, or an age such as `7d`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Export the entries to this new file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

/// Filters of the cost report.
#[derive(Debug, Args)]
pub struct CostReportArgs {
    /// Show only live deployments
    #[arg(long)]
    pub live: bool,

    /// Show only deployments created since a time, or an age such as `30d`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}
