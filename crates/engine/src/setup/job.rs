//! One phase at work: its session, its log, its events.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hostler_core::plan::Phase;
use hostler_core::setup::PhaseKind;
use hostler_core::time::show_duration;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;

use super::error::{Cause, OutputTail, SetupError};
use super::{Context, SecretMask, alone};
use crate::event::{Event, Report};
use crate::host::{Command, HostError, OutputSink, ProcessExit, Session, Stream, quote, remote_path};
use crate::output_log::OutputLog;

/// So many lines stand in an error.
const TAIL_LINES: usize = 20;
/// More lines than this no question of ours has as an answer.
const ANSWER: usize = 10_000;

/// A phase at work.
pub(super) struct PhaseRun<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) context: &'a Context<'a>,
    /// Which phase is at work.
    pub(super) kind: PhaseKind,
    /// How long it may take; for ever where absent.
    pub(super) limit: Option<Duration>,
    lock: Option<String>,
    report: &'a dyn Report,
    mask: SecretMask,
    written: Mutex<OutputLog>,
}

impl<'a> PhaseRun<'a> {
    pub(super) fn new(
        session: &'a dyn Session,
        phase: &Phase,
        context: &'a Context<'a>,
        report: &'a dyn Report,
    ) -> Result<Self, SetupError> {
        let (kind, lock) = (phase.kind(), alone::lock_for(phase.kind(), context));
        let limit = limit(phase, context);
        let mask = SecretMask::new(context.secrets.values());
        let written = OutputLog::open(context.log, TAIL_LINES).map_err(|error| SetupError {
            phase: kind.name(),
            machine: session.machine().to_owned(),
            cause: Box::new(Cause::Log(context.log.to_owned(), error)),
            hint: Some("check the disk's space and the directory's owner".to_owned()),
        })?;
        Ok(Self { session, context, kind, limit, lock, report, mask, written: Mutex::new(written) })
    }

    /// Says what is being done.
    pub(super) fn progress(&self, text: &str) {
        let text = self.mask.apply(text).into_owned();
        self.log(&format!("== {text}"));
        self.report.report(&Event::Progress { step: self.context.step.clone(), text });
    }

    /// Runs a command whose output is for the user.
    pub(super) async fn run_logged(&self, command: &Command) -> Result<ProcessExit, SetupError> {
        self.run(command, &|_, line| self.line(line)).await
    }

    /// Runs a command, and passes on what it writes but for what our own waiting for a lock says.
    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, SetupError> {
        let ran = match &self.lock {
            None => self.session.run(command, output).await,
            Some(lock) => {
                let waiting = |stream: Stream, line: &str| match alone::notice(line) {
                    Some(notice) => self.progress(notice),
                    None => output(stream, line),
                };
                self.session.run(&alone::after_others(command, lock, self.patience()), &waiting).await
            }
        };
        ran.map_err(|error| self.host_error(error))
    }

    /// How long an earlier attempt is waited for: not until the phase's own time is over, so that the reason is told.
    fn patience(&self) -> Duration {
        let limit = self.limit.unwrap_or(Duration::MAX);
        alone::PATIENCE.min(limit / 4 * 3)
    }

    /// Runs a command that must succeed.
    pub(super) async fn run_checked(&self, command: &Command) -> Result<(), SetupError> {
        let exit = self.run_logged(command).await?;
        if exit.is_success() { Ok(()) } else { Err(self.exit_error(exit, None)) }
    }

    /// Runs a question of our own, which must be answered, and answers with the lines of its standard output.
    pub(super) async fn query(&self, command: &Command) -> Result<Vec<String>, SetupError> {
        let (exit, answer) = self.query_exit(command).await?;
        if exit.is_success() { Ok(answer) } else { Err(self.exit_error(exit, None)) }
    }

