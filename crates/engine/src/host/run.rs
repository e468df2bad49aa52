//! Runs programs on an SSH channel: scripts with live output, and byte pipes.

use std::collections::VecDeque;
use std::sync::Arc;

use hostler_core::setup::RunAs;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::command::{Command, OutputSink, Shell, Stream};
use super::connection::SshConnection;
use super::error::HostErrorKind;
use super::exit::ProcessExit;
use super::lines::LineSplitter;
use super::quote::quote;

/// Supervisor script on the host, between the SSH server and the script's process group:
///
/// * It reads the script, `$1` bytes, from standard input, and exits if the end marker (`$2`) is missing.
/// * It runs the script in a session of its own and feeds it by a pipe, so that no part of it is an argument.
/// * From then on standard input only signals that the client is connected: at its end the process group is killed.
/// * After the script has ended, it writes the marker and the exit status to both streams. The client need not wait for
///   the end of the streams, which a daemon started by the script may hold open forever.
///
/// One line without single quotes, so that any login shell passes it on unchanged.
const SUPERVISOR: &str = r##"s=$(head -c "$1"); n=$2; shift 2; case $s in *"#$n") ;; *) exit 125;; esac; exec 3<&0 </dev/null; printf %s "$s" | setsid "$@" 3<&0 </dev/null & p=$!; (read -r x <&3; trap "" TERM; kill -TERM "-$p"; sleep 3; kill -KILL "-$p") >/dev/null 2>&1 & w=$!; exec 3<&-; wait "$p"; c=$?; kill "$w" 2>/dev/null; printf "\n\036%s %s\n" "$n" "$c" >&2; printf "\n\036%s %s\n" "$n" "$c"; exit "$c""##;

/// Reads the whole script before running its first line, from a descriptor of its own, so that neither the login
/// profile nor the script's commands consume any of it.
const RUNNER: &str = r#"s=$(cat <&3); exec 3<&-; eval "unset s; $s""#;

/// Becomes root unless the user is root already.
const ROOT: &str = r#"test "$(id -u)" = 0 && exec "$@"; exec sudo -n -- "$@""#;

/// Runs a command to its end.
pub(super) async fn run(
    connection: &SshConnection,
    command: &Command,
    output: OutputSink<'_>,
) -> Result<ProcessExit, HostErrorKind> {
    let nonce = nonce();
    let script = format!("{}\n#{nonce}", command.render()?);
    let following = async {
        let (mut read, write) = connection.channel().await?.split();
        let closer = CloseOnDrop(Arc::new(write));
        closer.0.exec(false, line_for(command, script.len(), &nonce)).await?;
        closer.0.data_bytes(script).await?;
        follow(&mut read, &nonce, output).await
    };
    match command.limit {
        None => following.await,
        Some(limit) => timeout(limit, following).await.unwrap_or(Err(HostErrorKind::TimedOut(limit))),
    }
}

/// Random marker, 128 bits as hexadecimal digits.
pub(super) fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn line_for(command: &Command, length: usize, nonce: &str) -> String {
    let length = length.to_string();
    let mut argv = Vec::new();
    if command.user == RunAs::Root {
        argv.extend(["sh", "-c", ROOT, "hostler"]);
    }
    argv.extend(["sh", "-c", SUPERVISOR, "hostler", &length, nonce]);
    argv.extend(match command.shell {
        Shell::Sh => ["sh", "-c"],
        Shell::LoginBash => ["bash", "-lc"],
    });
    argv.extend([RUNNER, "hostler"]);
    argv.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Forwards output lines until the end marker or the end of the channel.
async fn follow(read: &mut ChannelReadHalf, nonce: &str, output: OutputSink<'_>) -> Result<ProcessExit, HostErrorKind> {
    let marker = format!("\u{1e}{nonce} ");
    let (mut out, mut err) = (LineSplitter::new(marker.clone()), LineSplitter::new(marker));
    let mut exit = None;
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => out.feed(&data, &mut |line| output(Stream::Stdout, line)),
            ChannelMsg::ExtendedData { data, .. } => err.feed(&data, &mut |line| output(Stream::Stderr, line)),
            ChannelMsg::Close => break,
            other => note_exit(other, &mut exit)?,
        }
        if let (Some(code), Some(_)) = (out.exit_status(), err.exit_status()) {
            return Ok(ProcessExit::from_shell(code));
        }
    }
    out.finish(&mut |line| output(Stream::Stdout, line));
    err.finish(&mut |line| output(Stream::Stderr, line));
    exit.ok_or(HostErrorKind::ConnectionLost(None))
}

