//! A command on many hosts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::{Orders, each};
use crate::host::{Command, Exit, HostError, HostKey, Hosts, Output, Stream, Target};
use crate::transcript::Transcript;

/// So many last lines of each host are kept at hand.
const TAIL: usize = 10;

/// A command for many hosts.
pub struct Exec<'a> {
    /// The connections.
    pub hosts: &'a dyn Hosts,
    /// What is run.
    pub command: &'a Command,
    /// The directory for all that they write: see [`log_of`].
    pub logs: &'a Path,
    /// How many at once, and so on.
    pub orders: Orders,
    /// Takes each line as it comes, with the machine's name.
    pub output: &'a (dyn Fn(&str, Stream, &str) + Send + Sync),
}

/// What came of it on a host.
#[derive(Debug)]
pub struct Ran {
    /// The machine's name.
    pub machine: String,
    /// How it ended.
    pub ending: Ending,
    /// The last lines that it wrote.
    pub tail: Vec<String>,
    /// The file with all that it wrote, if it came so far.
    pub log: Option<PathBuf>,
    /// The key that the host showed, if it came so far.
    pub host_key: Option<HostKey>,
}

/// How a command ended on a host.
#[derive(Debug)]
pub enum Ending {
    /// By itself.
    Exited(Exit),
    /// The host could not be reached, or was lost.
    Failed(HostError),
    /// It was stopped when its time was over.
    TookTooLong(Duration),
    /// All it writes could not be kept on this computer.
    NoLog(std::io::Error),
    /// It was stopped, or not begun: after another's failure, or at the user's word.
    Stopped,
}

impl Ending {
    /// Whether the command ran and succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited(exit) if exit.is_success())
    }
}

/// The file in a directory of logs that keeps what a machine wrote.
pub fn log_of(logs: &Path, machine: &str) -> PathBuf {
    // A machine's name comes from a file or a site: it must not lead out of the directory.
    let name: String = machine.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    logs.join(format!("{name}.log"))
}

impl Exec<'_> {
    /// Runs the command on each host, until all have ended or `stop` does; answers in the order of the targets.
    pub async fn on(&self, targets: &[Target], stop: impl Future<Output = ()>) -> Vec<Ran> {
        let failed = |ran: &Ran| !ran.ending.is_success();
        let results = each(targets, &self.orders, stop, |target| self.on_one(target), failed).await;
        let stopped = |target: &Target| Ran {
            log: Some(log_of(self.logs, &target.machine)).filter(|log| log.exists()),
            ..Ran::ended(target, Ending::Stopped)
        };
        results.into_iter().zip(targets).map(|(ran, target)| ran.unwrap_or_else(|| stopped(target))).collect()
    }

    async fn on_one(&self, target: &Target) -> Ran {
        let seen = Mutex::new(None);
        let transcript = Mutex::new(None);
        let work = self.follow(target, &seen, &transcript);
        let ending = match self.orders.limit {
            None => work.await,
            Some(limit) => timeout(limit, work).await.unwrap_or(Ending::TookTooLong(limit)),
        };
        // Hundreds of connections are not kept for nothing.
        self.hosts.close(target).await;
        let host_key = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ran = Ran { host_key, ..Ran::ended(target, ending) };
        match transcript.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(transcript) => Ran { tail: transcript.tail(), log: Some(transcript.path().to_owned()), ..ran },
            None => ran,
        }
    }

    async fn follow(
        &self,
        target: &Target,
        seen: &Mutex<Option<HostKey>>,
        transcript: &Mutex<Option<Transcript>>,
    ) -> Ending {
        let session = match self.hosts.session(target).await {
            Ok(session) => session,
            Err(error) => return Ending::Failed(error),
        };
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = session.host_key();
        match Transcript::open(&log_of(self.logs, &target.machine), TAIL) {
            Ok(opened) => *transcript.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened),
            Err(error) => return Ending::NoLog(error),
        }
        let output: Output<'_> = &|stream, line| {
            if let Some(transcript) = &mut *transcript.lock().unwrap_or_else(PoisonError::into_inner)
                && let Err(error) = transcript.add(line)
            {
                let end = format!("the log `{}` ends here: {error}", transcript.path().display());
                (self.output)(&target.machine, Stream::Err, &end);
            }
            (self.output)(&target.machine, stream, line);
        };
        match session.run(self.command, output).await {
            Ok(exit) => Ending::Exited(exit),
            Err(error) => Ending::Failed(error),
        }
    }
}

impl Ran {
    fn ended(target: &Target, ending: Ending) -> Self {
        Self { machine: target.machine.clone(), ending, tail: Vec::new(), log: None, host_key: None }
    }
}
