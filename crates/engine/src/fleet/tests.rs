//! Commands on many hosts, against a real SSH server.

use std::future::pending;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::time::Duration;

use hostler_core::ports::Address;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::host::testing::{Sshd, quick};
use crate::host::{Command, ConnectPolicy, HostErrorKind, ProcessExit, Ssh, Stream, Target};

/// Targets with distinct names on one server.
fn targets(server: &Sshd, count: usize) -> Vec<Target> {
    (0..count).map(|n| Target { machine: format!("n{n}"), ..server.target() }).collect()
}

fn elsewhere(server: &Sshd, machine: &str, port: u16) -> Target {
    let address = Address { host: "127.0.0.1".to_owned(), port };
    Target { machine: machine.to_owned(), address, ..server.target() }
}

async fn run(targets: &[Target], script: &str, options: FleetOptions) -> (Vec<HostResult>, TempDir) {
    run_until(targets, script, options, pending(), &|_, _, _| {}).await
}

async fn run_until(
    targets: &[Target],
    script: &str,
    options: FleetOptions,
    stop: impl Future<Output = ()>,
    output: &(dyn Fn(&str, Stream, &str) + Send + Sync),
) -> (Vec<HostResult>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let hosts = Ssh::new(quick());
    let exec = FleetCommand { hosts: &hosts, command: &Command::new(script), logs: dir.path(), options, output };
    (exec.run(targets, stop).await, dir)
}

#[tokio::test]
async fn each_host_has_its_own_result_and_log() {
    let server = Sshd::start();
    let script = "seq 1 30; echo oops >&2; echo $$ >&2; exit 3";
    let (ran, _dir) = run(&targets(&server, 3), script, FleetOptions::default()).await;
    let mut processes = Vec::new();
    for (number, ran) in ran.iter().enumerate() {
        assert_eq!(ran.machine, format!("n{number}"));
        assert!(matches!(ran.outcome, HostOutcome::Exited(ProcessExit::Status(3))));
        assert_eq!(ran.host_key.as_ref(), Some(&server.host_key));
        let log = std::fs::read_to_string(ran.log.as_ref().unwrap()).unwrap();
        assert_eq!(log.lines().filter(|line| *line == "oops").count(), 1);
        assert_eq!(log.lines().count(), 32);
        assert_eq!(ran.tail.len(), 10);
        processes.extend(log.lines().filter(|line| line.len() > 2 && *line != "oops").map(str::to_owned));
    }
    processes.dedup();
    assert_eq!(processes.len(), 3, "each ran by itself: {processes:?}");
}

#[tokio::test]
async fn unreachable_and_silent_hosts_delay_no_other() {
    let server = Sshd::start();
    // Accepts connections into its backlog and never sends a byte.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut all = targets(&server, 3);
    all.push(elsewhere(&server, "dead", crate::host::testing::free_port()));
    all.push(elsewhere(&server, "silent", silent.local_addr().unwrap().port()));
    let (options, script) = (FleetOptions::default(), "echo hello");
    let hosts = Ssh::new(ConnectPolicy { connect_timeout: Duration::from_secs(8), ..quick() });
    let dir = tempfile::tempdir().unwrap();
    let command = Command::new(script);
    let exec = FleetCommand { hosts: &hosts, command: &command, logs: dir.path(), options, output: &|_, _, _| {} };
    let ran = exec.run(&all, pending()).await;
    assert!(ran[..3].iter().all(|ran| ran.outcome.is_success() && ran.tail == ["hello"]));
    let kind = |ran: &HostResult| match &ran.outcome {
        HostOutcome::HostFailed(error) => format!("{:?}", error.kind),
        other => format!("{other:?}"),
    };
    assert!(kind(&ran[3]).starts_with("ConnectionRefused"), "{}", kind(&ran[3]));
    assert!(kind(&ran[4]).starts_with("NoBanner"), "{}", kind(&ran[4]));
    assert!(ran[4].log.is_none());
}

#[tokio::test]
async fn timed_out_command_is_stopped_on_the_host() {
    let server = Sshd::start();
    let note = server.path("stopped");
    // Without this redirection a write to the closed stream would end the script before its trap does.
    let script = format!("trap 'touch {note}; exit' TERM; echo begun; exec 2>/dev/null; while :; do sleep 0.05; done");
    let options = FleetOptions { timeout: Some(Duration::from_millis(1500)), ..FleetOptions::default() };
    let (ran, _dir) = run(&targets(&server, 1), &script, options).await;
    assert!(matches!(ran[0].outcome, HostOutcome::TimedOut(_)), "{:?}", ran[0].outcome);
    assert_eq!(ran[0].tail, ["begun"]);
    let there = async {
        while !std::path::Path::new(&note).exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), there).await.expect("the script got SIGTERM");
}

#[tokio::test]
async fn first_failure_stops_the_other_hosts_if_requested() {
    let server = Sshd::start();
    let mut all = targets(&server, 2);
    all.insert(0, elsewhere(&server, "dead", crate::host::testing::free_port()));
    let parallel = NonZeroUsize::new(1).unwrap();
    let options = FleetOptions { parallel, on_failure: OnHostFailure::Stop, timeout: None };
    let (ran, _dir) = run(&all, "echo x", options).await;
    assert!(
        matches!(&ran[0].outcome, HostOutcome::HostFailed(error) if matches!(error.kind, HostErrorKind::ConnectionRefused))
    );
    assert!(ran[1..].iter().all(|ran| matches!(ran.outcome, HostOutcome::Stopped) && ran.log.is_none()));
}

#[tokio::test]
async fn interrupt_stops_all_and_keeps_the_logs() {
    let server = Sshd::start();
    let begun = Notify::new();
    let output = |_: &str, _: Stream, _: &str| begun.notify_one();
    let stop = begun.notified();
    let (ran, _dir) =
        run_until(&targets(&server, 1), "echo begun; sleep 1000", FleetOptions::default(), stop, &output).await;
    assert!(matches!(ran[0].outcome, HostOutcome::Stopped));
    assert_eq!(std::fs::read_to_string(ran[0].log.as_ref().unwrap()).unwrap(), "begun\n");
}

#[tokio::test]
async fn password_prompt_reads_end_of_input() {
    let server = Sshd::start();
    let (ran, _dir) =
        run(&targets(&server, 1), "read -r word; echo \"[$word]\"; sudo -k -S true; echo", FleetOptions::default())
            .await;
    assert_eq!(ran[0].tail.first().map(String::as_str), Some("[]"));
}

#[test]
fn log_path_stays_inside_the_directory() {
    let logs = std::path::Path::new("/logs");
    assert_eq!(log_path(logs, "../../etc/x"), logs.join(".._.._etc_x.log"));
}
