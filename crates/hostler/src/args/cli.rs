//! The root of the command line: the main help and the commands.

use clap::{Parser, Subcommand};

use super::availability::AvailabilityArgs;
use super::deployment::{DeploymentArgs, DownArgs, ExtendArgs, HoldArgs, LogsArgs, LsArgs, StartArgs, SweepArgs};
use super::examples;
use super::fleet::{ExecArgs, SshArgs, SyncArgs};
use super::global::Global;
use super::image::ImageArgs;
use super::lease::LeaseArgs;
use super::record::{AuditArgs, CostReportArgs};
use super::resources::{IpArgs, KeypairArgs, NetworkArgs, ServerArgs};
use super::setup::SetupArgs;
use super::tools::{CheckArgs, CompletionsArgs, ManArgs};
use super::up::{AnalyzeArgs, ApplyArgs, PlanArgs, UpArgs};

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
{options}{after-help}";

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
    /// unknown to this computer, and resources of deployments whose records cannot be read are listed, and deleted only
    /// with `--ticket`.
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
