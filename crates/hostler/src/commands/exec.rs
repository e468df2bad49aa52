//! `hostler exec`: a command on the machines of a deployment, side by side.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use hostler_engine::host::{Command, Exit, Hosts, Shell, Ssh, Stream, Target, remote_path};
use hostler_engine::setup::Places;
use serde_json::json;

use crate::access::targets;
use crate::app::App;
use crate::args::ExecArgs;
use crate::drive::{interrupts, unless_interrupted};
use crate::error::Error;
use crate::output::Format;

/// Runs a program where `setup` and `run` work, with the same Python. The words reach it as they are: the script names
/// them, and no shell reads them again.
const SCRIPT: &str = "if cd -- \"$1\" 2>/dev/null && [ -r .venv/bin/activate ]; then . .venv/bin/activate; fi
shift
exec \"$@\"";

/// How a command ended on a machine, and what it wrote where that is not shown as it comes.
struct Ran {
    machine: String,
    exit: Exit,
    lines: Vec<(Stream, String)>,
}

/// Runs it, and ends with the command's own exit status: of several, the largest.
pub fn run(app: &App, args: &ExecArgs) -> Result<ExitCode, Error> {
    let ran = app.block_on(async {
        let interrupts = interrupts()?;
        let (store, record) = app.deployment(&args.name).await?;
        let targets = targets(&store, &record, &args.machine).await?;
        unless_interrupted(&interrupts, on_all(app, &targets, &args.command)).await
    })?;
    if app.format != Format::Text {
        app.emit(&ran.iter().map(document).collect::<Vec<_>>(), |_| String::new())?;
    }
    Ok(ExitCode::from(ran.iter().map(|ran| code(&ran.exit)).max().unwrap_or(0)))
}

async fn on_all(app: &App, targets: &[Target], command: &[String]) -> Result<Vec<Ran>, Error> {
    let hosts = Ssh::default();
    try_join_all(targets.iter().map(|target| on_one(app, &hosts, target, command, targets.len() > 1))).await
}

/// Runs it on a machine, and shows each line as it comes, with the machine's name where there are several.
async fn on_one(app: &App, hosts: &Ssh, target: &Target, command: &[String], several: bool) -> Result<Ran, Error> {
    let session = hosts.session(target).await?;
    let kept = Mutex::new(Vec::new());
    let output = |stream: Stream, line: &str| {
        if app.format != Format::Text {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push((stream, line.to_owned()));
            return;
        }
        let line = if several { format!("{} | {line}", target.machine) } else { line.to_owned() };
        match stream {
            Stream::Out => app.printer.data(&format!("{line}\n")),
            Stream::Err => app.printer.say(&line),
        }
    };
    let words = std::iter::once(remote_path(&Places::default().work)).chain(command.iter().cloned());
    let command = Command::new(SCRIPT).args(words).shell(Shell::LoginBash);
    let exit = session.run(&command, &output).await?;
    let lines = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Ran { machine: target.machine.clone(), exit, lines })
}

/// What the command's end is in an exit code: 128 and more for a signal, as shells have it.
fn code(exit: &Exit) -> u8 {
    match exit {
        Exit::Status(status) => u8::try_from(*status).unwrap_or(255),
        Exit::Signal(name) if name == "INT" => 130,
        Exit::Signal(name) if name == "TERM" => 143,
        Exit::Signal(_) => 137,
    }
}

fn document(ran: &Ran) -> serde_json::Value {
    let of = |wanted: Stream| -> Vec<&str> {
        ran.lines.iter().filter(|(stream, _)| *stream == wanted).map(|(_, line)| line.as_str()).collect()
    };
    json!({ "machine": ran.machine, "exit": code(&ran.exit), "stdout": of(Stream::Out), "stderr": of(Stream::Err) })
}
