//! A running phase: its session, output log and events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hostler_core::plan::Phase;
use hostler_core::setup::PhaseKind;
use hostler_core::time::format_duration;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;

use super::context::Context;
use super::error::{Cause, OutputTail, SetupError};
use super::lock;
use super::mask::SecretMask;
use crate::blocking::blocking;
use crate::event::{Event, Report};
use crate::host::{Command, HostError, OutputSink, ProcessExit, Session, Stream, quote, remote_path};
use crate::output_log::OutputLog;

/// Output lines included in an error.
const TAIL_LINES: usize = 20;
/// Lines kept of the answer to a query. Our own queries print fewer.
const MAX_ANSWER: usize = 10_000;

/// A running phase.
pub(super) struct PhaseRun<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) context: &'a Context<'a>,
    /// Kind of the phase.
    pub(super) kind: PhaseKind,
    /// Time limit of the phase. `None`: no limit.
    pub(super) limit: Option<Duration>,
    lock: Option<String>,
    report: &'a dyn Report,
    mask: SecretMask,
    output_log: Mutex<OutputLog>,
}

impl<'a> PhaseRun<'a> {
    /// Opens the log of a phase.
    pub(super) async fn new(
        session: &'a dyn Session,
        phase: &Phase,
        context: &'a Context<'a>,
        report: &'a dyn Report,
    ) -> Result<Self, SetupError> {
        let (kind, lock) = (phase.kind(), lock::lock_for(phase.kind(), context));
        let limit = limit(phase, context);
        let mask = SecretMask::new(context.secrets.values());
        let path = context.log.to_owned();
        let opened = blocking(move || OutputLog::open(&path, TAIL_LINES)).await;
        let output_log = opened.map_err(|error| SetupError {
            phase: kind.name(),
            machine: session.machine().to_owned(),
            cause: Box::new(Cause::Log(context.log.to_owned(), error)),
            hint: Some("check the free disk space and the owner of the directory".to_owned()),
        })?;
        Ok(Self { session, context, kind, limit, lock, report, mask, output_log: Mutex::new(output_log) })
    }

    /// Reports progress, and writes it to the log.
    pub(super) fn progress(&self, text: &str) {
        let text = self.mask.apply(text).into_owned();
        self.log(&format!("== {text}"));
        self.report.report(&Event::Progress { step: self.context.step.clone(), text });
    }

    /// Runs a command, and reports and logs its output.
    pub(super) async fn run_logged(&self, command: &Command) -> Result<ProcessExit, SetupError> {
        self.run(command, &|_, line| self.line(line)).await
    }

    /// Runs a command under the phase's lock. Lines about waiting for the lock become progress, not output.
    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, SetupError> {
        let ran = match &self.lock {
            None => self.session.run(command, output).await,
            Some(lock) => {
                let waiting = |stream: Stream, line: &str| match lock::notice(line) {
                    Some(notice) => self.progress(notice),
                    None => output(stream, line),
                };
                self.session.run(&lock::run_locked(command, lock, self.lock_timeout()), &waiting).await
            }
        };
        ran.map_err(|error| self.host_error(error))
    }

    /// Limit of waiting for an earlier attempt: at most three quarters of the phase's limit, so that the error names the reason
    /// and not the time limit.
    fn lock_timeout(&self) -> Duration {
        let limit = self.limit.unwrap_or(Duration::MAX);
        lock::LOCK_TIMEOUT.min(limit / 4 * 3)
    }

    /// Runs a command, and fails unless it exits with 0.
    pub(super) async fn run_checked(&self, command: &Command) -> Result<(), SetupError> {
        let exit = self.run_logged(command).await?;
        if exit.is_success() { Ok(()) } else { Err(self.exit_error(exit, None)) }
    }

    /// Runs a query, and returns the lines of its standard output. Fails unless it exits with 0.
    pub(super) async fn query(&self, command: &Command) -> Result<Vec<String>, SetupError> {
        let (exit, answer) = self.query_exit(command).await?;
        if exit.is_success() { Ok(answer) } else { Err(self.exit_error(exit, None)) }
    }

