//! The command line, as clap sees it. `docs/reference/cli.md`, the man pages and the completions are made from it.

mod availability;
mod demand;
mod fleet;
mod lease;
mod record;
mod resources;
mod setup;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use availability::AvailabilityArgs;
pub use demand::{DemandArgs, KeyArgs};
pub use fleet::{ExecArgs, FleetArgs, Remote, SyncArgs, SyncWhat, Way};
pub use lease::{LeaseArgs, LeaseCreateArgs, LeaseVerb, LeaseWaitArgs};
pub use record::{AuditArgs, CostReportArgs};
pub use resources::{
    ConsoleArgs, DeleteArgs, IpArgs, IpCreateArgs, IpVerb, KeyCreateArgs, KeyImportArgs, KeyVerb, KeypairArgs,
    ListArgs, NetworkArgs, NetworkVerb, ServerArgs, ServerCreateArgs, ServerVerb, ShowArgs,
};
pub use setup::SetupArgs;

use crate::attempts::Shift;
use crate::output::Format;

/// From a repository, or a list of demands, to machines you can log in to.
#[derive(Debug, Parser)]
#[command(
    name = "hostler",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    infer_long_args = false,
    after_help = "Exit codes: 0 done, 1 not had (all given back), 2 bad input, 3 something is left behind, 4 not now, 5 a site \
                  refused, 6 timed out, 130 interrupted. Data goes to stdout, everything else to stderr."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,

    /// What goes for every command.
    #[command(flatten)]
    pub global: Global,
}

/// What goes for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// How data is written to stdout: `text`, `json` or `yaml`
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Format,

    /// How progress is written to stderr: `auto` (bars on a terminal, lines off it), `lines`, `json` or `none`
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW", hide_possible_values = true)]
    pub events: Events,

    /// Write every call to a site, with its time, to the end of this file, as JSON lines
    #[arg(long, global = true, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// When to use colour: `auto`, `always` or `never`; NO_COLOR and CLICOLOR are heeded
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", hide_possible_values = true)]
    pub color: Colour,
}

/// How progress is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Events {
    /// Bars on a terminal, lines off it
    #[default]
    Auto,
    /// A line with the time for everything that happens
    Lines,
    /// A JSON document in a line for everything that happens
    Json,
    /// Nothing
    None,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what a repository needs, and which lines of it say so
    Analyze(AnalyzeArgs),
    /// Show which machines would be had, at what cost, and why not others; changes nothing
    Plan(PlanArgs),
    /// Bring machines up: plan, launch, set up, run; goes on where an earlier run stopped
    Up(UpArgs),
    /// Do exactly what a stored plan says
    Apply(ApplyArgs),
    /// Set the machines of a deployment up again: all phases, or some of them; what is right already is left alone
    Setup(SetupArgs),
    /// Show all about a deployment
    Status(OneArgs),
    /// List the deployments
    Ls(LsArgs),
    /// Log in to a machine, or run a command there, by your own `ssh`
    Ssh(SshArgs),
    /// Run a command on the machines of a deployment, side by side
    Exec(ExecArgs),
    /// Make directories here and on machines alike, by sending what differs
    Sync(SyncArgs),
    /// Show what the set-up and the run wrote
    Logs(LogsArgs),
    /// Move the end of a deployment
    Extend(ExtendArgs),
    /// Keep a deployment though it failed or its time is over
    Hold(HoldArgs),
    /// Shut the machines down, and keep their disks
    Stop(OneArgs),
    /// Start machines that were shut down
    Start(StartArgs),
    /// Give everything back
    Down(DownArgs),
    /// Find what is ours and forgotten, and delete it
    Sweep(SweepArgs),
    /// Check that the sites can be used, and say what to do where they can't
    Check(CheckArgs),
    /// Show which nodes can be had when, the earliest start, and who holds them
    Availability(AvailabilityArgs),
    /// Make, add, list and remove the images that local machines boot
    Image(ImageArgs),
    /// Hold hosts for a window: make, list, show, extend, await and give back leases
    Lease(LeaseArgs),
    /// Make, register, list and remove public keys at a site
    Key(KeypairArgs),
    /// List the networks of a site
    Network(NetworkArgs),
    /// List public addresses, and give them back
    Ip(IpArgs),
    /// Launch machines without setting them up; list, show and remove them; read their consoles
    Server(ServerArgs),
    /// Show what was asked of which site about leases, and what was granted
    Audit(AuditArgs),
    /// Show what deployments cost, live and closed
    CostReport(CostReportArgs),
    /// Write a completion script for a shell to stdout
    Completions(CompletionsArgs),
    /// Write the manual page to stdout, or all pages to a directory
    Man(ManArgs),
}

/// A repository.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// A folder, or a git URL, as `https://example.org/owner/project@v1#subdirectory=training`
    #[arg(value_name = "SOURCE")]
    pub source: String,
}

/// What is wanted.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A demand file (`.yaml`), a folder, a git URL, or the name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Write the plan to this file, for `hostler apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Launch on this lease, which runs already: its id or name, or the deployment that made it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// Which key pair logs in.
    #[command(flatten)]
    pub key: KeyArgs,

    /// The same as commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// What is wanted.
    #[command(flatten)]
    pub demand: DemandArgs,
}

