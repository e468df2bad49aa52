use std::time::Duration;

use async_trait::async_trait;
use hostler_core::name::{GroupName, SiteId};
use hostler_core::plan::MachineSpec;
use hostler_core::ports::Remedy;
use hostler_core::shape::Shape;
use hostler_core::size::Bytes;

use super::*;
use crate::host::{HostError, HostErrorKind, HostKey, Hosts, ProgressSink, Target, generate_keypair};
use crate::run::{Executor as _, Machine, Performed};

pub(super) fn machine(server: &Sshd, host_key: Option<String>) -> Machine {
    let target = server.target();
    let spec = MachineSpec {
        name: target.machine,
        group: GroupName::new("main").unwrap(),
        rank: 0,
        site: "local".parse::<SiteId>().unwrap(),
        node_type: "vm".to_owned(),
        shape: Shape { cpus: 1, memory: Bytes::default(), disk: Bytes::default(), gpus: Vec::new() },
        image: "debian-12".to_owned(),
        user: target.user,
        network: None,
        shared_network: None,
        host: None,
        lease: None,
        keypair: None,
        existing: Default::default(),
    };
    Machine {
        step: StepId::new("machine-digits").unwrap(),
        spec,
        peer_address: target.address.clone(),
        address: target.address,
        host_key,
        host_is_persistent: false,
    }
}

pub(super) fn executor(server: &Sshd) -> SshExecutor {
    SshExecutor {
        hosts: Arc::new(Ssh::new(quick())),
        identity: server.target().identity,
        deployment: Name::new("digits").unwrap(),
        work: Workload::default(),
        source: None,
        secrets: BTreeMap::new(),
        rerun: false,
        known_hosts: server.dir.path().join("known_hosts"),
        paths: HostPaths { work: server.path("work"), state: server.path("state") },
        peer_keypair: None,
        logs: server.dir.path().join("logs"),
        ssh_timeout: Duration::from_secs(60),
        peer_cache: PeerCache::default(),
    }
}

pub(super) async fn set_up(
    executor: &SshExecutor,
    machine: &Machine,
    phase: &Phase,
    report: &dyn Report,
) -> Result<Performed, hostler_core::journal::Failure> {
    let step = StepId::new("setup-digits").unwrap();
    executor.set_up(&step, machine, std::slice::from_ref(machine), phase, report).await
}

/// Breaks the connection at the first line of output.
struct CutOnce<'a>(&'a Sshd, Mutex<bool>);

impl Report for CutOnce<'_> {
    fn report(&self, event: &Event) {
        let mut done = self.1.lock().unwrap();
        if matches!(event, Event::Output { .. }) && !*done {
            *done = true;
            self.0.cut();
        }
    }
}

#[tokio::test]
async fn machine_is_connected_pinned_and_set_up() {
    let server = Sshd::start();
    let executor = executor(&server);
    let step = StepId::new("wait-ssh-digits").unwrap();
    let new = machine(&server, None);
    let key = executor.wait_for_ssh(&step, &new, &Seen::default()).await.unwrap();
    assert_eq!(key, server.host_key.to_string());
    let known = machine(&server, Some(key));
    let done = set_up(&executor, &known, &setup("echo $HOSTLER_NUM_NODES"), &Seen::default()).await;
    assert_eq!(done, Ok(Performed::Now));
    assert_eq!(std::fs::read_to_string(executor.logs.join("digits/setup.log")).unwrap(), "1\n");
    let again = set_up(&executor, &known, &setup("echo $HOSTLER_NUM_NODES"), &Seen::default()).await;
    assert_eq!(again, Ok(Performed::Already));
}

#[tokio::test]
async fn lost_connection_repeats_a_phase_but_not_run() {
    let server = Sshd::start();
    let executor = executor(&server);
    let known = machine(&server, Some(server.host_key.to_string()));
    let script = "test -e second && exit; touch second; echo begun; sleep 1000";
    let cut = CutOnce(&server, Mutex::new(false));
    assert_eq!(set_up(&executor, &known, &setup(script), &cut).await, Ok(Performed::Now));
    let cut = CutOnce(&server, Mutex::new(false));
    let failure = set_up(&executor, &known, &run("echo begun; sleep 1000"), &cut).await.unwrap_err();
    assert!(matches!(failure.remedy, Remedy::Retry(_)), "{failure:?}");
}

/// Hosts on which the first sessions fail.
struct Late(Ssh, Mutex<u32>);

#[async_trait]
impl Hosts for Late {
    async fn wait_for_ssh(
        &self,
        target: &Target,
        ssh_timeout: Duration,
        note: ProgressSink<'_>,
    ) -> Result<HostKey, HostError> {
        self.0.wait_for_ssh(target, ssh_timeout, note).await
    }

    async fn session(&self, target: &Target) -> Result<Arc<dyn Session>, HostError> {
        let late = self.1.lock().unwrap().checked_sub(1);
        match late {
            None => self.0.session(target).await,
            Some(left) => {
                *self.1.lock().unwrap() = left;
                let (machine, login) = (target.machine.clone(), target.address.to_string());
                Err(HostError { doing: "connecting to", machine, login, kind: HostErrorKind::ConnectionLost(None) })
            }
        }
    }

    async fn close(&self, target: &Target) {
        self.0.close(target).await;
    }
}

#[tokio::test]
async fn run_that_could_not_start_is_retried() {
    let server = Sshd::start();
    let known = machine(&server, Some(server.host_key.to_string()));
    for (failures, expected) in [(3, Some(Performed::Now)), (4, None)] {
        let hosts = Arc::new(Late(Ssh::new(quick()), Mutex::new(failures)));
        let executor = SshExecutor { hosts, ..executor(&server) };
        let performed = set_up(&executor, &known, &run("echo ran"), &Seen::default()).await;
        assert_eq!(performed.ok(), expected, "{failures} failures");
    }
}

#[tokio::test]
async fn failure_message_includes_all_causes() {
    let server = Sshd::start();
    let executor = executor(&server);
    let step = StepId::new("check-digits").unwrap();
    let other = generate_keypair("other").unwrap().public;
    let changed = machine(&server, Some(other));
    let failure = executor.wait_for_ssh(&step, &changed, &Seen::default()).await.unwrap_err();
    assert!(failure.message.contains("the host key changed") && failure.remedy == Remedy::Ask, "{failure:?}");
    let known = machine(&server, Some(server.host_key.to_string()));
    let failure = set_up(&executor, &known, &run("echo why; exit 3"), &Seen::default()).await;
    let failure = failure.unwrap_err();
    let log = executor.logs.join("digits/run.log");
    let expected = format!(
        "phase `run` on `digits` failed: exit status 3: last lines of the output (all of it: `{}`):\n  why",
        log.display()
    );
    assert_eq!((failure.message, failure.remedy), (expected, Remedy::Ask));
}
