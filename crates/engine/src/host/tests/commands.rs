use std::process::Command as Process;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn output_and_exit_status_are_returned() {
    let server = Sshd::start();
    let session = session(&server).await;
    let kept = CapturedOutput::default();
    let command = Command::new("echo out; echo err >&2; cat; printf 'no end'; exit 3");
    let exit = session.run(&command, &|stream, line| kept.keep(stream, line)).await.unwrap();
    assert_eq!(exit, ProcessExit::Status(3));
    assert_eq!(kept.lines(Stream::Stdout), ["out", "no end"]);
    assert_eq!(kept.lines(Stream::Stderr), ["err"]);
    assert_eq!(run(&*session, &Command::new("kill -KILL $$")).await.0, ProcessExit::Signal("KILL".to_owned()));
}

#[tokio::test]
async fn arguments_variables_and_directory_arrive_unchanged() {
    let server = Sshd::start();
    let session = session(&server).await;
    let dir = server.path("it's a\nplace");
    std::fs::create_dir(&dir).unwrap();
    let value = "$(touch x) `touch x` \"$HOME\" it's\nnext \\n ; touch x";
    for shell in [Shell::Sh, Shell::LoginBash] {
        let script = "printf '%s|%s|%s' \"$1\" \"$VALUE\" \"$PWD\"";
        let command = Command::new(script).args([value]).env("VALUE", value).directory(&dir).shell(shell);
        let (exit, lines) = run(&*session, &command).await;
        assert!(exit.is_success());
        assert_eq!(lines.join("\n"), format!("{value}|{value}|{dir}"));
    }
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "nothing was executed");
}

#[tokio::test]
async fn process_list_shows_no_part_of_a_script() {
    let server = Sshd::start();
    let session = session(&server).await;
    let script = "# in-the-script\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; exit 0";
    for command in [Command::new(script), Command::new(script).as_root().shell(Shell::LoginBash)] {
        let command = command.env("TOKEN", "in-a-variable").args(["in-an-argument"]);
        let (exit, lines) = run(&*session, &command).await;
        assert!(exit.is_success());
        let text = lines.join("\n");
        assert!(text.contains("setsid"), "our supervisor is in the list: {text}");
        for secret in ["in-the-script", "in-a-variable", "in-an-argument"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn large_output_is_complete() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (lines, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let command = Command::new("yes \"$(printf %099d 7)\" | head -c 50000000");
    let count = |_: Stream, line: &str| {
        lines.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(line.len(), Ordering::Relaxed);
    };
    assert!(session.run(&command, &count).await.unwrap().is_success());
    assert_eq!((lines.into_inner(), bytes.into_inner()), (500_000, 49_500_000));
}

/// A script whose processes all hold a pipe open, which can be read to its end once the last of them has exited.
fn holding(server: &Sshd, script: &str) -> (Command, std::path::PathBuf) {
    let pipe = server.dir.path().join("pipe");
    assert!(Process::new("mkfifo").arg(&pipe).status().unwrap().success());
    let held = format!("exec 9<>\"$1\"; exec 8>\"$1\" 9<&-; echo started; {script}");
    (Command::new(held).args([pipe.display().to_string()]), pipe)
}

async fn all_gone(pipe: std::path::PathBuf) {
    let read = tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap());
    assert_eq!(read.await.unwrap(), b"");
}

#[tokio::test]
async fn dropped_command_is_killed_with_its_children() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (command, pipe) = holding(&server, "trap '' TERM; sleep 1000 & sh -c 'sleep 1000; :'; wait");
    let started = Notify::new();
    let output = |_: Stream, _: &str| started.notify_one();
    tokio::select! {
        result = session.run(&command, &output) => panic!("it never ends: {result:?}"),
        () = started.notified() => {}
    }
    all_gone(pipe).await;
    assert!(run(&*session, &Command::new(":")).await.0.is_success(), "the connection goes on");
}

#[tokio::test]
async fn command_is_killed_at_its_timeout() {
    let server = Sshd::start();
    let session = session(&server).await;
    let command = Command::new("sleep 1000").timeout(Duration::from_millis(100));
    let error = session.run(&command, &|_, _| ()).await.unwrap_err();
    assert!(matches!(error.kind, HostErrorKind::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn daemon_left_behind_does_not_delay_the_return() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (exit, lines) = run(&*session, &Command::new("sleep 1000 & echo $!")).await;
    assert!(exit.is_success());
    assert!(Process::new("kill").arg(&lines[0]).status().unwrap().success(), "it lives on");
}

#[tokio::test]
async fn session_after_a_lost_connection_reconnects() {
    let server = Sshd::start();
    let hosts = Ssh::new(quick());
    let session = hosts.session(&server.target()).await.unwrap();
    let error = session.run(&Command::new("echo started; sleep 1000"), &|_, _| server.cut()).await.unwrap_err();
    assert!(matches!(error.kind, HostErrorKind::ConnectionLost(_)) && error.is_transient(), "{error}");
    let again = hosts.session(&server.target()).await.unwrap();
    assert!(run(&*again, &Command::new(":")).await.0.is_success());
}

#[tokio::test]
async fn sessions_on_one_machine_share_a_connection() {
    let server = Sshd::start();
    let hosts = Ssh::new(quick());
    let from = Command::new("echo \"$SSH_CONNECTION\"");
    let (a, b) = (hosts.session(&server.target()).await.unwrap(), hosts.session(&server.target()).await.unwrap());
    let first = run(&*a, &from).await.1;
    assert_eq!(run(&*b, &from).await.1, first);
    hosts.close(&server.target()).await;
    let after = hosts.session(&server.target()).await.unwrap();
    assert_ne!(run(&*after, &from).await.1, first);
}
