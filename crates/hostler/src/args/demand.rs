//! Resource options. They override the demand file, which overrides the scan of the repository.

use std::path::PathBuf;

use clap::Args;
use hostler_core::demand::overrides::Overrides;
use hostler_core::demand::{OverrideKey, ReachRequest, Source, TermsRequest};

/// Resource options as text. `core::demand` parses them with the functions that parse a demand file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Resource options (override the demand file)")]
pub struct DemandArgs {
    /// Deployment name
    #[arg(long, value_name = "NAME", visible_alias = "server-name")]
    pub name: Option<String>,

    /// Sites in order of preference: `local`, `chameleon/uc` (or `uc`), `any`; repeatable
    #[arg(long, value_name = "SITE", value_delimiter = ',', visible_alias = "site")]
    pub on: Vec<String>,

    /// Number of machines
    #[arg(long, value_name = "N")]
    pub count: Option<String>,

    /// CPUs per machine: `8`, or `8+` for at least 8
    #[arg(long, value_name = "N")]
    pub cpus: Option<String>,

    /// Memory per machine: `16+` in GiB, or with a unit
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,

    /// Disk per machine: `50` in GiB, or with a unit
    #[arg(long, value_name = "SIZE")]
    pub disk: Option<String>,

    /// GPUs per machine: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N")]
    pub gpus: Option<String>,

    /// Image to boot: name, or system such as `ubuntu-22.04`
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Node type (instance type, flavor), matched exactly
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<String>,

    /// TCP port or range to open; repeatable
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    pub port: Vec<String>,

    /// Lifetime, such as `4h` [default: until `hostler down`; 24h where hosts are leased]
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,

    /// Same as `--duration`; a bare number is hours
    #[arg(long, value_name = "HOURS", conflicts_with = "duration", hide_short_help = true)]
    pub lease_duration: Option<String>,

    /// Earliest start: `2025-10-30T20:00Z` or `now`
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Search for a start up to this much later
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,

    /// Maximum price per hour for all machines together
    #[arg(long, value_name = "MAX")]
    pub budget_per_hour: Option<String>,

    /// Maximum total price
    #[arg(long, value_name = "MAX")]
    pub budget: Option<String>,

    /// Environment variable for scripts; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,

    /// Secret for scripts, read from your environment, never stored or logged; repeatable
    #[arg(long, value_name = "NAME")]
    pub secret: Vec<String>,

    /// System package to install; repeatable
    #[arg(long, value_name = "PACKAGE")]
    pub package: Vec<String>,

    /// Python version of the repository's environment, such as `3.11`
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,

    /// Set-up phases: `system`, `python`, `conda`, `docker`, `gpu`, `ray`; repeatable
    ///
    /// A value selects a version or turns a phase off: `ray=2.60.0`, `docker=off`. Separate several with commas.
    #[arg(long, value_name = "PHASE[=VALUE]", value_delimiter = ',')]
    pub phase: Vec<String>,

    /// Shell script that prepares each machine
    #[arg(long, value_name = "SCRIPT")]
    pub setup: Option<String>,

    /// Shell script that does the work
    #[arg(long, value_name = "SCRIPT")]
    pub run: Option<String>,

    /// Use this key registered at the site; `--key-path` names its private half
    #[arg(long, value_name = "NAME", conflicts_with = "create_key", requires = "key_path", hide_short_help = true)]
    pub key_name: Option<String>,

    /// Existing network to attach machines to
    #[arg(long, value_name = "NETWORK", hide_short_help = true)]
    pub network: Option<String>,

    /// Create no public address; reach machines at their private addresses
    #[arg(long, hide_short_help = true)]
    pub no_floating_ip: bool,

    /// Name of the lease at the site
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub lease_name: Option<String>,
}

/// The key pair to log in with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct KeyArgs {
    /// Create a new key pair (default); with `--key-path`, also write its private half there
    #[arg(long, hide_short_help = true)]
    pub create_key: bool,

    /// Existing private key to log in with; with `--create-key`, the file to write
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub key_path: Option<PathBuf>,
}

/// A bare number counts hours, for users of earlier tools.
fn hours(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}h") } else { text.to_owned() }
}

impl DemandArgs {
    /// The options as overrides of a demand; `source` is the repository named on the command line, if any.
    pub fn overrides(&self, source: Option<Source>) -> Overrides {
        let flags = self.clone();
        Overrides {
            source,
            name: flags.name,
            on: flags.on,
            count: flags.count,
            cpus: flags.cpus,
            memory: flags.memory,
            disk: flags.disk,
            gpus: flags.gpus,
            image: flags.image,
            node_type: flags.node_type,
            ports: flags.port,
            duration: flags.duration.or_else(|| flags.lease_duration.as_deref().map(hours)),
            start: flags.start,
            within: flags.within,
            per_hour: flags.budget_per_hour,
            total: flags.budget,
            envs: flags.env,
            secrets: flags.secret,
            packages: flags.package,
            python: flags.python,
            phases: flags.phase,
            setup: flags.setup,
            run: flags.run,
            terms: TermsRequest {
                keypair: flags.key_name,
                network: flags.network,
                reach: if flags.no_floating_ip { ReachRequest::Direct } else { ReachRequest::AsOffered },
                lease_name: flags.lease_name,
            },
        }
    }
}

/// Spells an override as the flag that sets it, with its value if given.
pub fn as_flag(key: OverrideKey, value: Option<&str>) -> String {
    let flag = match key {
        OverrideKey::Source => "SOURCE".to_owned(),
        other => format!("--{}", other.name().replace('_', "-")),
    };
    match value {
        Some(value) => format!("{flag} {value}"),
        None => flag,
    }
}
