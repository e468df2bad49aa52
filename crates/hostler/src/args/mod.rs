//! Command-line arguments. `docs/reference/cli.md`, the manual pages and the completions are generated from them.
//!
//! The first paragraph of a doc comment is the text of `-h`; `--help` shows all of it. Options that few users need are
//! hidden from `-h`.

mod availability;
mod demand;
pub mod examples;
mod fleet;
mod lease;
mod record;
mod resources;
mod setup;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use availability::AvailabilityArgs;
pub use demand::{DemandArgs, KeyArgs, as_flag};
pub use fleet::{ExecArgs, FleetArgs, Remote, SyncArgs, SyncFilterArgs, SyncVerb};
pub use lease::{LeaseArgs, LeaseCreateArgs, LeaseVerb, LeaseWaitArgs};
pub use record::{AuditArgs, CostReportArgs};
pub use resources::{
    ConsoleArgs, DeleteArgs, IpArgs, IpCreateArgs, IpVerb, KeyCreateArgs, KeyImportArgs, KeyVerb, KeypairArgs,
    ListArgs, NetworkArgs, NetworkVerb, ServerArgs, ServerCreateArgs, ServerVerb, ShowArgs,
};
pub use setup::SetupArgs;

use crate::output::Format;
use hostler_engine::operate::LaterStart;

/// Layout of the main help: commands by purpose, since clap lists them in one block.
const MAIN_HELP: &str = "\
{about-with-newline}
{usage-heading} {usage}

