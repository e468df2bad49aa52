//! A site for a test: a real libvirt in its own world, with an image that is built once. Tests look at libvirt by `virsh`, so
//! that they do not depend on the client under test.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hostler_core::name::{DeploymentId, GroupName};
use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{CreateRequest, Created, Owned, Provider, ResourceStatus, SiteError};
use hostler_core::shape::Shape;
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use hostler_providers::image::{AddImage, DEFAULT_IMAGE, Image, ImageSource, ImageStore};
use hostler_providers::libvirt::{LibvirtSettings, Local};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Held by the running test: all guests share this host's memory, and some tests use all of it.
static ONE: Mutex<()> = Mutex::const_new(());

pub struct Lab {
    pub local: Local,
    pub store: ImageStore,
    pub deployment: DeploymentId,
    pub virtualization_cache: PathBuf,
    pub directory: TempDir,
    settings: LibvirtSettings,
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
        // The images that `./x test` has built for all tests, or else this suite's own.
        let shared =
            std::env::var_os("HOSTLER_TEST_IMAGES").and_then(|images| Some(PathBuf::from(images).parent()?.to_owned()));
        let state = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("local"));
        let store = ImageStore::new(&state);
        let root = std::path::Path::new("/");
        let mut settings = LibvirtSettings::new("local".parse().unwrap(), &state);
        let trust = hostler_providers::libvirt::trust::read(&std::env::vars().collect(), root);
        store.build(DEFAULT_IMAGE, trust.apt_sources.as_deref(), &|_| {}).await.unwrap();
        let marks = "echo yes >/etc/hostler-trust; echo done >>/first-boot; echo first boot says hello";
        settings.trust = format!("{}{marks}", trust.script);
        settings.shutdown_timeout = Duration::from_secs(30);
        let directory = tempfile::tempdir().unwrap();
        command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", directory.path().join("key").to_str().unwrap()]);
        Self {
            local: Local::new(settings.clone(), store.clone()),
            virtualization_cache: settings.virtualization_cache.clone(),
            deployment: fresh(),
            store,
            directory,
            settings,
            _one: one,
        }
    }

    /// The same site with another URI of libvirt.
    pub fn at(&self, uri: &str) -> Local {
        Local::new(LibvirtSettings { uri: uri.to_owned(), ..self.settings.clone() }, self.store.clone())
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
            existing: Default::default(),
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
        self.virsh(&["net-dumpxml", &network.0])
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
        };
        self.local.create(&self.ticket(&format!("machine-{}", spec.name)), &what).await
    }

    pub async fn status(&self, made: &Created) -> ResourceStatus {
        self.local.status(ResourceKind::Machine, &made.reference).await.unwrap()
    }

    /// Runs a command of `virsh` that must succeed, and returns its output.
    pub fn virsh(&self, arguments: &[&str]) -> String {
        command("virsh", &[&["--quiet", "--connect", &self.settings.uri], arguments].concat())
    }

    /// Runs a command of `virsh` that reads XML.
    fn virsh_with(&self, arguments: &[&str], xml: &str) -> String {
        let file = self.directory.path().join("argument.xml");
        std::fs::write(&file, xml).unwrap();
        self.virsh(&[arguments, &[file.to_str().unwrap()]].concat())
    }

    pub fn public_key(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("key.pub")).unwrap()
    }

    /// Waits until the machine's SSH server answers.
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
        let key = self.directory.path().join("key");
        let user = format!("debian@{address}");
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
        let mut arguments = vec!["-i", key.to_str().unwrap()];
        arguments.extend(options.iter().flat_map(|option| ["-o", option]));
        command("ssh", &[&arguments[..], &[&user, script]].concat())
    }

    /// An image that does not boot.
    pub async fn junk_image(&self, name: &str) -> Image {
        let path = self.directory.path().join("junk");
        std::fs::write(&path, [&[0; 1 << 20], name.as_bytes(), self.deployment.to_string().as_bytes()].concat())
            .unwrap();
        let source = ImageSource::File { path, sha256: None };
        let name = format!("{name}-{}", self.deployment.short());
        self.store.add(&AddImage { name, source, user: "nobody".into() }, &|_| {}).await.unwrap()
    }

    pub fn has_base(&self, digest: &str) -> bool {
        self.has_volume(&format!("base-{}.qcow2", &digest[..32]))
    }

    /// Size of an image's base disk in the pool, in bytes.
    pub fn base_size(&self, digest: &str) -> u64 {
        let info = self.virsh(&["vol-info", "--pool", "hostler", "--bytes", &format!("base-{}.qcow2", &digest[..32])]);
        let capacity = info.lines().find_map(|line| line.strip_prefix("Capacity:")).unwrap();
        capacity.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Leaves a base as a crash during its upload does: a part of it, without the mark that it is complete.
    pub fn cut_base(&self, digest: &str) {
        let name = |suffix: &str| format!("base-{}.{suffix}", &digest[..32]);
        for volume in [name("qcow2"), name("complete")] {
            self.virsh(&["vol-delete", "--pool", "hostler", &volume]);
        }
        self.create_volume(&name("qcow2"));
    }

    /// Leaves a disk as a crash does before its machine is defined: it carries the machine's ticket. Returns its name.
    pub fn leave_disk(&self, machine: &str) -> String {
        let name = format!("hostler-{}-machine-{machine}.qcow2", self.deployment);
        if !self.virsh(&["pool-list", "--all", "--name"]).lines().any(|pool| pool.trim() == "hostler") {
            let path = "/var/lib/libvirt/images/hostler";
            let pool = format!("<pool type='dir'><name>hostler</name><target><path>{path}</path></target></pool>");
            self.virsh_with(&["pool-define"], &pool);
            self.virsh(&["pool-build", "hostler"]);
            self.virsh(&["pool-start", "hostler"]);
        }
        self.create_volume(&name);
        name
    }

    /// Creates a volume of 4 KiB.
    pub fn create_volume(&self, name: &str) {
        let xml = format!("<volume><name>{name}</name><capacity>4096</capacity></volume>");
        self.virsh_with(&["vol-create", "--pool", "hostler", "--file"], &xml);
    }

    pub fn has_volume(&self, name: &str) -> bool {
        self.volumes().iter().any(|it| it == name)
    }

    fn volumes(&self) -> Vec<String> {
        let list = self.virsh(&["vol-list", "--pool", "hostler"]);
        list.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
    }

    /// Starts a domain without a ticket, with 1 GiB of memory.
    pub fn create_untracked_domain(&self, name: &str) {
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>1024</memory>
             <os><type arch='x86_64'>hvm</type></os></domain>"
        );
        self.virsh_with(&["create"], &xml);
    }

    /// Checks that only their owner can read the disks, seeds and console logs of the deployment's machine.
    pub fn check_file_modes(&self) {
        self.virsh(&["pool-refresh", "hostler"]);
        let prefix = format!("hostler-{}-", self.deployment);
        let names: Vec<String> = self.volumes().into_iter().filter(|it| it.starts_with(&prefix)).collect();
        assert_eq!(names.len(), 3, "a disk, a seed and a console log: {names:?}");
        for name in names {
            let file = self.virsh(&["vol-path", "--pool", "hostler", &name]);
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    pub async fn owned(&self) -> Vec<Owned> {
        self.owned_by(self.deployment).await
    }

    async fn owned_by(&self, deployment: DeploymentId) -> Vec<Owned> {
        let all = self.local.owned().await.unwrap();
        all.into_iter().filter(|owned| owned.ticket.deployment == deployment).collect()
    }

    pub async fn delete(&self, made: &Created) {
        let owned = self.owned().await.into_iter().find(|owned| owned.reference == made.reference).unwrap();
        self.local.delete(&owned).await.unwrap();
    }

    /// Deletes all resources of the deployment, as a sweep does, and checks that none is left.
    pub async fn clean(&self) {
        self.clean_of(self.deployment).await;
    }

    pub async fn clean_of(&self, deployment: DeploymentId) {
        for owned in self.owned_by(deployment).await {
            self.local.delete(&owned).await.unwrap();
        }
        assert_eq!(self.owned_by(deployment).await, []);
    }
}

/// Repeats a query until it has an answer, up to a time limit.
pub async fn until<T>(limit: Duration, mut query: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = query().await {
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

/// Runs a program that must succeed, and returns its output.
pub fn command(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}
