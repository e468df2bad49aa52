//! `hostler audit` and `cost-report`.

use std::path::PathBuf;

use clap::Args;

/// Which part of the audit trail.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only what is about this deployment or lease
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Only what was written since: a time, or a duration back from now, as `7d`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Write it to this new file, as it stands in the trail: a JSON document a line
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

/// Which deployments' costs.
#[derive(Debug, Args)]
pub struct CostReportArgs {
    /// Only live deployments
    #[arg(long)]
    pub live: bool,

    /// Only those entered since: a time, or a duration back from now, as `30d`
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}
