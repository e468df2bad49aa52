//! How a run of hostler ends, in numbers and in words. `docs/errors.md` is made from these tables, and a test holds it
//! to them.

use serde::Serialize;

/// The exit codes. Scripts rely on them: a code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// What was asked is done.
    Done = 0,
    /// It was not had or not wanted, and everything made on the way was given back.
    NotHad = 1,
    /// The command line, the configuration or another input can't be used. Nothing was done.
    Input = 2,
    /// Something failed, and something is left behind: it is listed, because it may cost money.
    Left = 3,
    /// Not now: somebody else is at it, or things have changed since. The earliest time is given where it is known.
    NotNow = 4,
    /// A site refused or did not answer.
    Site = 5,
    /// It took too long.
    TimedOut = 6,
    /// Stopped by Ctrl-C or a signal, and everything made on the way was given back.
    Interrupted = 130,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::NotHad,
        Self::Input,
        Self::Left,
        Self::NotNow,
        Self::Site,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for the user's eyes.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotHad => "not had, or not confirmed; everything made on the way was given back",
            Self::Input => "the command line, the configuration or another input can't be used; nothing was done",
            Self::Left => "failed, and something is left behind: it is listed, because it may cost money",
            Self::NotNow => "not now: busy, or stale; the earliest time is given where it is known",
            Self::Site => "a site refused, or did not answer",
            Self::TimedOut => "it took too long",
            Self::Interrupted => "stopped by Ctrl-C or a signal; everything made on the way was given back",
        }
    }
}

/// What kind of thing went wrong. Its name stands in `error.kind` of the JSON output, and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing serves the demand.
    NoOffer,
    /// A step failed, and everything was given back.
    RolledBack,
    /// The user said no.
    Declined,
    /// A question needs an answer, and nobody is there to give it: that is a no.
    Unconfirmed,
    /// The command line is not understood.
    Usage,
    /// The configuration can't be used.
    Config,
    /// A demand or plan file can't be used.
    Demand,
    /// A repository can't be had or read.
    Source,
    /// Files that say who holds what can't be used.
    Inventory,
    /// There is nothing of that name.
    Unknown,
    /// Things were made as somebody else than the credentials of now are of.
    Account,
    /// A live deployment can't become what is asked.
    Changed,
    /// It does not go in the state that the deployment is in.
    State,
    /// This computer refused something: a file, a program, a terminal.
    System,
    /// A deployment can't go on by itself.
    Stuck,
    /// The machines are ready, but the user's own script failed.
    RunFailed,
    /// It was stopped half-way, and what is there was kept.
    Stopped,
    /// Another process works on the deployment.
    Busy,
    /// The plan no longer fits what the sites have.
    Stale,
    /// What serves the demand is taken or out of service at this time.
    NotNow,
    /// A site refused, or did not answer.
    Site,
    /// It took too long.
    TimedOut,
    /// Stopped by Ctrl-C or a signal, and everything was given back.
    Interrupted,
}

impl Kind {
    /// All of them, in the order of their exit codes.
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
        Self::Unknown,
        Self::Account,
        Self::Changed,
        Self::State,
        Self::System,
        Self::Stuck,
        Self::RunFailed,
        Self::Stopped,
        Self::Busy,
        Self::Stale,
        Self::NotNow,
        Self::Site,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The exit code that it ends with.
    pub fn exit(self) -> Exit {
        match self {
            Self::NoOffer | Self::RolledBack | Self::Declined | Self::Unconfirmed => Exit::NotHad,
            Self::Usage | Self::Config | Self::Demand | Self::Source | Self::Unknown => Exit::Input,
            Self::Inventory | Self::Account | Self::Changed | Self::State | Self::System => Exit::Input,
            Self::Stuck | Self::RunFailed | Self::Stopped => Exit::Left,
            Self::Busy | Self::Stale | Self::NotNow => Exit::NotNow,
            Self::Site => Exit::Site,
            Self::TimedOut => Exit::TimedOut,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// Of several, the one with the greatest says how all of it ended: what is left behind comes before all else.
    pub fn severity(self) -> impl Ord {
        (self.exit() == Exit::Left, self.exit())
    }

    /// Its name in the JSON output.
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
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Account => "account",
            Self::Changed => "changed",
            Self::State => "state",
            Self::System => "system",
            Self::Stuck => "stuck",
            Self::RunFailed => "run_failed",
            Self::Stopped => "stopped",
            Self::Busy => "busy",
            Self::Stale => "stale",
            Self::NotNow => "not_now",
            Self::Site => "site",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }

    /// What it means, for the user's eyes.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NoOffer => {
                "no offer serves the demand: the answer says how many were looked at, and why each was refused"
            }
            Self::RolledBack => "a step failed before all was ready; everything was given back",
            Self::Declined => "you answered no",
            Self::Usage => "the command line is not understood",
            Self::Config => "the configuration file or an environment variable can't be used",
            Self::Demand => "a demand file or a plan file can't be used: the line and column are given",
            Self::Source => "the repository can't be had, or is none",
            Self::Inventory => {
                "files that say what stands at a site and who holds it can't be used: file, line and column are given"
            }
            Self::Unknown => "there is no deployment, machine, step, site or image of that name",
            Self::Unconfirmed => "a question needs an answer and there is no terminal to ask at: say `--yes`",
            Self::Account => {
                "a deployment was made with other credentials: in another project of the site, or by another user"
            }
            Self::Changed => "a live deployment can't become what is asked without new machines",
            Self::State => "it does not go in the state that the deployment is in",
            Self::System => "this computer refused something: a file, a program, a terminal",
            Self::Stuck => "the deployment can't go on by itself: what is left is listed, where, and what it costs",
            Self::RunFailed => "the machines are ready, but the `run` script failed on one",
            Self::Stopped => "stopped half-way at your word, and what is there was kept",
            Self::Busy => "another hostler works on this deployment",
            Self::Stale => "the plan no longer fits what the sites have: make a new one",
            Self::NotNow => "what serves the demand is taken or out of service at this time",
            Self::Site => "a site refused, or did not answer",
            Self::TimedOut => "it took too long",
            Self::Interrupted => "stopped by Ctrl-C or a signal; everything was given back",
        }
    }
}

/// The two tables of `docs/errors.md`, in Markdown.
pub fn tables() -> (String, String) {
    let mut exits = "| code | meaning |\n|---|---|\n".to_owned();
    for exit in Exit::ALL {
        exits.push_str(&format!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    let mut kinds = "| kind | exit code | meaning |\n|---|---|---|\n".to_owned();
    for kind in Kind::ALL {
        kinds.push_str(&format!("| `{}` | {} | {} |\n", kind.name(), kind.exit().code(), kind.meaning()));
    }
    (exits, kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_the_same_in_words_and_in_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!(Kind::ALL.is_sorted() && Exit::ALL.is_sorted());
    }
}
