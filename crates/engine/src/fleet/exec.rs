//! A command on many hosts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::{FleetOptions, each};
use crate::host::{Command, HostError, HostKey, Hosts, OutputSink, ProcessExit, Stream, Target};
use crate::output_log::OutputLog;

/// So many last lines of each host are kept at hand.
const TAIL_LINES: usize = 10;

/// A command for many hosts.
pub struct FleetCommand<'a> {
    /// The connections.
    pub hosts: &'a dyn Hosts,
    /// What is run.
    pub command: &'a Command,
    /// The directory for all that they write: see [`log_of`].
    pub logs: &'a Path,
    /// How many at once, and so on.
    pub options: FleetOptions,
    /// Takes each line as it comes, with the machine's name.
    pub output: &'a (dyn Fn(&str, Stream, &str) + Send + Sync),
}

/// What came of it on a host.
#[derive(Debug)]
pub struct HostResult {
    /// The machine's name.
    pub machine: String,
    /// How it ended.
    pub outcome: HostOutcome,
    /// The last lines that it wrote.
    pub tail: Vec<String>,
    /// The file with all that it wrote, if it came so far.
    pub log: Option<PathBuf>,
    /// The key that the host showed, if it came so far.
    pub host_key: Option<HostKey>,
}

/// How a command ended on a host.
#[derive(Debug)]
pub enum HostOutcome {
    /// By itself.
    Exited(ProcessExit),
    /// The host could not be reached, or was lost.
    HostFailed(HostError),
    /// It was stopped when its time was over.
    TimedOut(Duration),
    /// All it writes could not be kept on this computer.
    LogFailed(std::io::Error),
    /// It was stopped, or not begun: after another's failure, or at the user's word.
    Stopped,
}

impl HostOutcome {
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

impl FleetCommand<'_> {
    /// Runs the command on each host, until all have ended or `stop` does; answers in the order of the targets.
    pub async fn run(&self, targets: &[Target], stop: impl Future<Output = ()>) -> Vec<HostResult> {
        let failed = |ran: &HostResult| !ran.outcome.is_success();
        let results = each(targets, &self.options, stop, |target| self.on_one(target), failed).await;
        let stopped = |target: &Target| HostResult {
            log: Some(log_of(self.logs, &target.machine)).filter(|log| log.exists()),
            ..HostResult::ended(target, HostOutcome::Stopped)
        };
        results.into_iter().zip(targets).map(|(ran, target)| ran.unwrap_or_else(|| stopped(target))).collect()
    }

    async fn on_one(&self, target: &Target) -> HostResult {
        let seen = Mutex::new(None);
        let transcript = Mutex::new(None);
        let work = self.follow(target, &seen, &transcript);
        let ending = match self.options.timeout {
            None => work.await,
            Some(limit) => timeout(limit, work).await.unwrap_or(HostOutcome::TimedOut(limit)),
        };
        // Hundreds of connections are not kept for nothing.
        self.hosts.close(target).await;
        let host_key = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ran = HostResult { host_key, ..HostResult::ended(target, ending) };
        match transcript.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(transcript) => HostResult { tail: transcript.tail(), log: Some(transcript.path().to_owned()), ..ran },
            None => ran,
        }
    }

    async fn follow(
        &self,
        target: &Target,
        seen: &Mutex<Option<HostKey>>,
        transcript: &Mutex<Option<OutputLog>>,
    ) -> HostOutcome {
        let session = match self.hosts.session(target).await {
            Ok(session) => session,
            Err(error) => return HostOutcome::HostFailed(error),
        };
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = session.host_key();
        match OutputLog::open(&log_of(self.logs, &target.machine), TAIL_LINES) {
            Ok(opened) => *transcript.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened),
            Err(error) => return HostOutcome::LogFailed(error),
        }
        let output: OutputSink<'_> = &|stream, line| {
            if let Some(transcript) = &mut *transcript.lock().unwrap_or_else(PoisonError::into_inner)
                && let Err(error) = transcript.add(line)
            {
                let end = format!("the log `{}` ends here: {error}", transcript.path().display());
                (self.output)(&target.machine, Stream::Stderr, &end);
            }
            (self.output)(&target.machine, stream, line);
        };
        match session.run(self.command, output).await {
            Ok(exit) => HostOutcome::Exited(exit),
            Err(error) => HostOutcome::HostFailed(error),
        }
    }
}

impl HostResult {
    fn ended(target: &Target, ending: HostOutcome) -> Self {
        Self { machine: target.machine.clone(), outcome: ending, tail: Vec::new(), log: None, host_key: None }
    }
}
