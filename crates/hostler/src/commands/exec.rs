//! `hostler exec`: a command on many machines in parallel.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use hostler_engine::fleet::{HostOutcome, HostResult};
use hostler_engine::host::{HostErrorKind, ProcessExit, Stream};
use hostler_engine::operate::{ExecRequest, Fleet, Program};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::ExecArgs;
use crate::error::{Error, ErrorKind};
use crate::hosts;
use crate::output::Format;
use crate::view;

/// Maximum number of bytes per machine and stream in JSON and YAML output. The log contains all output.
const LONGEST_OUTPUT: usize = 256 * 1024;

/// Output of one machine, for JSON and YAML.
#[derive(Default)]
struct CollectedOutput {
    lines: BTreeMap<&'static str, Vec<String>>,
    bytes: BTreeMap<&'static str, usize>,
}

/// Runs the command. Exits with the largest of its exit statuses.
pub fn run(app: &App, args: &ExecArgs) -> Result<ExitCode, Error> {
    app.operate(async |operator, interrupts| {
        let fleet = app.fleet(operator, args.name.as_deref(), &args.fleet).await?;
        let collected = Mutex::new(BTreeMap::new());
        let several = fleet.targets.len() > 1;
        let output = |machine: &str, stream: Stream, line: &str| {
            if app.format != Format::Text {
                let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
                let of_machine: &mut CollectedOutput = collected.entry(machine.to_owned()).or_default();
                of_machine.add(stream, line);
                return;
            }
            let line = if several { format!("{machine} | {line}") } else { line.to_owned() };
            match stream {
                Stream::Stdout => app.printer.data(&format!("{line}\n")),
                Stream::Stderr => app.printer.say(&line),
            }
        };
        let (program, options) = (Program(&args.command), args.fleet.options());
        let request = ExecRequest { fleet: &fleet, program, options, output: &output };
        let ran = operator.exec(&request, interrupts).await?;
        if app.format != Format::Text {
            let collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            app.emit(&ran.iter().map(|ran| document(ran, &collected)).collect::<Vec<_>>(), |_| String::new())?;
        }
        ended(app, &fleet, &ran, *interrupts.borrow() > 0)
    })
}

/// Prints the failures, and returns the exit code.
fn ended(app: &App, fleet: &Fleet, ran: &[HostResult], interrupted: bool) -> Result<ExitCode, Error> {
    if ran.len() > 1 || ran.iter().any(|ran| !matches!(ran.outcome, HostOutcome::Exited(_))) {
        let hint = |ran: &HostResult| match &ran.outcome {
            HostOutcome::HostFailed(error) => hosts::hint(fleet, error),
            _ => None,
        };
        let summary = view::fleet(ran, &hint);
        if !summary.is_empty() {
            app.printer.say(&summary);
        }
    }
    if interrupted {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted; running commands were stopped"));
    }
    let unfinished: Vec<ErrorKind> = ran.iter().filter_map(|ran| unfinished(&ran.outcome)).collect();
    match unfinished.iter().min() {
        Some(kind) => {
            let count = unfinished.len();
            Err(Error::new(*kind, format!("the command did not finish on {count} of {}", view::machines(ran.len()))))
        }
        None => Ok(ExitCode::from(ran.iter().map(|ran| code(&ran.outcome)).max().unwrap_or(0))),
    }
}

/// The kind of error of a command that did not finish. `None` if it was stopped because of another machine: that machine's
/// error is reported.
fn unfinished(ending: &HostOutcome) -> Option<ErrorKind> {
    match ending {
        HostOutcome::Exited(_) | HostOutcome::Stopped => None,
        HostOutcome::TimedOut(_) => Some(ErrorKind::TimedOut),
        HostOutcome::LogFailed(_) => Some(ErrorKind::System),
        HostOutcome::HostFailed(error) => Some(match error.kind {
            HostErrorKind::LocalFile { .. } | HostErrorKind::InvalidCommand(_) => ErrorKind::System,
            _ => ErrorKind::Site,
        }),
    }
}

/// Exit code of a command: 128 plus the number of a signal, as in shells.
fn code(ending: &HostOutcome) -> u8 {
    match ending {
        HostOutcome::Exited(ProcessExit::Status(status)) => u8::try_from(*status).unwrap_or(255),
        HostOutcome::Exited(ProcessExit::Signal(name)) if name == "INT" => 130,
        HostOutcome::Exited(ProcessExit::Signal(name)) if name == "TERM" => 143,
        HostOutcome::Exited(ProcessExit::Signal(_)) => 137,
        _ => 0,
    }
}

impl CollectedOutput {
    fn add(&mut self, stream: Stream, line: &str) {
        let name = name_of(stream);
        let bytes = self.bytes.entry(name).or_default();
        *bytes += line.len() + 1;
        if *bytes <= LONGEST_OUTPUT {
            self.lines.entry(name).or_default().push(line.to_owned());
        }
    }

    fn is_truncated(&self) -> bool {
        self.bytes.values().any(|bytes| *bytes > LONGEST_OUTPUT)
    }
}

fn name_of(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

fn document(ran: &HostResult, collected: &BTreeMap<String, CollectedOutput>) -> Value {
    let collected = collected.get(&ran.machine);
    let lines =
        |stream| collected.and_then(|collected| collected.lines.get(name_of(stream))).cloned().unwrap_or_default();
    let exited = matches!(ran.outcome, HostOutcome::Exited(_));
    json!({
        "machine": ran.machine,
        "exit_status": exited.then(|| code(&ran.outcome)),
        "error": (!exited).then(|| view::outcome(&ran.outcome)),
        "stdout": lines(Stream::Stdout),
        "stderr": lines(Stream::Stderr),
        "truncated": collected.is_some_and(CollectedOutput::is_truncated),
        "log": ran.log,
    })
}