/// What is wanted, and whether to ask.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// A demand file (`.yaml`), a folder, a git URL, or the name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Keep the machines even where something fails, or it is interrupted
    #[arg(long)]
    pub hold: bool,

    /// Take a later start where somebody else takes what was planned
    #[arg(long)]
    pub allow_shift: bool,

    /// Launch on this lease, which runs already: its id or name, or the deployment that made it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// Which key pair logs in.
    #[command(flatten)]
    pub key: KeyArgs,

    /// The same as commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

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

impl UpArgs {
    /// Whether the start may move.
    pub fn shift(&self) -> Shift {
        if self.allow_shift { Shift::Allowed } else { Shift::Refused }
    }
}

/// The steps of a plan as commands of the site's own client.
#[derive(Debug, Clone, Default, Args)]
pub struct CommandsArgs {
    /// Show the equivalent commands of the site's own client (`openstack …`) for every step
    #[arg(long)]
    pub show_commands: bool,

    /// Write them to this file, as a script that can be run: `sh FILE up`, `sh FILE down`
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

/// How long machines may take.
#[derive(Debug, Clone, Copy, Args)]
pub struct Patience {
    /// How long a machine may take until it can be logged in to
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = patience)]
    pub ssh_timeout: Duration,
}

pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let duration = hostler_core::time::duration(text).map_err(|error| error.to_string())?;
    Duration::try_from(duration).map_err(|error| error.to_string())
}

fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err("a SHA-256 is 64 hexadecimal digits, as `sha256sum FILE` prints them".to_owned())
}

/// Whether to ask, and whether to do it at all.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Consent {
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,

    /// Show what would be done, and change nothing anywhere
    #[arg(long)]
    pub dry_run: bool,
}

/// A stored plan.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A plan, as `hostler plan --out` or `hostler plan -o json` wrote it
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// How long machines may take.
    #[command(flatten)]
    pub patience: Patience,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// A deployment to start.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// How long machines may take.
    #[command(flatten)]
    pub patience: Patience,
}

/// One deployment.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Which deployments to list.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only those at these sites
    #[arg(long, value_name = "SITE")]
    pub on: Vec<String>,
}

/// A machine to log in to.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The machine; the first where none is named
    #[arg(value_name = "MACHINE")]
    pub machine: Option<String>,

    /// A command to run there, as `ssh` takes it
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Which logs.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Only this step, as `hostler status` lists it
    #[arg(value_name = "STEP")]
    pub step: Option<String>,

    /// Only the end: so many lines
    #[arg(short = 'n', long, value_name = "LINES")]
    pub lines: Option<usize>,

    /// Go on as more is written, until nobody works on the deployment
    #[arg(short, long)]
    pub follow: bool,
}

/// A new end.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// So much longer than its end is now, as `4h` or `1h30m`
    #[arg(value_name = "DURATION", required_unless_present_any = ["until", "open_end"])]
    pub duration: Option<String>,

    /// To this time, as `2025-10-30T20:00Z`
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    pub until: Option<String>,

    /// Until it is given back
    #[arg(long, conflicts_with_all = ["duration", "until"])]
    pub open_end: bool,
}

/// Whether to keep.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Let it go again
    #[arg(long)]
    pub release: bool,
}

/// What to give back.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// The deployments
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<String>,

    /// All deployments
    #[arg(long, conflicts_with = "names")]
    pub all: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// What to sweep.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Delete also what bears this ticket of a deployment that isn't known here; may be repeated
    #[arg(long, value_name = "TICKET")]
    pub ticket: Vec<String>,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// Which sites to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only these sites
    #[arg(value_name = "SITE")]
    pub sites: Vec<String>,
}

/// What to do with images.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: ImageVerb,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Make an image from a distribution's packages, as `debian-12`
    Build(ImageBuildArgs),
    /// Take in a disk image from a file or a URL
    Add(ImageAddArgs),
    /// List the images here, or those of a site; and which of them would be booted
    Ls(ImageLsArgs),
    /// Remove an image that no machine stands on
    Rm(ImageRmArgs),
}

/// Which images to list.
#[derive(Debug, Args)]
pub struct ImageLsArgs {
    /// Those of this site, as `chameleon/uc` (or `uc`); those here where not said
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: Option<String>,

    /// Say which would do for this wish, and which would be booted: a name, or a system as `ubuntu-22.04`
    #[arg(long = "for", value_name = "IMAGE", requires = "site")]
    pub wish: Option<String>,

    /// The same, for machines with accelerators: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N", requires = "site")]
    pub gpus: Option<String>,

    /// The same, for machines of this node type
    #[arg(long, value_name = "TYPE", requires = "site")]
    pub node_type: Option<String>,
}

/// An image to make.
#[derive(Debug, Args)]
pub struct ImageBuildArgs {
    /// Which one
    #[arg(value_name = "NAME", default_value = "debian-12")]
    pub name: String,
}

/// An image to take in.
#[derive(Debug, Args)]
pub struct ImageAddArgs {
    /// What it is to be called
    #[arg(value_name = "NAME")]
    pub name: String,

    /// A disk image: a file, or an `https` URL
    #[arg(value_name = "FILE|URL")]
    pub from: String,

    /// The SHA-256 that it must have, in hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: String,

    /// The user to log in as
    #[arg(long, default_value = "debian", value_name = "USER")]
    pub user: String,
}

/// An image to remove.
#[derive(Debug, Args)]
pub struct ImageRmArgs {
    /// Which one
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
}

/// A shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Where manual pages go.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for every command to this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}
