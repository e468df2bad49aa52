//! Running one command on many hosts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::{FleetOptions, each};
use crate::blocking::{blocking, exists};
use crate::host::{Command, HostError, HostKey, Hosts, OutputSink, ProcessExit, Stream, Target};
use crate::output_log::OutputLog;

/// Last lines of each host's output that [`HostResult::tail`] holds.
const TAIL_LINES: usize = 10;

/// A command for many hosts.
pub struct FleetCommand<'a> {
    /// Opens the connections.
    pub hosts: &'a dyn Hosts,
    /// The command to run.
    pub command: &'a Command,
    /// Directory of the output logs, one file per host: see [`log_path`].
    pub logs: &'a Path,
    /// Parallelism, time limit and reaction to failures.
    pub options: FleetOptions,
    /// Receives each line as it arrives, with the machine's name.
    pub output: &'a (dyn Fn(&str, Stream, &str) + Send + Sync),
}

/// Result of the command on one host.
#[derive(Debug)]
pub struct HostResult {
    /// The machine's name.
    pub machine: String,
    /// End of the command.
    pub outcome: HostOutcome,
    /// Last lines of its output.
    pub tail: Vec<String>,
    /// File with its whole output; `None` if no session was opened.
    pub log: Option<PathBuf>,
    /// Host key presented by the host; `None` if no session was opened.
    pub host_key: Option<HostKey>,
}

/// End of a command on a host.
#[derive(Debug)]
pub enum HostOutcome {
    /// Exited by itself.
    Exited(ProcessExit),
    /// The host could not be reached, or the connection broke.
    HostFailed(HostError),
    /// Stopped after [`FleetOptions::timeout`].
    TimedOut(Duration),
    /// The output log could not be opened on this computer, so the command was not started.
    LogFailed(std::io::Error),
    /// Stopped or never started, because another host failed or the caller interrupted the run.
    Stopped,
}

impl HostOutcome {
    /// True if the command ran and exited with status 0.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited(exit) if exit.is_success())
    }
}

/// Output log of a machine in a log directory.
pub fn log_path(logs: &Path, machine: &str) -> PathBuf {
    // Machine names come from files and sites: a name must not lead out of the directory.
    let name: String = machine.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    logs.join(format!("{name}.log"))
}

impl FleetCommand<'_> {
    /// Runs the command on all hosts until every one has ended or `stop` completes. Results are in the order of the targets.
    pub async fn run(&self, targets: &[Target], stop: impl Future<Output = ()>) -> Vec<HostResult> {
        let failed = |ran: &HostResult| !ran.outcome.is_success();
        let results = each(targets, &self.options, stop, |target| self.on_one(target), failed).await;
        let mut all = Vec::with_capacity(targets.len());
        for (ran, target) in results.into_iter().zip(targets) {
            all.push(match ran {
                Some(ran) => ran,
                None => self.stopped(target).await,
            });
        }
        all
    }

    /// Result of a host that was stopped. It has a log if its command had started.
    async fn stopped(&self, target: &Target) -> HostResult {
        let log = log_path(self.logs, &target.machine);
        let log_exists = exists(log.clone()).await;
        HostResult { log: log_exists.then_some(log), ..HostResult::new(target, HostOutcome::Stopped) }
    }

    async fn on_one(&self, target: &Target) -> HostResult {
        let seen = Mutex::new(None);
        let transcript = Mutex::new(None);
        let work = self.follow(target, &seen, &transcript);
        let outcome = match self.options.timeout {
            None => work.await,
            Some(limit) => timeout(limit, work).await.unwrap_or(HostOutcome::TimedOut(limit)),
        };
        // Close at once: with hundreds of hosts, idle connections add up.
        self.hosts.close(target).await;
        let host_key = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ran = HostResult { host_key, ..HostResult::new(target, outcome) };
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
        let path = log_path(self.logs, &target.machine);
        match blocking(move || OutputLog::open(&path, TAIL_LINES)).await {
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
    fn new(target: &Target, outcome: HostOutcome) -> Self {
        Self { machine: target.machine.clone(), outcome, tail: Vec::new(), log: None, host_key: None }
    }
}
