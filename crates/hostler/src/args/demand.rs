//! The flags that say what is wanted. They win over the demand file, as that wins over the scan.

use std::path::PathBuf;

use clap::Args;
use hostler_core::demand::overrides::Overrides;
use hostler_core::demand::{ReachRequest, Source, TermsRequest};

/// What is wanted, in flags. Their values are read by the same functions as a demand file's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "What is wanted (over what the demand file and the repository say)")]
pub struct DemandArgs {
    /// What the deployment is called
    #[arg(long, value_name = "NAME", visible_alias = "server-name")]
    pub name: Option<String>,

    /// Where, in order of preference: `local`, `chameleon/uc` (or `uc`), `any`; may be repeated
    #[arg(long, value_name = "SITE", value_delimiter = ',', visible_alias = "site")]
    pub on: Vec<String>,

    /// How many machines
    #[arg(long, value_name = "N")]
    pub count: Option<String>,

    /// Processors of each: `8`, or `8+` for at least so many
    #[arg(long, value_name = "N")]
    pub cpus: Option<String>,

    /// Memory of each: `16+`, in GiB, or with a unit
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,

    /// Disk of each: `50`, in GiB, or with a unit
    #[arg(long, value_name = "SIZE")]
    pub disk: Option<String>,

    /// Accelerators of each: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N")]
    pub gpus: Option<String>,

    /// The image to boot
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Exactly this node type (instance type, flavor)
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<String>,

    /// A TCP port or range to open; may be repeated
    #[arg(long, value_name = "PORT")]
    pub port: Vec<String>,

    /// How long the machines are kept: `4h`; until given back where nobody says
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,

    /// The same, where a bare number counts hours
    #[arg(long, value_name = "HOURS", conflicts_with = "duration")]
    pub lease_duration: Option<String>,

    /// From when on: `2025-10-30T20:00Z`, or `now`
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// The start may be later by so much
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,

    /// The most that all machines may cost an hour
    #[arg(long, value_name = "AMOUNT")]
    pub budget_per_hour: Option<String>,

    /// The most that it may cost in all
    #[arg(long, value_name = "AMOUNT")]
    pub budget: Option<String>,

    /// A variable for the scripts; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,

    /// A variable of your environment that the scripts get, and nobody else sees; may be repeated
    #[arg(long, value_name = "NAME")]
    pub secret: Vec<String>,

    /// A system package to install; may be repeated
    #[arg(long, value_name = "PACKAGE")]
    pub package: Vec<String>,

    /// The version of Python: `3.11`
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,

    /// What each machine is to have beside that: `system`, `python`, `conda`, `docker`, `gpu` or `ray`, with a word as in
    /// `ray=2.60.0` or `docker=off`; may be repeated
    #[arg(long, value_name = "PHASE[=WORD]", value_delimiter = ',')]
    pub phase: Vec<String>,

    /// A shell script that prepares each machine
    #[arg(long, value_name = "SCRIPT")]
    pub setup: Option<String>,

    /// A shell script that does the work
    #[arg(long, value_name = "SCRIPT")]
    pub run: Option<String>,

    /// A key that is registered at the site already: it is used, and stays; its private half is named by `--key-path`
    #[arg(long, value_name = "NAME", conflicts_with = "create_key", requires = "key_path")]
    pub key_name: Option<String>,

    /// The network to stand on, by its name at the site
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,

    /// Make no public address: the machines are reached at their own
    #[arg(long)]
    pub no_floating_ip: bool,

    /// What the lease is called at the site, beside its ticket
    #[arg(long, value_name = "NAME")]
    pub lease_name: Option<String>,
}

/// Which key pair logs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct KeyArgs {
    /// Make a key pair for this deployment, as is done anyway; `--key-path` then says where its private half goes, too
    #[arg(long)]
    pub create_key: bool,

    /// The private key to log in with, instead of one that is made; with `--create-key` a new file for that one
    #[arg(long, value_name = "FILE")]
    pub key_path: Option<PathBuf>,
}

/// As the users of earlier tools write it: a bare number counts hours.
fn hours(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}h") } else { text.to_owned() }
}

impl DemandArgs {
    /// The flags for the completion of a demand, with the repository that the command line names, if it does.
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
