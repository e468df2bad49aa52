//! A site for tests: a real OpenStack in a world of its own, used as one of its users.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hostler_core::name::{DeploymentId, GroupName};
use hostler_core::offer::{HostId, HostState, Offer, Supply};
use hostler_core::plan::{LeaseSpec, MachineSpec, ResourceKind};
use hostler_core::ports::{CreateRequest, Created, Owned, Provider, SiteError};
use hostler_core::shape::Shape;
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use hostler_providers::http::{HttpClient, RetryPolicy};
use hostler_providers::openstack::cloud::{Cloud, CloudTexts};
use hostler_providers::openstack::keystone::KeystoneSession;
use hostler_providers::openstack::{NodeApi, OpenStack, OpenStackSettings, neutron};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Serializes the tests: faults apply to the whole world, and hosts are few.
static ONE: Mutex<()> = Mutex::const_new(());

/// Time limit for services to stop listing deleted resources.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);

/// True until a test has ended successfully: the world may then contain leftovers.
static DIRTY: AtomicBool = AtomicBool::new(true);

pub struct World {
    pub site: OpenStack,
    pub deployment: DeploymentId,
    pub directory: TempDir,
    before: String,
    _one: MutexGuard<'static, ()>,
}

impl World {
    /// The world without faults, used as `alice`.
    pub async fn new() -> Self {
        assert_eq!(
            std::env::var("HOSTLER_WORLD").as_deref(),
            Ok("openstack"),
            "this test needs a world: tests/worlds/openstack run cargo test -p hostler-providers --features \
             real-openstack"
        );
        let one = ONE.lock().await;
        // Leftovers of a failed test would make all others fail.
        if DIRTY.swap(true, Ordering::Relaxed) {
            world(&["reset"]);
        }
        let directory = tempfile::tempdir().unwrap();
        let site = OpenStack::new(settings(directory.path()), session(cloud("alice"), None));
        // Neutron creates a project's default group when its groups are first listed.
        neutron::security_groups(site.session()).await.unwrap();
        let before = world(&["observe"]);
        Self { site, deployment: fresh(), directory, before, _one: one }
    }

    /// The same site with another session.
    pub fn with(&self, session: KeystoneSession) -> OpenStack {
        OpenStack::new(settings(self.directory.path()), session)
    }

    pub fn knob(&self, words: &[&str]) {
        world(&[&["knob"], words].concat());
    }

    pub fn ticket(&self, step: &str) -> Ticket {
        Ticket { deployment: self.deployment, step: StepId::new(step).unwrap() }
    }

    pub async fn offers(&self) -> Vec<Offer> {
        self.site.offers(&self.window()).await.unwrap()
    }

    /// Some free hosts of a node type.
    pub async fn hosts(&self, node_type: &str, count: usize) -> Vec<HostId> {
        let offers = self.offers().await;
        let offer = offers.iter().find(|offer| offer.node_type == node_type).unwrap();
        let Supply::Hosts(hosts) = &offer.supply else { panic!("{offer:?}") };
        let is_free = |host: &&hostler_core::offer::HostSupply| {
            host.state == HostState::InService && host.busy.is_free(&self.window())
        };
        let free: Vec<HostId> = hosts.iter().filter(is_free).map(|host| host.id.clone()).take(count).collect();
        assert_eq!(free.len(), count, "free hosts");
        free
    }

    /// A window of one hour from now on.
    pub fn window(&self) -> Window {
        Window::starting_at(Timestamp::now(), SignedDuration::from_mins(60)).unwrap()
    }

    pub fn lease_of(&self, hosts: &[HostId], window: Window) -> CreateRequest {
        let (name, site, hosts) = ("contract".to_owned(), self.site.site().clone(), hosts.to_vec());
        CreateRequest::Lease { spec: Box::new(LeaseSpec { name, site, window, hosts }) }
    }

    pub async fn lease(&self, step: &str, hosts: &[HostId]) -> Result<Created, SiteError> {
        self.site.create(&self.ticket(step), &self.lease_of(hosts, self.window())).await
    }

    pub async fn machine(&self, name: &str, host: &HostId, lease: &Created) -> Result<Created, SiteError> {
        let request = self.machine_on(name, host, lease);
        self.site.create(&self.ticket(&format!("machine-{name}")), &request).await
    }

