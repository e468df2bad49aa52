//! Why a phase failed.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hostler_core::plan::Phase;
use hostler_core::time::show_duration;
use hostler_core::verify::Difference;
use jiff::SignedDuration;

use crate::host::{HostError, ProcessExit};

/// A phase that failed on a machine. Its display is one line; the chain below it has the last lines of the output.
#[derive(Debug)]
pub struct SetupError {
    /// The phase.
    pub phase: &'static str,
    /// The machine's name.
    pub machine: String,
    /// Why.
    pub cause: Box<Cause>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why a phase failed.
#[derive(Debug)]
pub enum Cause {
    /// A program ended badly.
    Exited(ProcessExit, OutputTail),
    /// The host could not be used.
    Host(HostError),
    /// The demand asks for what can't be done, as a lower-case fragment.
    Unsatisfiable(String),
    /// The machine is not what was promised.
    Mismatch(Vec<Difference>),
    /// The log file could not be opened.
    Log(PathBuf, io::Error),
    /// It took longer than it may.
    TimedOut(Duration, OutputTail),
    /// Its action ended well, and its check doesn't hold all the same: what the check said.
    CheckFailed(Vec<String>, OutputTail),
    /// The machine restarts, as the phase asked for: it can be gone on with once its boot id is another.
    Restarting(String),
}

/// The end of what a phase wrote.
#[derive(Debug)]
pub struct OutputTail {
    /// The last lines.
    pub lines: Vec<String>,
    /// The file with all of them.
    pub log: PathBuf,
}

impl SetupError {
    /// A phase that could not even begin.
    pub(super) fn of_host(phase: &Phase, error: HostError) -> Self {
        let (machine, hint) = (error.machine.clone(), error.hint());
        Self { phase: phase.name(), machine, cause: Box::new(Cause::Host(error)), hint }
    }

    /// Whether the same phase may succeed on a new session.
    pub fn may_pass(&self) -> bool {
        matches!(&*self.cause, Cause::Host(error) if error.may_pass())
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phase `{}` on `{}` failed: ", self.phase, self.machine)?;
        match &*self.cause {
            Cause::Exited(exit, _) => exit.fmt(f),
            Cause::Host(_) => f.write_str("the host could not be used"),
            Cause::Unsatisfiable(message) => f.write_str(message),
            Cause::Mismatch(differences) => {
                f.write_str("it is not what was promised")?;
                let marks = std::iter::once(": ").chain(std::iter::repeat("; "));
                differences.iter().zip(marks).try_for_each(|(difference, mark)| write!(f, "{mark}{difference}"))
            }
            Cause::Log(path, _) => write!(f, "its log file `{}` can't be opened", path.display()),
            Cause::TimedOut(limit, _) => write!(f, "it did not end within {}, and was stopped", shown(*limit)),
            Cause::CheckFailed(said, _) if said.is_empty() => f.write_str("it was done, and its check doesn't hold"),
            Cause::CheckFailed(said, _) => write!(f, "it was done, and yet: {}", said.join("; ")),
            Cause::Restarting(_) => f.write_str("the machine restarts"),
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
    show_duration(SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX))
}

impl fmt::Display for OutputTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "it wrote nothing (its log is `{}`)", self.log.display());
        }
        write!(f, "the last it wrote (all of it is in `{}`):", self.log.display())?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for OutputTail {}
