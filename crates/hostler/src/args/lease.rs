//! `hostler lease`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{CommandsArgs, Consent, DeleteArgs, DemandArgs, ExtendArgs, ListArgs, ShowArgs};
use crate::attempts::Shift;

/// What to do with leases.
#[derive(Debug, Args)]
pub struct LeaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: LeaseVerb,
}

/// What to do with leases.
#[derive(Debug, Subcommand)]
pub enum LeaseVerb {
    /// Make a lease, and nothing else: `hostler up NAME` launches on it later, `hostler down NAME` gives it back
    Create(Box<LeaseCreateArgs>),
    /// List our leases, or all that the project has
    Ls(ListArgs),
    /// Show one lease: its window, its hosts, and whose it is
    Show(ShowArgs),
    /// Move the end of a lease of ours
    Extend(ExtendArgs),
    /// Give a lease of ours back, and all that stands on it
    Delete(DeleteArgs),
    /// Wait until a lease has begun
    Wait(LeaseWaitArgs),
}

/// A lease to make.
#[derive(Debug, Args)]
pub struct LeaseCreateArgs {
    /// What the deployment is called that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// What it is called at the site, beside its ticket; as the deployment where not said
    #[arg(long = "lease-name", alias = "name", value_name = "NAME")]
    pub lease_name: Option<String>,

    /// Where, in order of preference: `chameleon/uc` (or `uc`); may be repeated
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,

    /// Exactly this node type
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<String>,

    /// Accelerators of each host: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N")]
    pub gpus: Option<String>,

    /// Only this host, by the site's name for it; may be repeated
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub host: Vec<String>,

    /// Only hosts that fit, by what they have: `gpu_count>=4 and ram>=256GiB`, as in `hostler availability`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,

    /// How many hosts
    #[arg(long, value_name = "N", default_value = "1")]
    pub amount: String,

    /// From when on: `2025-10-30T20:00Z`, or `now`
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// For how long: `4h`; a day where nobody says
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,

    /// The same, where a bare number counts hours
    #[arg(long, value_name = "HOURS", conflicts_with = "duration")]
    pub lease_duration: Option<String>,

    /// The start may be later by so much
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,

    /// Take a later start where somebody else takes what was planned
    #[arg(long)]
    pub allow_shift: bool,

    /// Make none where this lease runs already and would do: its id or name
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// The same as commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

impl LeaseCreateArgs {
    /// The same as the flags of a demand.
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

    /// Whether the start may move.
    pub fn shift(&self) -> Shift {
        if self.allow_shift { Shift::Allowed } else { Shift::Refused }
    }
}

/// A lease to wait for.
#[derive(Debug, Args)]
pub struct LeaseWaitArgs {
    /// Its id or name, or the deployment that made it
    #[arg(value_name = "LEASE")]
    pub name: String,

    /// Only at these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,

    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = super::patience)]
    pub timeout: Duration,
}
