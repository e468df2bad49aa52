//! The site `local`: virtual machines of this computer, managed by libvirt.
//!
//! Each call of the port opens its own connection and runs on its own thread, with a time limit ([`task`]). Memory, disk,
//! subnets and places in the pool are claimed under one lock that every process of this computer shares ([`lock`]), so
//! that two concurrent calls can't both claim the last of them.

mod capacity;
mod check;
mod console;
mod error;
mod images;
mod lock;
mod machine;
mod names;
mod network;
mod pool;
mod read;
mod rpc;
mod seed;
mod subnet;
mod task;
pub mod trust;
mod virtualization;
mod xml;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::money::Money;
use hostler_core::name::SiteId;
use hostler_core::offer::{Availability, Facts, Offer, Supply, Terms};
use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{
    Address, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

pub use virtualization::Virtualization;

use crate::image::ImageStore;
use error::{CallFailure, found};
use images::{image_facts, unusable};
use machine::MachineRequest;
use names::{resource_name, ticket_of_volume};
use pool::Pool;
use rpc::{Connection, Domain, ErrorCode, Uri, User};
use task::Effect;
use virtualization::{Freshness, LABEL as VIRTUALIZATION_LABEL};

/// Connection to libvirt, and files of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the site.
    pub site: SiteId,
    /// URI of libvirt: `qemu:///system` or `qemu:///session`, with `?socket=PATH` if its socket is elsewhere.
    pub uri: String,
    /// Directory of the user's sockets, for `qemu:///session`: `$XDG_RUNTIME_DIR`. If `None`, `/run/user/UID`.
    pub runtime_dir: Option<PathBuf>,
    /// Directory of the storage pool, if the pool is not defined yet. libvirt creates it.
    pub pool: PathBuf,
    /// File with the cached result of the test of `/dev/kvm`.
    pub virtualization_cache: PathBuf,
    /// File of the lock that every process of this computer shares.
    pub lock: PathBuf,
    /// Script for the first boot of every machine; see [`trust`].
    pub trust: String,
    /// Time for a machine to shut down before its power is cut.
    pub shutdown_timeout: Duration,
}

impl Settings {
    /// Defaults for the libvirt of this computer. `state` is a directory of the user, for the cached test of `/dev/kvm`.
    pub fn new(site: SiteId, state: &std::path::Path) -> Self {
        Self {
            site,
            uri: "qemu:///system".to_owned(),
            runtime_dir: None,
            pool: "/var/lib/libvirt/images/hostler".into(),
            virtualization_cache: state.join("virtualization.json"),
            lock: "/run/lock/hostler-local.lock".into(),
            trust: String::new(),
            shutdown_timeout: Duration::from_secs(60),
        }
    }
}

/// The site `local`.
#[derive(Debug, Clone)]
pub struct Local {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    images: ImageStore,
}

impl Local {
    /// The site. Opens nothing.
    pub fn new(settings: Settings, images: ImageStore) -> Self {
        Self { inner: Arc::new(Inner { settings, images }) }
    }

    /// Virtualization of the machines. Tested if no valid result is cached, which takes up to 12 seconds.
    pub async fn virtualization(&self) -> Result<Virtualization, SiteError> {
        self.call(Effect::Change, "testing /dev/kvm", |inner, connection| {
            inner.virtualization(connection, Freshness::Cached)
        })
        .await
    }

    /// Removes an image from the store and its base from the pool. Fails while a machine uses it.
    pub async fn remove_image(&self, name: &str) -> Result<(), SiteError> {
        let name = name.to_owned();
        self.call(Effect::Change, "removing the image", move |inner, connection| inner.remove_image(connection, &name))
            .await
    }

    /// Runs work on a connection of its own.
    async fn call<T: Send + 'static>(
        &self,
        effect: Effect,
        doing: &str,
        work: impl FnOnce(&Inner, &Connection) -> Result<T, CallFailure> + Send + 'static,
    ) -> Result<T, SiteError> {
        let inner = Arc::clone(&self.inner);
        let call = effect.run(move |cancellation| {
            let Settings { uri, runtime_dir, .. } = &inner.settings;
            let user = User::current(runtime_dir.as_deref())?;
            let connection = Uri::parse(uri)
                .map_err(rpc::Error::from)
                .and_then(|uri| Connection::open(&uri, &user, cancellation))
                .map_err(|error| check::unreachable(uri, error))?;
            work(&inner, &connection)
        });
        call.await.map_err(|trouble| trouble.at_site(&self.inner.settings.site, doing))
    }
}

