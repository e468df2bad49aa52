//! `hostler lease`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::demand::DemandArgs;
use super::deployment::ExtendArgs;
use super::resources::{DeleteArgs, ListArgs, ShowArgs};
use super::shared::{CommandsArgs, Consent, ShiftArgs, time_limit};

/// `hostler lease`.
#[derive(Debug, Args)]
pub struct LeaseArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: LeaseVerb,
}

/// The command of `hostler lease`.
#[derive(Debug, Subcommand)]
pub enum LeaseVerb {
    /// Create a lease, without launching machines
    ///
    /// `hostler up NAME` launches machines on it later; `hostler down NAME` deletes it.
    #[command(after_long_help = super::examples::LEASE_CREATE)]
    Create(Box<LeaseCreateArgs>),
    /// List your leases, or all leases of the project
    Ls(ListArgs),
    /// Show a lease: window, hosts and owner
    Show(ShowArgs),
    /// Extend the end of your lease
    Extend(ExtendArgs),
    /// Delete your lease, and the machines launched on it
    Delete(DeleteArgs),
    /// Wait until a lease is active
    Wait(LeaseWaitArgs),
}

/// A lease to create.
#[derive(Debug, Args)]
pub struct LeaseCreateArgs {
    /// Name of the deployment that the lease belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Name of the lease at the site [default: the deployment's]
    #[arg(long = "lease-name", alias = "name", value_name = "NAME")]
    pub lease_name: Option<String>,

    /// Sites in order of preference: `chameleon/uc` (or `uc`); repeatable
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,

    /// Node type, matched exactly
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<String>,

    /// GPUs per host: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N")]
    pub gpus: Option<String>,

    /// Choose among these hosts, by the site's name; repeatable
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub host: Vec<String>,

    /// Choose among hosts that match, such as `gpu_count>=4 and ram>=256GiB`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,

    /// Number of hosts
    #[arg(long, value_name = "N", default_value = "1")]
    pub amount: String,

    /// Start: `2025-10-30T20:00Z` or `now`
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Duration, such as `4h` [default: 24h]
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,

    /// Same as `--duration`; a bare number is hours
    #[arg(long, value_name = "HOURS", conflicts_with = "duration")]
    pub lease_duration: Option<String>,

    /// Search for a start up to this much later
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,

    /// Permission to move the start.
    #[command(flatten)]
    pub shift: ShiftArgs,

    /// Use this active lease if it matches, instead of creating one: id or name
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// Equivalent client commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

impl LeaseCreateArgs {
    /// The options as those of a demand.
    pub fn demand(&self) -> DemandArgs {
        DemandArgs {
            name: Some(self.name.clone()),
            on: self.on.clone(),
            count: Some(self.amount.clone()),
            gpus: self.gpus.clone(),
            node_type: self.node_type.clone(),
            start: self.start.clone(),
            duration: self.duration.clone(),
            lease_duration: self.lease_duration.clone(),
            within: self.within.clone(),
            lease_name: self.lease_name.clone(),
            ..DemandArgs::default()
        }
    }
}

/// A lease to wait for.
#[derive(Debug, Args)]
pub struct LeaseWaitArgs {
    /// Lease: id, name, or deployment that created it
    #[arg(value_name = "LEASE")]
    pub name: String,

    /// Search only these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,

    /// Time limit
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = time_limit)]
    pub timeout: Duration,
}