fn note_exit(message: ChannelMsg, exit: &mut Option<ProcessExit>) -> Result<(), HostErrorKind> {
    match message {
        ChannelMsg::ExitStatus { exit_status } => *exit = Some(ProcessExit::from_shell(exit_status)),
        ChannelMsg::ExitSignal { signal_name, .. } => *exit = Some(ProcessExit::Signal(format!("{signal_name:?}"))),
        ChannelMsg::Failure => {
            return Err(HostErrorKind::InvalidCommand("the SSH server does not run commands".to_owned()));
        }
        _ => {}
    }
    Ok(())
}

/// Closes its channel when dropped. The supervisor then kills the abandoned command.
struct CloseOnDrop(Arc<ChannelWriteHalf<Msg>>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let write = Arc::clone(&self.0);
        // Without a runtime the process is exiting, which closes the socket.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// Last lines of standard error kept for the error message: `tar`'s very last line only reports that an error occurred.
const STDERR_LINES: usize = 3;

/// A small program that reads and writes bytes.
pub(super) struct Pipe<'a> {
    /// Its name in error messages.
    pub(super) program: &'static str,
    /// Script for a POSIX shell. Visible in the host's process list: must contain no secret.
    pub(super) script: &'a str,
    /// Its parameters, visible like the script.
    pub(super) args: &'a [&'a str],
}

impl Pipe<'_> {
    /// Runs the program with all of `input`, and sends its output to `sink`, which slows the program down if it is full.
    pub(super) async fn run(
        &self,
        connection: &SshConnection,
        mut input: mpsc::Receiver<Vec<u8>>,
        sink: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), HostErrorKind> {
        let (mut read, write) = connection.channel().await?.split();
        let closer = CloseOnDrop(Arc::new(write));
        let argv = ["sh", "-c", self.script, "hostler"];
        let line: Vec<String> = argv.iter().chain(self.args).map(|arg| quote(arg)).collect();
        closer.0.exec(false, line.join(" ")).await?;
        let writing = async {
            while let Some(chunk) = input.recv().await {
                closer.0.data_bytes(chunk).await?;
            }
            closer.0.eof().await
        };
        // A program may end before it has read all input, which ends the writing. The reader reports its exit status.
        let writing = async {
            if let Err(error) = writing.await {
                tracing::debug!(%error, program = self.program, "the program stopped reading its input");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = self.read(&mut read, sink) => result,
            () = writing => Err(HostErrorKind::ConnectionLost(None)),
        }
    }

    /// Runs the program with a short input, and returns its output.
    pub(super) async fn output(&self, connection: &SshConnection, input: Vec<u8>) -> Result<Vec<u8>, HostErrorKind> {
        let (sender, receiver) = mpsc::channel(1);
        let (sink, mut source) = mpsc::channel::<Vec<u8>>(16);
        let feeding = async move {
            // A program that ended early reads no input: its exit status says why.
            drop(sender.send(input).await);
        };
        let collecting = async {
            let mut all = Vec::new();
            while let Some(chunk) = source.recv().await {
                all.extend_from_slice(&chunk);
            }
            all
        };
        let ((), result, all) = tokio::join!(feeding, self.run(connection, receiver, sink), collecting);
        result.map(|()| all)
    }

    async fn read(&self, read: &mut ChannelReadHalf, sink: mpsc::Sender<Vec<u8>>) -> Result<(), HostErrorKind> {
        let mut stderr = LineSplitter::new("\u{1e}never ".to_owned());
        let mut last = VecDeque::new();
        let mut keep = |line: &str| {
            if last.len() == STDERR_LINES {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        };
        let mut exit = None;
        while let Some(message) = read.wait().await {
            match message {
                // A closed sink means that its reader has failed and reports its own error.
                ChannelMsg::Data { data } => drop(sink.send(data.to_vec()).await),
                ChannelMsg::ExtendedData { data, .. } => stderr.feed(&data, &mut keep),
                ChannelMsg::Close => break,
                other => note_exit(other, &mut exit)?,
            }
        }
        stderr.finish(&mut keep);
        match exit {
            None => Err(HostErrorKind::ConnectionLost(None)),
            Some(exit) if exit.is_success() => Ok(()),
            Some(exit) => {
                Err(HostErrorKind::ProgramFailed { program: self.program, exit, stderr: Vec::from(last).join("; ") })
            }
        }
    }
}
