//! Exit codes and kinds of errors. The tables of `docs/errors.md` are generated from this file; a test compares them.

use serde::Serialize;

/// Exit codes. Scripts rely on them: a code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Success.
    Done = 0,
    /// Not available, failed or declined; everything created on the way was deleted.
    Unavailable = 1,
    /// Unusable command line, configuration or other input. Nothing was changed.
    Input = 2,
    /// Failed, and resources remain. They are listed, because they may cost money.
    Remaining = 3,
    /// Busy or stale. The earliest time is given where it is known.
    NotNow = 4,
    /// A site reported an error or did not answer.
    Site = 5,
    /// A time limit passed.
    TimedOut = 6,
    /// Interrupted by Ctrl-C or a signal; everything created on the way was deleted.
    Interrupted = 130,
}

impl Exit {
    /// All exit codes, in ascending order.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Unavailable,
        Self::Input,
        Self::Remaining,
        Self::NotNow,
        Self::Site,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning, as a fragment for users.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "success",
            Self::Unavailable => "not available, failed or not confirmed; everything created on the way was deleted",
            Self::Input => "unusable command line, configuration or other input; nothing was changed",
            Self::Remaining => "failed, and resources remain: they are listed, because they may cost money",
            Self::NotNow => "busy or stale; the earliest time is given where it is known",
            Self::Site => "a site reported an error or did not answer",
            Self::TimedOut => "a time limit passed",
            Self::Interrupted => "interrupted by Ctrl-C or a signal; everything created on the way was deleted",
        }
    }
}

/// Kind of an error: `error.kind` in JSON output. A kind never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No offer meets the demand.
    NoOffer,
    /// A step failed, and everything was deleted.
    RolledBack,
    /// The user answered no.
    Declined,
    /// A confirmation is needed, and there is no terminal to ask on.
    Unconfirmed,
    /// Unknown or contradictory arguments.
    Usage,
    /// Unusable configuration file or environment variable.
    Config,
    /// Unusable demand or plan file.
    Demand,
    /// The repository can't be fetched or read.
    Source,
    /// Unusable inventory files.
    Inventory,
    /// No deployment, machine, step, site or image has this name.
    NotFound,
    /// The deployment belongs to another account than the current credentials.
    WrongAccount,
    /// The requested change of a live deployment needs new machines.
    IncompatibleChange,
    /// Not possible in the deployment's current state.
    InvalidState,
    /// The local system refused a file, program or terminal operation.
    System,
    /// The deployment can't proceed by itself.
    Stuck,
    /// The machines are ready, but the user's `run` script failed.
    RunFailed,
    /// Interrupted, and resources were kept.
    Halted,
    /// Another process is changing the deployment.
    Busy,
    /// The plan no longer matches the sites' offers.
    Stale,
    /// Matching offers exist, but are busy or in maintenance.
    NotNow,
    /// A site reported an error or did not answer.
    Site,
    /// A time limit passed.
    TimedOut,
    /// Interrupted by Ctrl-C or a signal, and everything was deleted.
    Interrupted,
}

