//! `hostler key`, `network`, `ip` and `server`: single resources of a site.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::demand::{DemandArgs, KeyArgs};
use super::shared::{Consent, SshTimeout};

/// Resources to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// List all resources of the project, not only yours
    #[arg(long)]
    pub all: bool,

    /// List only these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,
}

/// A resource to show, or a machine whose console to print.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id or name at the site, or deployment that created it
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Search only these sites
    #[arg(long = "site", visible_alias = "on", value_name = "SITE", value_delimiter = ',')]
    pub on: Vec<String>,
}

/// A resource to delete.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Deployment that created it, or id at the site
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Succeed if it doesn't exist
    #[arg(long)]
    pub missing_ok: bool,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// `hostler key`.
#[derive(Debug, Args)]
pub struct KeypairArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: KeyVerb,
}

/// The command of `hostler key`.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Create a key pair and register its public key
    Create(KeyCreateArgs),
    /// Register an existing public key
    Import(KeyImportArgs),
    /// List your keys that hostler registered, or all your keys
    Ls(ListArgs),
    /// Delete a key that hostler registered
    Delete(DeleteArgs),
}

/// A key pair to create.
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// Name of the deployment that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Site to register it at
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// Write the private key to this new file, readable only by you
    #[arg(long, visible_alias = "key-path", value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// A public key to register.
#[derive(Debug, Args)]
pub struct KeyImportArgs {
    /// Name of the deployment that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Public key file
    #[arg(value_name = "FILE")]
    pub public_key: PathBuf,

    /// Site to register it at
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// `hostler network`.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: NetworkVerb,
}

/// The command of `hostler network`.
#[derive(Debug, Subcommand)]
pub enum NetworkVerb {
    /// List your networks, or all networks visible to the project
    Ls(ListArgs),
}

/// `hostler ip`.
#[derive(Debug, Args)]
pub struct IpArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: IpVerb,
}

/// The command of `hostler ip`.
#[derive(Debug, Subcommand)]
pub enum IpVerb {
    /// Create a public address, not attached to a machine
    Create(IpCreateArgs),
    /// List your addresses, or all addresses of the project
    Ls(ListArgs),
    /// Release an address that hostler created
    Release(DeleteArgs),
}

/// An address to create.
#[derive(Debug, Args)]
pub struct IpCreateArgs {
    /// Name of the deployment that it belongs to
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Site to create it at
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: String,

    /// External network to allocate from [default: the one used for machines]
    #[arg(long, value_name = "NETWORK")]
    pub pool: Option<String>,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// `hostler server`.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: ServerVerb,
}

/// The command of `hostler server`.
#[derive(Debug, Subcommand)]
pub enum ServerVerb {
    /// Launch machines without setting them up
    ///
    /// `hostler up NAME` sets them up later.
    Create(Box<ServerCreateArgs>),
    /// List your machines, or all machines of the project
    Ls(ListArgs),
    /// Show a machine
    Show(ShowArgs),
    /// Delete a deployment with its machines
    Delete(DeleteArgs),
    /// Print the last part of a machine's console
    Console(ShowArgs),
}

/// Machines to launch.
#[derive(Debug, Args)]
pub struct ServerCreateArgs {
    /// Name of the deployment that they belong to
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,

    /// Launch on this lease: id, name, or deployment that created it [default: a new one]
    #[arg(long, visible_alias = "reuse-lease", value_name = "LEASE")]
    pub lease: Option<String>,

    /// The key pair.
    #[command(flatten)]
    pub key: KeyArgs,

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