    /// Runs a query, and returns its exit status and the lines of its standard output.
    pub(super) async fn query_exit(&self, command: &Command) -> Result<(ProcessExit, Vec<String>), SetupError> {
        let answer = Mutex::new(Vec::new());
        let output = |stream: Stream, line: &str| match stream {
            Stream::Stderr => self.log(&self.mask.apply(line)),
            Stream::Stdout => {
                let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                if answer.len() < MAX_ANSWER {
                    answer.push(line.to_owned());
                }
            }
        };
        let exit = self.run(command, &output).await?;
        Ok((exit, answer.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    fn line(&self, line: &str) {
        let line = self.mask.apply(line).into_owned();
        self.log(&line);
        let machine = self.session.machine().to_owned();
        self.report.report(&Event::Output { step: self.context.step.clone(), machine, line });
    }

    /// Writes a line to the log. If that fails, the log ends with a note: a full local disk must not stop the remote program.
    fn log(&self, line: &str) {
        let added = self.output_log.lock().unwrap_or_else(PoisonError::into_inner).add(line);
        if let Err(error) = added {
            let text = format!("the log `{}` ends here: {error}", self.context.log.display());
            self.report.report(&Event::Note { text });
        }
    }

    /// Last lines of the output so far.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.output_log.lock().unwrap_or_else(PoisonError::into_inner).tail()
    }

    /// Error for a request that can't be met.
    pub(super) fn unsatisfiable(&self, message: String, hint: &str) -> SetupError {
        self.error(Cause::Unsatisfiable(message), Some(hint.to_owned()))
    }

    /// Error with a cause and a hint.
    pub(super) fn error_with_hint(&self, cause: Cause, hint: &str) -> SetupError {
        self.error(cause, Some(hint.to_owned()))
    }

    /// Error for a program that exited with a failure.
    pub(super) fn exit_error(&self, exit: ProcessExit, hint: Option<String>) -> SetupError {
        let hint = hint.or_else(|| hint_for(&exit));
        self.error(Cause::Exited(exit, self.output_tail()), hint)
    }

    /// Error for a phase that exceeded its time limit.
    pub(super) fn timeout_error(&self, limit: Duration) -> SetupError {
        let hint = match self.kind {
            PhaseKind::Custom => "if the step needs longer, raise its `timeout`".to_owned(),
            kind => {
                let twice = SignedDuration::try_from(limit * 2).unwrap_or(SignedDuration::MAX);
                format!(
                    "if the phase needs longer, set `setup_phases: {{timeouts: {{{kind}: {}}}}}`",
                    format_duration(twice)
                )
            }
        };
        self.error(Cause::TimedOut(limit, self.output_tail()), Some(hint))
    }

    /// Error for a check that fails after the action succeeded.
    pub(super) fn check_failed(&self, said: Vec<String>) -> SetupError {
        // A check defined by the user may print any amount of text, with secrets.
        let last = said.iter().skip(said.len().saturating_sub(TAIL_LINES));
        let said = last.map(|line| self.mask.apply(line).into_owned()).collect();
        self.error(Cause::CheckFailed(said, self.output_tail()), None)
    }

    fn output_tail(&self) -> OutputTail {
        OutputTail { lines: self.last_lines(), log: self.context.log.to_owned() }
    }

    /// Error for a failed host.
    pub(super) fn host_error(&self, error: HostError) -> SetupError {
        let hint = error.hint();
        self.error(Cause::Host(error), hint)
    }

    fn error(&self, cause: Cause, hint: Option<String>) -> SetupError {
        let machine = self.session.machine().to_owned();
        SetupError { phase: self.kind.name(), machine, cause: Box::new(cause), hint }
    }

    /// Command with a script that starts in the work directory, which is created if missing.
    pub(super) fn in_work_dir(&self, script: &str) -> Command {
        self.in_dir(&remote_path(&self.context.paths.work), script)
    }

    /// Command with a script that starts in a directory on the host, which is created if missing.
    pub(super) fn in_dir(&self, directory: &str, script: &str) -> Command {
        let directory = quote(directory);
        Command::new(format!("mkdir -p {directory} && cd {directory} || exit\n{script}"))
    }

    /// Writes a marker file with one line on the host.
    pub(super) async fn write_marker(&self, file: &str, text: &str) -> Result<(), SetupError> {
        let write = "mkdir -p \"${1%/*}\" && printf '%s\\n' \"$2\" >\"$1\"";
        self.run_checked(&Command::new(write).args([file, text])).await
    }

    /// Removes a marker file. Call it before an action changes the marked state, so that a failed or interrupted action leaves no
    /// marker.
    pub(super) async fn remove_marker(&self, file: &str) -> Result<(), SetupError> {
        self.run_checked(&Command::new("rm -f -- \"$1\"").args([file])).await
    }

    /// Name of the login user, as reported by the host.
    pub(super) async fn login_user(&self) -> Result<String, SetupError> {
        Ok(self.query(&Command::new("id -un")).await?.concat())
    }

    /// Variables of the demand, including secrets.
    pub(super) fn user_env(&self) -> BTreeMap<String, String> {
        let mut all = self.context.work.envs.clone();
        let secrets = self.context.secrets.iter();
        all.extend(secrets.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())));
        all
    }
}

/// Time limit of a phase: from the demand, else from the policy.
fn limit(phase: &Phase, context: &Context<'_>) -> Option<Duration> {
    let own = match phase {
        Phase::Custom(step) => step.timeout,
        _ => None,
    };
    let requested = own.or_else(|| context.work.phases.timeouts.get(&phase.kind()).copied());
    requested.and_then(|limit| Duration::try_from(limit).ok()).or(phase.kind().policy().timeout)
}

fn hint_for(exit: &ProcessExit) -> Option<String> {
    Some(match exit {
        ProcessExit::Signal(name) if name == "KILL" => {
            "the machine may have run out of memory: request more".to_owned()
        }
        ProcessExit::Status(126) => "a file to run is not executable: check its mode".to_owned(),
        ProcessExit::Status(127) => {
            "a program is missing on the host: add its package to `packages`, or install it in `setup`".to_owned()
        }
        _ => return None,
    })
}
