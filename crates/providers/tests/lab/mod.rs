//! A site for a test: a real libvirt in a world of its own, with an image that is built once.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hostler_core::name::{DeploymentId, GroupName};
use hostler_core::plan::{MachineSpec, ResourceKind, Shape};
use hostler_core::ports::{CreateRequest, Created, Owned, Provider, ResourceStatus, SiteError};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use hostler_providers::image::{AddImage, DEFAULT_IMAGE, Image, ImageStore, Source};
use hostler_providers::libvirt::{Local, Settings};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use virt::connect::Connect;
use virt::domain::Domain;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

/// Memory is shared by all guests of the computer, and some tests take all of it: one after the other.
static ONE: Mutex<()> = Mutex::const_new(());

pub struct Lab {
    pub local: Local,
    pub store: ImageStore,
    pub deployment: DeploymentId,
    pub accelerator: PathBuf,
    pub connect: Connect,
    pub folder: TempDir,
    settings: Settings,
    _one: MutexGuard<'static, ()>,
}

impl Lab {
    pub async fn new() -> Self {
        assert_eq!(
            std::env::var("HOSTLER_WORLD").as_deref(),
            Ok("libvirt"),
            "this test needs a world: tests/worlds/libvirt run cargo test -p hostler-providers --features real-libvirt"
        );
        let one = ONE.lock().await;
        // The images that `./x test` has made for all tests, or else our own.
        let shared =
            std::env::var_os("HOSTLER_TEST_IMAGES").and_then(|images| Some(PathBuf::from(images).parent()?.to_owned()));
        let kept = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("local"));
        let store = ImageStore::new(&kept);
        let root = std::path::Path::new("/");
        let mut settings = Settings::new("local".parse().unwrap(), &kept);
        let trust = hostler_providers::libvirt::trust::read(&std::env::vars().collect(), root);
        store.build(DEFAULT_IMAGE, trust.apt_sources.as_deref(), &|_| {}).await.unwrap();
        settings.trust = format!("{}echo yes >/etc/hostler-trust", trust.script);
        settings.patience = Duration::from_secs(30);
        let folder = tempfile::tempdir().unwrap();
        command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", folder.path().join("key").to_str().unwrap()]);
        Self {
            local: Local::new(settings.clone(), store.clone()),
            accelerator: settings.accelerator.clone(),
            connect: Connect::open(Some(&settings.uri)).unwrap(),
            deployment: fresh(),
            store,
            folder,
            settings,
            _one: one,
        }
    }

    /// The same site, at another address of libvirt.
    pub fn at(&self, uri: &str) -> Local {
        Local::new(Settings { uri: uri.to_owned(), ..self.settings.clone() }, self.store.clone())
    }

    pub fn ticket(&self, step: &str) -> Ticket {
        Ticket { deployment: self.deployment, step: StepId::new(step).unwrap() }
    }

    pub fn spec(&self, name: &str) -> MachineSpec {
        let (memory, disk) = (Bytes::mib(512), Bytes::gib(5));
        MachineSpec {
            name: name.to_owned(),
            group: GroupName::new("main").unwrap(),
            rank: 0,
            site: "local".parse().unwrap(),
            node_type: "vm".to_owned(),
            shape: Shape { cpus: 1, memory, disk, gpus: Vec::new() },
            image: DEFAULT_IMAGE.to_owned(),
            user: "debian".to_owned(),
            network: None,
            shared_network: None,
            host: None,
            lease: None,
            keypair: None,
            uses: Default::default(),
        }
    }

    pub async fn network(&self, machines: &[&str]) -> Ref {
        self.network_of(self.deployment, machines).await
    }

    pub async fn network_of(&self, deployment: DeploymentId, machines: &[&str]) -> Ref {
        let ticket = Ticket { deployment, step: StepId::new("network").unwrap() };
        let what = CreateRequest::Network { machines: machines.iter().map(|name| name.to_string()).collect() };
        self.local.create(&ticket, &what).await.unwrap().reference
    }

    pub fn network_xml(&self, network: &Ref) -> String {
        self.connect.lookup_network_by_name(&network.0).unwrap().xml_desc(0).unwrap()
    }

    pub async fn machine(&self, name: &str, network: &Ref) -> Result<Created, SiteError> {
        self.create(&self.spec(name), network).await
    }

    pub async fn create(&self, spec: &MachineSpec, network: &Ref) -> Result<Created, SiteError> {
        let what = CreateRequest::Machine {
            spec: Box::new(spec.clone()),
            network: Some(network.clone()),
            lease: None,
            keypair: None,
            public_key: self.public_key(),
            first_boot: "echo done >>/first-boot; echo first boot says hello".to_owned(),
        };
        self.local.create(&self.ticket(&format!("machine-{}", spec.name)), &what).await
    }

    pub async fn status(&self, made: &Created) -> ResourceStatus {
        self.local.status(ResourceKind::Machine, &made.reference).await.unwrap()
    }

    pub fn domain(&self, name: &str) -> Domain {
        self.connect.lookup_domain_by_name(name).unwrap()
    }

    pub fn public_key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("key.pub")).unwrap()
    }

    /// Waits until the machine's SSH server greets.
    pub fn reach(&self, address: &str) {
        let address: SocketAddr = format!("{address}:22").parse().unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let greeting = TcpStream::connect_timeout(&address, Duration::from_secs(2)).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                std::io::Read::read(&mut stream, &mut [0; 4])
            });
            if matches!(greeting, Ok(4)) {
                return;
            }
            assert!(Instant::now() < end, "no SSH server at {address}: {greeting:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn ssh(&self, address: &str, script: &str) -> String {
        let key = self.folder.path().join("key");
        let user = format!("debian@{address}");
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
        let mut arguments = vec!["-i", key.to_str().unwrap()];
        arguments.extend(options.iter().flat_map(|option| ["-o", option]));
        command("ssh", &[&arguments[..], &[&user, script]].concat())
    }

    /// An image that has nothing to boot.
    pub async fn junk_image(&self, name: &str) -> Image {
        let path = self.folder.path().join("junk");
        std::fs::write(&path, [&[0; 1 << 20], name.as_bytes(), self.deployment.to_string().as_bytes()].concat())
            .unwrap();
        let source = Source::File { path, sha256: None };
        let name = format!("{name}-{}", self.deployment.short());
        self.store.add(&AddImage { name, source, user: "nobody".into() }, &|_| {}).await.unwrap()
    }

    pub fn pool(&self) -> StoragePool {
        self.connect.lookup_storage_pool_by_name("hostler").unwrap()
    }

    fn base(&self, digest: &str, part: &str) -> StorageVol {
        self.pool().lookup_storage_vol_by_name(&format!("base-{}.{part}", &digest[..32])).unwrap()
    }

    pub fn has_base(&self, digest: &str) -> bool {
        self.has(&format!("base-{}.qcow2", &digest[..32]))
    }

    pub fn base_size(&self, digest: &str) -> u64 {
        self.base(digest, "qcow2").info().unwrap().capacity
    }

    /// As a crash in the middle of an upload leaves a base: half of it, and no mark that it is whole.
    pub fn cut_base(&self, digest: &str) {
        let disk = self.base(digest, "qcow2");
        let name = disk.name().unwrap();
        disk.delete(0).unwrap();
        let xml = format!("<volume><name>{name}</name><capacity>4096</capacity></volume>");
        StorageVol::create_xml(&self.pool(), &xml, 0).unwrap();
        self.base(digest, "whole").delete(0).unwrap();
    }

    /// As a crash leaves it: a disk that bears a machine's ticket, and no machine. Returns its name.
    pub fn leave_volume(&self, machine: &str) -> String {
        let name = format!("hostler-{}-machine-{machine}.qcow2", self.deployment);
        if self.connect.lookup_storage_pool_by_name("hostler").is_err() {
            let pool = "<pool type='dir'><name>hostler</name><target><path>/var/lib/libvirt/images/hostler</path></target></pool>";
            let pool = self.connect.define_storage_pool_xml(pool, 0).unwrap();
            pool.build(0).unwrap();
            pool.create(0).unwrap();
        }
        self.leave(&name);
        name
    }

    /// As a crash leaves it: a volume of this name.
    pub fn leave(&self, name: &str) {
        let xml = format!("<volume><name>{name}</name><capacity>1024</capacity></volume>");
        StorageVol::create_xml(&self.pool(), &xml, 0).unwrap();
    }

    pub fn has(&self, volume: &str) -> bool {
        self.pool().lookup_storage_vol_by_name(volume).is_ok()
    }

    /// A running domain that somebody else made, with 1 GiB of memory.
    pub fn foreign_domain(&self, name: &str) -> Domain {
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>1024</memory>
             <os><type arch='x86_64'>hvm</type></os></domain>"
        );
        self.connect.create_domain_xml(&xml, 0).unwrap()
    }

    /// Finds that no other user can read what the deployment's machines wrote, were told, or said.
    pub fn private_files(&self) {
        let pool = self.pool();
        pool.refresh(0).unwrap();
        let ours = format!("hostler-{}-", self.deployment);
        let names: Vec<String> = pool.list_volumes().unwrap().into_iter().filter(|it| it.starts_with(&ours)).collect();
        assert_eq!(names.len(), 3, "a disk, a seed and a console: {names:?}");
        for name in names {
            let file = pool.lookup_storage_vol_by_name(&name).unwrap().path().unwrap();
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    pub async fn ours(&self) -> Vec<Owned> {
        self.of(self.deployment).await
    }

    async fn of(&self, deployment: DeploymentId) -> Vec<Owned> {
        let all = self.local.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == deployment).collect()
    }

    pub async fn remove(&self, made: &Created) {
        let owned = self.ours().await.into_iter().find(|owned| owned.reference == made.reference).unwrap();
        self.local.delete(&owned).await.unwrap();
    }

    /// Removes all that the deployment has, as a sweep does, and finds it gone.
    pub async fn clean(&self) {
        self.clean_of(self.deployment).await;
    }

    pub async fn clean_of(&self, deployment: DeploymentId) {
        for owned in self.of(deployment).await {
            self.local.delete(&owned).await.unwrap();
        }
        assert_eq!(self.of(deployment).await, []);
    }
}

/// Asks until there is an answer, for so long at most.
pub async fn until<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "no answer within {limit:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub fn any_window() -> Window {
    Window::new("2030-01-01T00:00Z".parse().unwrap(), "2030-01-02T00:00Z".parse().unwrap()).unwrap()
}

pub fn second_deployment() -> DeploymentId {
    fresh()
}

fn fresh() -> DeploymentId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    DeploymentId::from_bits(now.as_nanos() << 8 | u128::from(COUNT.fetch_add(1, Ordering::Relaxed) & 0xff))
}

/// Runs a program that must succeed, and returns what it printed.
pub fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}", said(&output.stderr));
    said(&output.stdout)
}