    /// Runs a question of our own, and answers with how it ended and the lines of its standard output.
    pub(super) async fn query_exit(&self, command: &Command) -> Result<(ProcessExit, Vec<String>), SetupError> {
        let answer = Mutex::new(Vec::new());
        let output = |stream: Stream, line: &str| match stream {
            Stream::Stderr => self.log(&self.mask.apply(line)),
            Stream::Stdout => {
                let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                if answer.len() < ANSWER {
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

    /// A full disk here must not end what runs over there: the log then ends, with a note.
    fn log(&self, line: &str) {
        let added = self.written.lock().unwrap_or_else(PoisonError::into_inner).add(line);
        if let Err(error) = added {
            let text = format!("the log `{}` ends here: {error}", self.context.log.display());
            self.report.report(&Event::Note { text });
        }
    }

    /// The last lines so far.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).tail()
    }

    /// The demand asks for what can't be done.
    pub(super) fn unsatisfiable(&self, message: String, hint: &str) -> SetupError {
        self.error(Cause::Unsatisfiable(message), Some(hint.to_owned()))
    }

    /// The machine is not as it should be.
    pub(super) fn error_with_hint(&self, cause: Cause, hint: &str) -> SetupError {
        self.error(cause, Some(hint.to_owned()))
    }

    /// A program ended badly.
    pub(super) fn exit_error(&self, exit: ProcessExit, hint: Option<String>) -> SetupError {
        let hint = hint.or_else(|| hint_for(&exit));
        self.error(Cause::Exited(exit, self.output_tail()), hint)
    }

    /// It did not end in time.
    pub(super) fn timeout_error(&self, limit: Duration) -> SetupError {
        let hint = match self.kind {
            PhaseKind::Custom => "where it needs longer, say so by the step's `timeout`".to_owned(),
            kind => {
                let twice = SignedDuration::try_from(limit * 2).unwrap_or(SignedDuration::MAX);
                format!(
                    "where it needs longer, say so: `setup_phases: {{limits: {{{kind}: {}}}}}`",
                    show_duration(twice)
                )
            }
        };
        self.error(Cause::TimedOut(limit, self.output_tail()), Some(hint))
    }

    /// What was done has not come about.
    pub(super) fn check_failed(&self, said: Vec<String>) -> SetupError {
        // A check of the user's own may say anything, and as much of it as it likes.
        let last = said.iter().skip(said.len().saturating_sub(TAIL_LINES));
        let said = last.map(|line| self.mask.apply(line).into_owned()).collect();
        self.error(Cause::CheckFailed(said, self.output_tail()), None)
    }

    fn output_tail(&self) -> OutputTail {
        OutputTail { lines: self.last_lines(), log: self.context.log.to_owned() }
    }

    /// The host could not be used.
    pub(super) fn host_error(&self, error: HostError) -> SetupError {
        let hint = error.hint();
        self.error(Cause::Host(error), hint)
    }

    fn error(&self, cause: Cause, hint: Option<String>) -> SetupError {
        let machine = self.session.machine().to_owned();
        SetupError { phase: self.kind.name(), machine, cause: Box::new(cause), hint }
    }

    /// A script that starts in the work directory, which is made where it isn't there.
    pub(super) fn in_work_dir(&self, script: &str) -> Command {
        self.in_dir(&remote_path(&self.context.paths.work), script)
    }

    /// A script that starts in a directory on the host, which is made where it isn't there.
    pub(super) fn in_dir(&self, place: &str, script: &str) -> Command {
        let place = quote(place);
        Command::new(format!("mkdir -p {place} && cd {place} || exit\n{script}"))
    }

    /// Notes something on the host, as the one line of a file.
    pub(super) async fn write_marker(&self, file: &str, text: &str) -> Result<(), SetupError> {
        let write = "mkdir -p \"${1%/*}\" && printf '%s\\n' \"$2\" >\"$1\"";
        self.run_checked(&Command::new(write).args([file, text])).await
    }

    /// Takes a note back, before what it says may cease to be true: an action that fails, or is cut off, leaves none.
    pub(super) async fn remove_marker(&self, file: &str) -> Result<(), SetupError> {
        self.run_checked(&Command::new("rm -f -- \"$1\"").args([file])).await
    }

    /// Whom the host knows us as.
    pub(super) async fn login_user(&self) -> Result<String, SetupError> {
        Ok(self.query(&Command::new("id -un")).await?.concat())
    }

    /// The user's variables, secret ones included.
    pub(super) fn user_env(&self) -> BTreeMap<String, String> {
        let mut all = self.context.work.envs.clone();
        let secrets = self.context.secrets.iter();
        all.extend(secrets.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())));
        all
    }
}

/// How long a phase may take: as the demand says, else as the table does.
fn limit(phase: &Phase, context: &Context<'_>) -> Option<Duration> {
    let own = match phase {
        Phase::Custom(step) => step.timeout,
        _ => None,
    };
    let said = own.or_else(|| context.work.phases.limits.get(&phase.kind()).copied());
    said.and_then(|said| Duration::try_from(said).ok()).or(phase.kind().policy().limit)
}

fn hint_for(exit: &ProcessExit) -> Option<String> {
    Some(match exit {
        ProcessExit::Signal(name) if name == "KILL" => {
            "the machine may have run out of memory: ask for more, or make the work smaller".to_owned()
        }
        ProcessExit::Status(126) => "a file that should be run is not executable".to_owned(),
        ProcessExit::Status(127) => {
            "a program is missing over there: add its package to `packages`, or to `setup`".to_owned()
        }
        _ => return None,
    })
}