    pub fn machine_on(&self, name: &str, host: &HostId, lease: &Created) -> CreateRequest {
        CreateRequest::Machine {
            spec: Box::new(MachineSpec { host: Some(host.clone()), ..self.spec(name) }),
            network: None,
            lease: Some(lease.reference.clone()),
            keypair: None,
            public_key: self.public_key(),
        }
    }

    pub fn spec(&self, name: &str) -> MachineSpec {
        let shape = Shape { cpus: 48, memory: Bytes::gib(192), disk: Bytes::gib(240), gpus: Vec::new() };
        MachineSpec {
            name: name.to_owned(),
            group: GroupName::new("main").unwrap(),
            rank: 0,
            site: self.site.site().clone(),
            node_type: "compute_skylake".to_owned(),
            shape,
            image: "CC-Ubuntu22.04".to_owned(),
            user: "cc".to_owned(),
            network: None,
            shared_network: Some("sharednet1".to_owned()),
            host: None,
            lease: None,
            keypair: None,
            existing: Default::default(),
        }
    }

    pub fn public_key(&self) -> String {
        let key = self.directory.path().join("key");
        if !key.exists() {
            command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
        }
        std::fs::read_to_string(key.with_extension("pub")).unwrap()
    }

    pub async fn owned(&self) -> Vec<Owned> {
        let all = self.site.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == self.deployment).collect()
    }

    /// Deletes the deployment's resources in reverse order, and checks that the world is as it was before the test.
    pub async fn clean(&self) {
        self.knob(&["clear"]);
        let mut owned = self.owned().await;
        let order = [
            ResourceKind::Address,
            ResourceKind::Machine,
            ResourceKind::Lease,
            ResourceKind::Network,
            ResourceKind::Keypair,
        ];
        owned.sort_by_key(|owned| order.iter().position(|kind| *kind == owned.kind));
        for owned in owned {
            self.site.delete(&owned).await.unwrap();
        }
        // Services list deleted resources for a while. Each observation takes a second.
        let (started, mut after) = (Instant::now(), world(&["observe"]));
        while after != self.before && started.elapsed() < SETTLE_LIMIT {
            after = world(&["observe"]);
        }
        let (before, now): (Vec<&str>, Vec<&str>) = (self.before.lines().collect(), after.lines().collect());
        let left: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
        assert!(self.before == after, "left behind, or missing: {left:#?}");
        DIRTY.store(false, Ordering::Relaxed);
    }
}

/// A cloud of the world's `clouds.yaml`.
pub fn cloud(name: &str) -> Cloud {
    Cloud::from_texts(&texts(), name).unwrap()
}

pub fn texts() -> CloudTexts {
    let file = std::env::var_os("OS_CLIENT_CONFIG_FILE").expect("the world names its clouds.yaml");
    CloudTexts { clouds: std::fs::read_to_string(file).unwrap(), ..CloudTexts::default() }
}

pub fn session(cloud: Cloud, cache_dir: Option<&Path>) -> KeystoneSession {
    let policy = RetryPolicy { attempt_timeout: Duration::from_secs(30), ..RetryPolicy::default() };
    KeystoneSession::new(cloud, HttpClient::new(policy, &[]).unwrap(), cache_dir)
}

fn settings(directory: &Path) -> OpenStackSettings {
    let nodes = NodeApi {
        url: "http://127.0.0.1:8088/".parse().unwrap(),
        site: "uc".to_owned(),
        cache: Some(directory.join("nodes")),
    };
    let launch_timeout = Duration::from_secs(60);
    OpenStackSettings {
        nodes: Some(nodes),
        launch_timeout,
        ..OpenStackSettings::chameleon("chameleon/uc".parse().unwrap())
    }
}

/// Runs the world's control program.
pub fn world(words: &[&str]) -> String {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/worlds/openstack");
    command(program.to_str().unwrap(), words)
}

pub fn command(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {words:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn fresh() -> DeploymentId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    DeploymentId::from_bits(now.as_nanos() << 8 | u128::from(COUNT.fetch_add(1, Ordering::Relaxed) & 0xff))
}

pub fn references(owned: &[Owned], kind: ResourceKind) -> BTreeSet<&Ref> {
    owned.iter().filter(|owned| owned.kind == kind).map(|owned| &owned.reference).collect()
}