impl ErrorKind {
    /// All kinds, in the order of their exit codes.
    pub const ALL: [Self; 23] = [
        Self::NoOffer,
        Self::RolledBack,
        Self::Declined,
        Self::Unconfirmed,
        Self::Usage,
        Self::Config,
        Self::Demand,
        Self::Source,
        Self::Inventory,
        Self::NotFound,
        Self::WrongAccount,
        Self::IncompatibleChange,
        Self::InvalidState,
        Self::System,
        Self::Stuck,
        Self::RunFailed,
        Self::Halted,
        Self::Busy,
        Self::Stale,
        Self::NotNow,
        Self::Site,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The exit code.
    pub fn exit(self) -> Exit {
        match self {
            Self::NoOffer | Self::RolledBack | Self::Declined | Self::Unconfirmed => Exit::Unavailable,
            Self::Usage | Self::Config | Self::Demand | Self::Source | Self::NotFound => Exit::Input,
            Self::Inventory | Self::WrongAccount | Self::IncompatibleChange | Self::InvalidState | Self::System => {
                Exit::Input
            }
            Self::Stuck | Self::RunFailed | Self::Halted => Exit::Remaining,
            Self::Busy | Self::Stale | Self::NotNow => Exit::NotNow,
            Self::Site => Exit::Site,
            Self::TimedOut => Exit::TimedOut,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Order of severity: the exit code of several failures is that of the most severe. Remaining resources come first.
    pub fn severity(self) -> impl Ord {
        (self.exit() == Exit::Remaining, self.exit())
    }

    /// The name in JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoOffer => "no_offer",
            Self::RolledBack => "rolled_back",
            Self::Declined => "declined",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Demand => "demand",
            Self::Source => "source",
            Self::Inventory => "inventory",
            Self::NotFound => "not_found",
            Self::Unconfirmed => "unconfirmed",
            Self::WrongAccount => "wrong_account",
            Self::IncompatibleChange => "incompatible_change",
            Self::InvalidState => "invalid_state",
            Self::System => "system",
            Self::Stuck => "stuck",
            Self::RunFailed => "run_failed",
            Self::Halted => "halted",
            Self::Busy => "busy",
            Self::Stale => "stale",
            Self::NotNow => "not_now",
            Self::Site => "site",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }

    /// The meaning, as a fragment for users.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NoOffer => "no offer meets the demand; the error lists each offer checked and its unmet requirements",
            Self::RolledBack => "a step failed before the deployment was ready; everything was deleted",
            Self::Declined => "you answered no",
            Self::Usage => "unknown or contradictory arguments",
            Self::Config => "the configuration file or an environment variable is unusable",
            Self::Demand => "a demand or plan file is unusable; the error gives line and column",
            Self::Source => "the repository can't be fetched or read",
            Self::Inventory => "inventory or calendar files are unusable; the error gives file, line and column",
            Self::NotFound => "no deployment, machine, step, site or image has this name",
            Self::Unconfirmed => "the command needs a confirmation, and there is no terminal to ask on",
            Self::WrongAccount => "the deployment belongs to another project or user than the current credentials",
            Self::IncompatibleChange => "the requested change of a live deployment needs new machines",
            Self::InvalidState => "not possible in the deployment's current state",
            Self::System => "the local system refused a file, program or terminal operation",
            Self::Stuck => {
                "the deployment can't proceed by itself; the error lists remaining resources, sites and prices"
            }
            Self::RunFailed => "the machines are ready, but the `run` script failed on at least one",
            Self::Halted => "interrupted; resources were kept and are listed",
            Self::Busy => "another hostler process is changing this deployment",
            Self::Stale => "the plan no longer matches the sites' offers",
            Self::NotNow => "matching offers exist, but are busy or in maintenance",
            Self::Site => "a site reported an error or did not answer",
            Self::TimedOut => "a time limit passed",
            Self::Interrupted => "interrupted by Ctrl-C or a signal; everything was deleted",
        }
    }

    /// Advice for users. The hints of an error are more specific.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoOffer => "follow the hint: relax the named requirement, or configure another site",
            Self::RolledBack => "read the cause, then run `hostler up` again; `--hold` keeps machines for inspection",
            Self::Declined => "nothing",
            Self::Unconfirmed => "pass `--yes` in scripts",
            Self::Usage => "see `hostler COMMAND --help`",
            Self::Config => "correct the named file or variable",
            Self::Demand => "correct the named line; [demand.md](reference/demand.md) lists all keys",
            Self::Source => "check the path or URL, and that `git clone` works without a password prompt",
            Self::Inventory => "fetch the file again, or check that it is the right one",
            Self::NotFound => "check the spelling; `hostler ls` lists deployments",
            Self::WrongAccount => {
                "select the credentials that created it: set `OS_CLOUD`, or source the other openrc file"
            }
            Self::IncompatibleChange => "bring the deployment down first, or choose another name",
            Self::InvalidState => "see `hostler status NAME`",
            Self::System => "check permissions and free space of the named path",
            Self::Stuck => "run `hostler up NAME` to resume, or `hostler down NAME` to delete the rest",
            Self::RunFailed => "read `hostler logs NAME`, correct the script, run `hostler up NAME`",
            Self::Halted => "run `hostler up NAME` to resume, or `hostler down NAME` to delete the rest",
            Self::Busy => "wait for the other process; `hostler status NAME` shows its progress",
            Self::Stale => "create a new plan with `hostler plan`",
            Self::NotNow => "retry at the given time, or pass `--within DURATION` to search for a later start",
            Self::Site => "run `hostler check SITE`",
            Self::TimedOut => "retry, or raise the limit (`--ssh-timeout`, `--timeout`, `setup_phases.timeouts`)",
            Self::Interrupted => "nothing",
        }
    }
}

/// The two generated tables of `docs/errors.md`, in Markdown: exit codes and kinds.
pub fn tables() -> (String, String) {
    let mut exits = "| code | meaning |\n|---|---|\n".to_owned();
    for exit in Exit::ALL {
        exits.push_str(&format!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    let mut kinds = "| kind | exit code | meaning | what to do |\n|---|---|---|---|\n".to_owned();
    for kind in ErrorKind::ALL {
        let (name, code) = (kind.name(), kind.exit().code());
        kinds.push_str(&format!("| `{name}` | {code} | {} | {} |\n", kind.meaning(), kind.advice()));
    }
    (exits, kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_names_match_their_serialization() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!(ErrorKind::ALL.is_sorted() && Exit::ALL.is_sorted());
    }
}
