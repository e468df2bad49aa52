//! Errors of set-up phases.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hostler_core::plan::Phase;
use hostler_core::time::format_duration;
use hostler_core::verify::FactDifference;
use jiff::SignedDuration;

use crate::host::{HostError, ProcessExit};

/// A phase failed on a machine. The display is one line; its source has the last lines of the output.
#[derive(Debug)]
pub struct SetupError {
    /// Name of the phase.
    pub phase: &'static str,
    /// Name of the machine.
    pub machine: String,
    /// The cause.
    pub cause: Box<Cause>,
    /// Advice for the user. Names keys of the demand, but no command of a front end.
    pub hint: Option<String>,
}

/// Cause of a failed phase.
#[derive(Debug)]
pub enum Cause {
    /// A program exited with a failure.
    Exited(ProcessExit, OutputTail),
    /// The host failed or could not be reached.
    Host(HostError),
    /// The demand, or this machine, rules out what was requested. The text is a lower-case fragment.
    Unsatisfiable(String),
    /// The machine differs from the offer.
    Mismatch(Vec<FactDifference>),
    /// The local log file could not be opened.
    Log(PathBuf, io::Error),
    /// The phase exceeded its time limit.
    TimedOut(Duration, OutputTail),
    /// The action succeeded, but the check afterwards failed with these lines.
    CheckFailed(Vec<String>, OutputTail),
    /// The phase has requested a restart of the machine. It can continue once the boot id differs from this one.
    Restarting(String),
}

/// Last lines of a phase's output.
#[derive(Debug)]
pub struct OutputTail {
    /// The lines.
    pub lines: Vec<String>,
    /// Local file with the whole output.
    pub log: PathBuf,
}

impl SetupError {
    /// A phase that could not start because of the host.
    pub(super) fn from_host(phase: &Phase, error: HostError) -> Self {
        let (machine, hint) = (error.machine.clone(), error.hint());
        Self { phase: phase.name(), machine, cause: Box::new(Cause::Host(error)), hint }
    }

    /// True if the phase may succeed on a new session.
    pub fn is_transient(&self) -> bool {
        matches!(&*self.cause, Cause::Host(error) if error.is_transient())
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phase `{}` on `{}` failed: ", self.phase, self.machine)?;
        match &*self.cause {
            Cause::Exited(exit, _) => exit.fmt(f),
            Cause::Host(_) => f.write_str("the host failed"),
            Cause::Unsatisfiable(message) => f.write_str(message),
            Cause::Mismatch(differences) => {
                f.write_str("the machine differs from the offer")?;
                let marks = std::iter::once(": ").chain(std::iter::repeat("; "));
                differences.iter().zip(marks).try_for_each(|(difference, mark)| write!(f, "{mark}{difference}"))
            }
            Cause::Log(path, _) => write!(f, "the log file `{}` can't be opened", path.display()),
            Cause::TimedOut(limit, _) => write!(f, "it did not end within {} and was stopped", shown(*limit)),
            Cause::CheckFailed(said, _) if said.is_empty() => {
                f.write_str("the check failed after the action succeeded")
            }
            Cause::CheckFailed(said, _) => {
                write!(f, "the check failed after the action succeeded: {}", said.join("; "))
            }
            Cause::Restarting(_) => f.write_str("the machine is restarting"),
        }
    }
}

impl Error for SetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.cause {
            Cause::Exited(_, tail) | Cause::TimedOut(_, tail) | Cause::CheckFailed(_, tail) => Some(tail),
            Cause::Host(error) => Some(error),
            Cause::Unsatisfiable(_) | Cause::Mismatch(_) | Cause::Restarting(_) => None,
            Cause::Log(_, error) => Some(error),
        }
    }
}

fn shown(limit: Duration) -> String {
    format_duration(SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX))
}

impl fmt::Display for OutputTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "no output (log: `{}`)", self.log.display());
        }
        write!(f, "last lines of the output (all of it: `{}`):", self.log.display())?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for OutputTail {}