#[async_trait]
impl Provider for Local {
    fn site(&self) -> &SiteId {
        &self.inner.settings.site
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.call(Effect::Query, "querying free memory and disk", |inner, connection| {
            Ok(vec![inner.offer(connection)?])
        })
        .await
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let ticket = ticket.clone();
        match what.clone() {
            CreateRequest::Network { machines } => {
                self.call(Effect::Change, "creating the network", move |inner, connection| {
                    let _lock = inner.lock()?;
                    let name = network::create(connection, &ticket, &machines)?;
                    Ok(Created { reference: Ref(name), address: None })
                })
                .await
            }
            CreateRequest::Machine { spec, network, public_key, first_boot, .. } => {
                self.call(Effect::Change, "creating the machine", move |inner, connection| {
                    let network = network.ok_or_else(|| CallFailure::unexpected("a machine needs a network"))?;
                    let script = format!("{}\n{first_boot}\n", inner.settings.trust);
                    inner.create_machine(connection, &ticket, &spec, &network.0, &public_key, &script)
                })
                .await
            }
            CreateRequest::Keypair { .. } | CreateRequest::Lease { .. } | CreateRequest::Address { .. } => {
                let (site, doing) = (self.site().clone(), format!("creating the {}", what.kind()));
                let message = "this site has no such resources, and its offers need none".to_owned();
                Err(SiteError { site, doing, message, remedy: Remedy::Report, hint: None })
            }
        }
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        let name = resource.0.clone();
        self.call(Effect::Query, "querying the status", move |_, connection| status(connection, kind, &name)).await
    }

    /// Succeeds: machines of this site have no end.
    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        Ok(())
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let owned = owned.clone();
        let doing = format!("deleting the {}", owned.kind);
        self.call(Effect::Change, &doing, move |_, connection| delete(connection, &owned)).await
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.call(Effect::Query, "listing our resources", |_, connection| owned(connection)).await
    }

    /// libvirt finishes a call whose client has died. The longest, creating a disk, takes it a moment.
    fn settle_time(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let (name, doing) = match power {
            Power::On => (machine.0.clone(), "starting the machine"),
            Power::Off => (machine.0.clone(), "stopping the machine"),
        };
        self.call(Effect::Change, doing, move |inner, connection| {
            machine::set_power(connection, &name, power, inner.settings.shutdown_timeout)
        })
        .await
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        let name = machine.0.clone();
        self.call(Effect::Query, "reading the console", move |_, connection| console::read(connection, &name)).await
    }

    async fn check(&self) -> Vec<Health> {
        // The first call fails soon if libvirt hangs. The second has a longer limit, as it may run a test guest.
        let check = async {
            self.call(Effect::Query, "checking", |_, connection| Ok(connection.lib_version()?)).await?;
            self.call(Effect::Change, "checking", |inner, connection| Ok(check::check(inner, connection))).await
        };
        check.await.unwrap_or_else(|error| vec![check::unusable_site(error)])
    }
}

impl Inner {
    fn lock(&self) -> Result<File, CallFailure> {
        lock::acquire(&self.settings.lock, lock::TIMEOUT)
    }

    fn virtualization(&self, connection: &Connection, freshness: Freshness) -> Result<Virtualization, CallFailure> {
        let file = &self.settings.virtualization_cache;
        let cached = || {
            let result = virtualization::cached(connection, file)?;
            Ok::<_, CallFailure>(result.filter(|result| freshness.accepts(result)).map(|result| result.virtualization))
        };
        if let Some(virtualization) = cached()? {
            return Ok(virtualization);
        }
        let _lock = self.lock()?;
        // Another process may have run the test while this one waited for the lock.
        if let Some(virtualization) = cached()? {
            return Ok(virtualization);
        }
        virtualization::test(connection, &self.settings.pool, &self.images, file)
    }

    fn offer(&self, connection: &Connection) -> Result<Offer, CallFailure> {
        // Never tested here: a query must not wait for a test guest.
        let cached = virtualization::cached(connection, &self.settings.virtualization_cache)?;
        let cached = cached.map(|result| result.virtualization);
        let labels = cached.iter().map(|it| (VIRTUALIZATION_LABEL.to_owned(), it.label().to_owned())).collect();
        let emulated = match &cached {
            Some(Virtualization::Emulation { reason }) => Some(reason.clone()),
            Some(Virtualization::Kvm) | None => None,
        };
        let virtualization =
            cached.unwrap_or_else(|| Virtualization::Emulation { reason: "not tested yet".to_owned() });
        let memory = machine::memory(connection, &virtualization)?;
        let disk = match Pool::find(connection)? {
            Some(pool) => pool.uncommitted()?,
            None => check::free_disk(&self.settings.pool),
        };
        let images = self.images.list().map_err(unusable)?;
        Ok(Offer {
            site: self.settings.site.clone(),
            node_type: "vm".to_owned(),
            facts: Facts {
                cpus: Some(connection.cpus()?),
                memory: Some(memory.largest_guest()),
                disk: Some(disk),
                arch: Some(std::env::consts::ARCH.to_owned()),
                gpus: Vec::new(),
                labels,
                emulated,
            },
            supply: Supply::Divisible { memory: memory.sum_of_guests(), disk },
            availability: Availability::Free,
            // It is the user's own computer.
            price_per_hour: Some(Money::ZERO),
            spot: false,
            images: images.into_iter().map(image_facts).collect(),
            accepts_images: true,
            terms: Terms::default(),
        })
    }

