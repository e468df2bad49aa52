//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hostler_engine::operate::LaterStart;

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

/// SSH timeout of a new machine.
#[derive(Debug, Clone, Copy, Args)]
pub struct SshTimeout {
    /// Time limit for the first SSH login to each machine
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = time_limit, hide_short_help = true)]
    pub ssh_timeout: Duration,
}

/// Permission to move the start.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ShiftArgs {
    /// Accept a later start if the planned hosts are taken meanwhile
    #[arg(long)]
    pub allow_shift: bool,
}

impl ShiftArgs {
    /// The permission as a value of its own type.
    pub fn later_start(self) -> LaterStart {
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

/// Parses a time limit such as `90s` or `1h30m`.
pub(super) fn time_limit(text: &str) -> Result<Duration, String> {
    let duration = hostler_core::time::parse_duration(text).map_err(|error| error.to_string())?;
    Duration::try_from(duration).map_err(|error| error.to_string())
}
