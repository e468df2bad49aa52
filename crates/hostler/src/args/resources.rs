//! `hostler key`, `network`, `ip` and `server`: single things of a site.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Consent, DemandArgs, KeyArgs, Patience};

/// Which things to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// All that the project has, not only ours
    #[arg(long)]
    pub all: bool,

    /// Only at these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,
}

/// A thing to show.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Its id or name at the site, or the deployment that made it
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Only at these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,
}

/// A thing to give back.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The deployment that made it, or its id at the site
    #[arg(value_name = "NAME")]
    pub name: String,

    /// It is fine where there is no such thing
    #[arg(long)]
    pub missing_ok: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// What to do with keys.
#[derive(Debug, Args)]
pub struct KeypairArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: KeyVerb,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Make a key pair, and register its public half
    Create(KeyCreateArgs),
    /// Register a public key of your own
    Import(KeyImportArgs),
    /// List our keys, or all that you have registered
    Ls(ListArgs),
    /// Remove a key of ours from its site
    Delete(DeleteArgs),
}

/// A key pair to make.
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// What the deployment is called that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Where it is registered
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// A new file for the private half, which only you can read
    #[arg(long, visible_alias = "key-path", value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// A public key to register.
#[derive(Debug, Args)]
pub struct KeyImportArgs {
    /// What the deployment is called that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The file of the public key
    #[arg(value_name = "FILE")]
    pub public_key: PathBuf,

    /// Where it is registered
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// What to do with networks.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: NetworkVerb,
}

/// What to do with networks.
#[derive(Debug, Subcommand)]
pub enum NetworkVerb {
    /// List our networks, or all that the project sees
    Ls(ListArgs),
}

/// What to do with public addresses.
#[derive(Debug, Args)]
pub struct IpArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: IpVerb,
}

/// What to do with public addresses.
#[derive(Debug, Subcommand)]
pub enum IpVerb {
    /// Take a public address, which leads nowhere yet
    Create(IpCreateArgs),
    /// List our addresses, or all that the project has
    Ls(ListArgs),
    /// Give back what a deployment of ours has
    Release(DeleteArgs),
}

/// An address to take.
#[derive(Debug, Args)]
pub struct IpCreateArgs {
    /// What the deployment is called that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Where it is taken
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// The external network that it comes from; where machines have theirs from where not said
    #[arg(long, value_name = "NETWORK")]
    pub pool: Option<String>,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// What to do with machines.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: ServerVerb,
}

/// What to do with machines.
#[derive(Debug, Subcommand)]
pub enum ServerVerb {
    /// Launch machines, and don't set them up: `hostler up NAME` does that later
    Create(Box<ServerCreateArgs>),
    /// List our machines, or all that the project has
    Ls(ListArgs),
    /// Show one machine
    Show(ShowArgs),
    /// Give back a deployment of ours with its machines
    Delete(DeleteArgs),
    /// Show the end of a machine's console
    Console(ConsoleArgs),
}

/// Machines to launch.
#[derive(Debug, Args)]
pub struct ServerCreateArgs {
    /// What the deployment is called that they belong to
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,

    /// The lease to launch on: its id or name, or the deployment that made it; one is made where none is named
    #[arg(long, visible_alias = "reuse-lease", value_name = "LEASE")]
    pub lease: Option<String>,

    /// Which key pair logs in.
    #[command(flatten)]
    pub key: KeyArgs,

    /// How long machines may take.
    #[command(flatten)]
    pub patience: Patience,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,

    /// What is wanted.
    #[command(flatten)]
    pub demand: DemandArgs,
}

/// A machine whose console is read.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Its id or name at the site, or the deployment that made it
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Only at these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,
}