    fn create_machine(
        &self,
        connection: &Connection,
        ticket: &Ticket,
        spec: &MachineSpec,
        network: &str,
        public_key: &str,
        script: &str,
    ) -> Result<Created, CallFailure> {
        let missing = || CallFailure::unexpected(format!("there is no network `{network}`"));
        let host = network::host(&network::find(connection, network)?.ok_or_else(missing)?, &spec.name)?;
        let domain = match machine::find(connection, ticket)? {
            Some(domain) => domain,
            None => {
                let request = MachineRequest {
                    ticket,
                    name: &spec.name,
                    cpus: spec.shape.cpus,
                    memory: spec.shape.memory,
                    disk: spec.shape.disk,
                    network,
                    host: &host,
                    public_key,
                    script,
                };
                self.define(connection, &spec.image, &request)?
            }
        };
        machine::start(connection, &domain)?;
        let address = Address { host: host.address.to_string(), port: 22 };
        Ok(Created { reference: Ref(resource_name(ticket)), address: Some(address) })
    }

    /// Defines a machine under the lock: memory and disk that are seen free are claimed before another process looks.
    fn define<'c>(
        &self,
        connection: &'c Connection,
        image: &str,
        request: &MachineRequest<'_>,
    ) -> Result<Domain<'c>, CallFailure> {
        // A missing image or too small a disk is an error before a test guest is started.
        self.image(image, request.disk)?;
        let virtualization = self.virtualization(connection, Freshness::Cached)?;
        let _lock = self.lock()?;
        // Another process may have created this machine while this one waited for the lock.
        if let Some(domain) = machine::find(connection, request.ticket)? {
            return Ok(domain);
        }
        let pool = Pool::ensure(connection, &self.settings.pool)?;
        // The image may have been replaced while this process waited, so it is read again.
        let base = pool.ensure_base(&self.images, &self.image(image, request.disk)?)?;
        machine::define(connection, &pool, &base, &virtualization, request)
    }
}

fn status(connection: &Connection, kind: ResourceKind, name: &str) -> Result<ResourceStatus, CallFailure> {
    match kind {
        ResourceKind::Machine => machine::status(connection, name),
        ResourceKind::Network => Ok(match network::find(connection, name)? {
            Some(network) if network.is_active()? => ResourceStatus::Running { address: None },
            Some(_) => ResourceStatus::Stopped,
            None => ResourceStatus::Missing,
        }),
        ResourceKind::Volume => match Pool::find(connection)? {
            Some(pool) if pool.names()?.iter().any(|it| it == name) => Ok(ResourceStatus::Running { address: None }),
            _ => Ok(ResourceStatus::Missing),
        },
        ResourceKind::Keypair | ResourceKind::Lease | ResourceKind::Address => Ok(ResourceStatus::Missing),
    }
}

fn delete(connection: &Connection, owned: &Owned) -> Result<(), CallFailure> {
    let name = &owned.reference.0;
    match owned.kind {
        ResourceKind::Machine => machine::delete(connection, name, &owned.ticket),
        ResourceKind::Network => network::delete(connection, name, &owned.ticket),
        ResourceKind::Volume if ticket_of_volume(name).as_ref() != Some(&owned.ticket) => Err(CallFailure::unexpected(
            format!("the volume `{name}` does not carry the ticket `{}`: not deleted", owned.ticket),
        )),
        ResourceKind::Volume => Pool::find(connection)?.map_or(Ok(()), |pool| pool.delete(name)),
        // The site creates none.
        ResourceKind::Keypair | ResourceKind::Lease | ResourceKind::Address => Ok(()),
    }
}

fn owned(connection: &Connection) -> Result<Vec<Owned>, CallFailure> {
    let mut owned = machine::owned(connection)?;
    if let Some(pool) = Pool::find(connection)? {
        let volume = |name: String| {
            Some(Owned { ticket: ticket_of_volume(&name)?, kind: ResourceKind::Volume, reference: Ref(name) })
        };
        owned.extend(pool.names()?.into_iter().filter_map(volume));
    }
    for network in connection.networks()? {
        if let Some(xml) = found(network.xml(), ErrorCode::NO_NETWORK)?
            && let Some(ticket) = read::ticket(&xml)
        {
            owned.push(Owned { ticket, kind: ResourceKind::Network, reference: Ref(network.name().to_owned()) });
        }
    }
    owned.sort();
    Ok(owned)
}
