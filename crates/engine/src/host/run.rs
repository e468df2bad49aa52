//! Programs on a channel: scripts with live output, and plain pipes.

use std::collections::VecDeque;
use std::sync::Arc;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::OutputSink;
use super::command::{Command, ProcessExit, RunAs, Shell, Stream};
use super::connection::Connection;
use super::error::HostErrorKind;
use super::lines::LineSplitter;
use super::quote::quote;

/// Runs over there, in a session's own shell, and stands between the SSH server and the script's process group:
///
/// * It reads the script, `$1` bytes, from standard input, and refuses one whose end (`$2`) is missing.
/// * It runs the script in a session of its own, fed by a pipe: nothing of it is in an argument.
/// * Standard input then only says that we are still there: at its end the whole process group is stopped.
/// * When the script is done, a mark and its status follow its last output on both streams. So we need not wait for
///   the end of the streams, which a daemon that the script left behind may hold open for ever.
///
/// One line without single quotes, so that whatever shell the user has passes it on as it is.
const SUPERVISOR: &str = r##"s=$(head -c "$1"); n=$2; shift 2; case $s in *"#$n") ;; *) exit 125;; esac; exec 3<&0 </dev/null; printf %s "$s" | setsid "$@" 3<&0 </dev/null & p=$!; (read -r x <&3; trap "" TERM; kill -TERM "-$p"; sleep 3; kill -KILL "-$p") >/dev/null 2>&1 & w=$!; exec 3<&-; wait "$p"; c=$?; kill "$w" 2>/dev/null; printf "\n\036%s %s\n" "$n" "$c" >&2; printf "\n\036%s %s\n" "$n" "$c"; exit "$c""##;

/// Reads the whole script before it runs the first line, and from a descriptor of its own: neither a login's profile
/// nor the script's own commands can read any of it.
const RUNNER: &str = r#"s=$(cat <&3); exec 3<&-; eval "unset s; $s""#;

/// Becomes root, where the user isn't.
const ROOT: &str = r#"test "$(id -u)" = 0 && exec "$@"; exec sudo -n -- "$@""#;

/// Runs a command to its end.
pub(super) async fn run(
    connection: &Connection,
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

/// A word that nobody has said before.
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

/// Passes the output on until the command is done.
async fn follow(read: &mut ChannelReadHalf, nonce: &str, output: OutputSink<'_>) -> Result<ProcessExit, HostErrorKind> {
    let mark = format!("\u{1e}{nonce} ");
    let (mut out, mut err) = (LineSplitter::new(mark.clone()), LineSplitter::new(mark));
    let mut exit = None;
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => out.feed(&data, &mut |line| output(Stream::Stdout, line)),
            ChannelMsg::ExtendedData { data, .. } => err.feed(&data, &mut |line| output(Stream::Stderr, line)),
            ChannelMsg::Close => break,
            other => note_exit(other, &mut exit)?,
        }
        if let (Some(code), Some(_)) = (out.ended(), err.ended()) {
            return Ok(ProcessExit::of_shell(code));
        }
    }
    out.finish(&mut |line| output(Stream::Stdout, line));
    err.finish(&mut |line| output(Stream::Stderr, line));
    exit.ok_or(HostErrorKind::ConnectionLost(None))
}

fn note_exit(message: ChannelMsg, exit: &mut Option<ProcessExit>) -> Result<(), HostErrorKind> {
    match message {
        ChannelMsg::ExitStatus { exit_status } => *exit = Some(ProcessExit::of_shell(exit_status)),
        ChannelMsg::ExitSignal { signal_name, .. } => *exit = Some(ProcessExit::Signal(format!("{signal_name:?}"))),
        ChannelMsg::Failure => return Err(HostErrorKind::InvalidCommand("the server runs no commands".to_owned())),
        _ => {}
    }
    Ok(())
}

/// Closes its channel when dropped: a command that nobody follows any more is stopped by its supervisor.
struct CloseOnDrop(Arc<ChannelWriteHalf<Msg>>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let write = Arc::clone(&self.0);
        // Without a runtime the process is at its end, and the socket with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// So many last lines say what went wrong: the very last one of `tar` is only that something did.
const STDERR_LINES: usize = 3;

/// A small program with bytes in and bytes out.
pub(super) struct Pipe<'a> {
    /// What it is called in an error.
    pub(super) program: &'static str,
    /// A script for a POSIX shell. It may be seen by others on the host: nothing secret.
    pub(super) script: &'a str,
    /// Its parameters, likewise.
    pub(super) args: &'a [&'a str],
}

impl Pipe<'_> {
    /// Runs it with all of `input`, and gives what it writes to `sink`, as fast as that takes it.
    pub(super) async fn run(
        &self,
        connection: &Connection,
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
        // A program that ends before it has read everything ends the writing, too; how it ended says the reader.
        let writing = async {
            if let Err(error) = writing.await {
                tracing::debug!(%error, program = self.program, "the pipe took no more");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = self.read(&mut read, sink) => result,
            () = writing => Err(HostErrorKind::ConnectionLost(None)),
        }
    }

    /// Runs it with a few bytes, and answers with the bytes that it writes.
    pub(super) async fn ask(&self, connection: &Connection, input: Vec<u8>) -> Result<Vec<u8>, HostErrorKind> {
        let (sender, receiver) = mpsc::channel(1);
        let (sink, mut source) = mpsc::channel::<Vec<u8>>(16);
        let feeding = async move {
            // Nobody reads it where the program ended early: that is no failure of ours.
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
        let mut said = LineSplitter::new("\u{1e}never ".to_owned());
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
                // Whoever read it has failed, and says so itself.
                ChannelMsg::Data { data } => drop(sink.send(data.to_vec()).await),
                ChannelMsg::ExtendedData { data, .. } => said.feed(&data, &mut keep),
                ChannelMsg::Close => break,
                other => note_exit(other, &mut exit)?,
            }
        }
        said.finish(&mut keep);
        match exit {
            None => Err(HostErrorKind::ConnectionLost(None)),
            Some(exit) if exit.is_success() => Ok(()),
            Some(exit) => {
                Err(HostErrorKind::ProgramFailed { program: self.program, exit, said: Vec::from(last).join("; ") })
            }
        }
    }
}