\u{1b}[1m\u{1b}[4mDeployments:\u{1b}[0m
  analyze       Show what a repository requires, with evidence
  plan          Preview machines, cost and steps; change nothing
  up            Bring up a deployment: plan, launch, set up, run
  apply         Execute a saved plan exactly
  status        Show one deployment in detail
  ls            List deployments
  setup         Run set-up phases again
  logs          Print the output of set-up and run
  extend        Extend the end of a deployment
  hold          Keep a deployment after a failure or its end
  stop          Shut down machines; keep their disks
  start         Start stopped machines
  down          Bring down deployments: delete their resources

\u{1b}[1m\u{1b}[4mMachines:\u{1b}[0m
  ssh           Log in to a machine with `ssh`
  exec          Run a command on machines in parallel
  sync          Synchronize a directory with machines

\u{1b}[1m\u{1b}[4mSites and resources:\u{1b}[0m
  check         Check each site and suggest fixes
  availability  Show free nodes, the earliest start, and current holders
  lease         Reserve hosts for a window, without launching machines
  server        Launch machines without setting them up
  key           Manage SSH public keys at a site
  ip            Manage public addresses
  network       List networks
  image         Manage images of local machines; list a site's images
  sweep         Find and delete orphaned resources
  audit         Show lease requests and what each site granted
  cost-report   Show the cost of current and past deployments

\u{1b}[1m\u{1b}[4mOther:\u{1b}[0m
  completions   Print a shell completion script
  man           Print the manual page, or write all pages to a directory
  help          Print help for a command

\u{1b}[1m\u{1b}[4mOptions:\u{1b}[0m
{options}

{after-help}";

/// Provision machines and set them up: local virtual machines, bare metal with reservations, OpenStack clouds, and your
/// own SSH hosts.
#[derive(Debug, Parser)]
#[command(
    name = "hostler",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    infer_long_args = false,
    help_template = MAIN_HELP,
    after_help = "Exit codes: 0 success, 1 not available (rolled back), 2 bad input, 3 failed (resources remain), 4 busy or \
                  stale, 5 site error, 6 timed out, 130 interrupted. Data goes to stdout, everything else to stderr."
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub verb: Verb,

    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Output format of stdout: `text`, `json` or `yaml`
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Format,

    /// Progress format of stderr: `auto` (bars on a terminal, else lines), `lines`, `json` or `none`
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub events: Events,

    /// Append every call to a site, with its duration, to this file as JSON lines
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub trace: Option<PathBuf>,

    /// Colour: `auto`, `always` or `never`; `auto` respects NO_COLOR and CLICOLOR
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub color: Colour,
}

/// Format of progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Events {
    /// Bars on a terminal, else lines
    #[default]
    Auto,
    /// One line per event, with the time
    Lines,
    /// One JSON document per event
    Json,
    /// No progress
    None,
}

/// Use of colour.
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

/// The command.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what a repository requires, with evidence
    ///
    /// Reads the repository's files, without running any of them. Each requirement is listed with the file and line
    /// that states it.
    Analyze(AnalyzeArgs),
    /// Preview machines, cost and steps; change nothing
    #[command(after_long_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Bring up a deployment: plan, launch, set up, run
    ///
    /// Shows the plan first, and asks for confirmation unless it costs nothing. A failed or interrupted first run is
    /// rolled back. The name of a live deployment resumes it; phases that are already done are skipped.
    #[command(after_long_help = examples::UP)]
    Up(UpArgs),
    /// Execute a saved plan exactly
    ///
    /// Fails with exit code 4 if the plan is stale: a chosen host is no longer free, or too much time has passed.
    Apply(ApplyArgs),
    /// Run set-up phases again
    ///
    /// Runs all phases, or those that `--only`, `--from` and `--skip` select. A phase whose check passes changes
    /// nothing.
    #[command(after_long_help = examples::SETUP)]
    Setup(SetupArgs),
    /// Show one deployment in detail
    Status(DeploymentArgs),
    /// List deployments
    Ls(LsArgs),
    /// Log in to a machine with `ssh`
    Ssh(SshArgs),
    /// Run a command on machines in parallel
    ///
    /// Exits with the largest exit status of the command. On machines of a deployment the command runs in `~/work`,
    /// with the repository's Python environment.
    #[command(after_long_help = examples::EXEC)]
    Exec(ExecArgs),
    /// Synchronize a directory with machines
    #[command(after_long_help = examples::SYNC)]
    Sync(SyncArgs),
    /// Print the output of set-up and run
    Logs(LogsArgs),
    /// Extend the end of a deployment
    Extend(ExtendArgs),
    /// Keep a deployment after a failure or its end
    ///
    /// A held deployment is neither rolled back nor swept.
    Hold(HoldArgs),
    /// Shut down machines; keep their disks
    Stop(DeploymentArgs),
    /// Start stopped machines
    Start(StartArgs),
    /// Bring down deployments: delete their resources
    #[command(after_long_help = examples::DOWN)]
    Down(DownArgs),
    /// Find and delete orphaned resources
    ///
    /// Orphans are resources with a ticket of hostler that no live deployment accounts for. Expired deployments, and
    /// those interrupted before the first login, are brought down too. Untracked resources, which belong to deployments
    /// unknown to this computer, are listed, and deleted only with `--ticket`.
    #[command(after_long_help = examples::SWEEP)]
    Sweep(SweepArgs),
    /// Check each site and suggest fixes
    Check(CheckArgs),
    /// Show free nodes, the earliest start, and current holders
    ///
    /// Exits with 0 if enough nodes are free at the start, 4 if only later, and 1 if not within the search window.
    #[command(after_long_help = examples::AVAILABILITY)]
    Availability(AvailabilityArgs),
    /// Manage images of local machines; list a site's images
    Image(ImageArgs),
    /// Reserve hosts for a window, without launching machines
    Lease(LeaseArgs),
    /// Manage SSH public keys at a site
    Key(KeypairArgs),
    /// List networks
    Network(NetworkArgs),
    /// Manage public addresses
    Ip(IpArgs),
    /// Launch machines without setting them up
    Server(ServerArgs),
    /// Show lease requests and what each site granted
    Audit(AuditArgs),
    /// Show the cost of current and past deployments
    CostReport(CostReportArgs),
    /// Print a shell completion script
    Completions(CompletionsArgs),
    /// Print the manual page, or write all pages to a directory
    Man(ManArgs),
}

/// A repository.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Directory, or git URL such as `https://example.org/owner/project@v1#subdirectory=training`
    #[arg(value_name = "SOURCE")]
    pub source: String,
}

/// A target and its options.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Demand file (`.yaml`), directory, git URL, or name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Save the plan to this file, for `hostler apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Launch on this active lease: id, name, or deployment that created it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// The key pair.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Equivalent client commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

    /// Resource options.
    #[command(flatten)]
    pub demand: DemandArgs,
}

/// A target and how to bring it up.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Demand file (`.yaml`), directory, git URL, or name of a live deployment
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// Keep machines after a failure or interrupt
    #[arg(long)]
    pub hold: bool,

    /// Accept a later start if the planned hosts are taken meanwhile
    #[arg(long)]
    pub allow_shift: bool,

    /// Launch on this active lease: id, name, or deployment that created it
    #[arg(long, value_name = "LEASE")]
    pub reuse_lease: Option<String>,

    /// The key pair.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Equivalent client commands.
    #[command(flatten)]
    pub commands: CommandsArgs,

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

impl UpArgs {
    /// Permission to move the start.
    pub fn shift(&self) -> LaterStart {
        if self.allow_shift { LaterStart::Accepted } else { LaterStart::Refused }
    }
}

/// The plan as commands of the site's own client.
#[derive(Debug, Clone, Default, Args)]
pub struct CommandsArgs {
    /// Print the equivalent `openstack` command of each step
    #[arg(long, hide_short_help = true)]
    pub show_commands: bool,

    /// Write the equivalent commands to a script; run it with `sh FILE up` and `sh FILE down`
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub script: Option<PathBuf>,
}

/// SSH timeout of a new machine.
#[derive(Debug, Clone, Copy, Args)]
pub struct SshTimeout {
    /// Time limit for the first SSH login to each machine
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = patience, hide_short_help = true)]
    pub ssh_timeout: Duration,
}

pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let duration = hostler_core::time::parse_duration(text).map_err(|error| error.to_string())?;
    Duration::try_from(duration).map_err(|error| error.to_string())
}

fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err("a SHA-256 digest has 64 hexadecimal digits, as printed by `sha256sum FILE`".to_owned())
}

/// Confirmation of a change.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Consent {
    /// Skip the confirmation
    #[arg(short, long)]
    pub yes: bool,

    /// Show what would change; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A saved plan.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Plan file written by `hostler plan --out` or `hostler plan -o json`
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// SSH timeout.
    #[command(flatten)]
    pub timeout: SshTimeout,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
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

/// A machine to log in to.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Machine [default: the first]
    #[arg(value_name = "MACHINE")]
    pub machine: Option<String>,

    /// Command to run on the machine, passed to `ssh`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
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
    /// Also delete resources with this ticket of an untracked deployment; repeatable
    #[arg(long, value_name = "TICKET")]
    pub ticket: Vec<String>,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// Sites to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Sites [default: all]
    #[arg(value_name = "SITE")]
    pub sites: Vec<String>,
}

/// `hostler image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: ImageVerb,
}

/// The command of `hostler image`.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Build a local image from a distribution's packages
    Build(ImageBuildArgs),
    /// Import a disk image from a file or a URL
    Add(ImageAddArgs),
    /// List images of this computer or of a site
    Ls(ImageLsArgs),
    /// Delete a local image that no machine uses
    Rm(ImageRmArgs),
}

/// Images to list.
#[derive(Debug, Args)]
pub struct ImageLsArgs {
    /// List this site's images, such as `chameleon/uc` or `uc` [default: images of this computer]
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: Option<String>,

    /// Explain the choice for this image name, or system such as `ubuntu-22.04`
    #[arg(long = "for", value_name = "IMAGE", requires = "site")]
    pub image: Option<String>,

    /// Explain the choice for machines with GPUs: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N", requires = "site")]
    pub gpus: Option<String>,

    /// Explain the choice for machines of this node type
    #[arg(long, value_name = "TYPE", requires = "site")]
    pub node_type: Option<String>,
}

/// An image to build.
#[derive(Debug, Args)]
pub struct ImageBuildArgs {
    /// Distribution and release
    #[arg(value_name = "NAME", default_value = "debian-12")]
    pub name: String,
}

/// An image to import.
#[derive(Debug, Args)]
pub struct ImageAddArgs {
    /// Name of the new image
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Disk image: file or `https` URL
    #[arg(value_name = "FILE|URL")]
    pub from: String,

    /// Expected SHA-256 digest, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: String,

    /// Login user of the image
    #[arg(long, default_value = "debian", value_name = "USER")]
    pub user: String,
}

/// An image to delete.
#[derive(Debug, Args)]
pub struct ImageRmArgs {
    /// Image
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

/// A shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Destination of the manual pages.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn main_help_lists_every_command_with_its_summary() {
        for verb in Cli::command().get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let line = format!("\n  {:13} {about}\n", verb.get_name());
            assert!(MAIN_HELP.contains(&line), "{line}");
            assert!(line.trim_end().chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn help_texts_are_capitalised_fragments() {
        fn check(command: &clap::Command) {
            let texts = command.get_arguments().filter_map(|arg| arg.get_help().map(ToString::to_string));
            for text in texts.chain(command.get_about().map(ToString::to_string)) {
                let first = text.chars().next().unwrap_or_default();
                assert!(first.is_uppercase() && !text.ends_with('.'), "{}: {text}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        Cli::command().get_subcommands().for_each(check);
    }
}
