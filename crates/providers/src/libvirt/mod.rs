//! The site `local`: virtual machines on this computer, by libvirt.
//!
//! Each call opens a connection of its own and runs on a thread where it may block, for a limited time. What takes room (memory, disk, a
//! subnet, a place in the pool) is decided under one lock that all processes of this computer share, so that two that
//! come at once can't both take the last of it.

mod call;
mod check;
mod console;
mod images;
mod lock;
mod machine;
mod names;
mod network;
mod pool;
mod probe;
mod read;
mod room;
mod seed;
mod subnet;
mod trouble;
pub mod trust;
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
use virt::connect::Connect;

pub use probe::{Accelerator, LABEL as ACCELERATOR_LABEL};

use crate::image::ImageStore;
use call::{Awaited, Call, Waiting};
use images::{bootable, unusable};
use machine::Wanted;
use names::{name_of, ticket_of_volume};
use pool::Pool;
use probe::Ask;
use trouble::Trouble;

/// How to reach libvirt, and where to keep what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The site's name.
    pub site: SiteId,
    /// libvirt's address.
    pub uri: String,
    /// The folder of the pool, where there is none yet. libvirt makes it.
    pub pool: PathBuf,
    /// The file with the answer whether `/dev/kvm` works.
    pub accelerator: PathBuf,
    /// The file whose lock all processes of this computer share.
    pub lock: PathBuf,
    /// What every machine is told at its first boot; see [`trust`].
    pub trust: String,
    /// How long a machine may take to shut down before it is forced.
    pub patience: Duration,
}

impl Settings {
    /// The usual ones: this computer's libvirt. `state` is a folder of the user's where the answer about `/dev/kvm`
    /// is kept.
    pub fn new(site: SiteId, state: &std::path::Path) -> Self {
        Self {
            site,
            uri: "qemu:///system".to_owned(),
            pool: "/var/lib/libvirt/images/hostler".into(),
            accelerator: state.join("accelerator.json"),
            lock: "/run/lock/hostler-local.lock".into(),
            trust: String::new(),
            patience: Duration::from_secs(60),
        }
    }
}

/// The virtual machines of this computer.
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
    /// The site. Nothing is opened yet.
    pub fn new(settings: Settings, images: ImageStore) -> Self {
        // libvirt would print every error on the terminal by itself.
        virt::error::clear_error_callback();
        Self { inner: Arc::new(Inner { settings, images }) }
    }

    /// How machines run here. Tried where that isn't known yet, which takes up to 12 seconds.
    pub async fn accelerator(&self) -> Result<Accelerator, SiteError> {
        self.blocking(Call::Change, "trying /dev/kvm", |inner, connect| inner.accelerator(connect, Ask::Kept)).await
    }

    /// Removes an image from the store, and what the pool has of it. Refused while a machine stands on it.
    pub async fn remove_image(&self, name: &str) -> Result<(), SiteError> {
        let name = name.to_owned();
        self.blocking(Call::Change, "removing the image", move |inner, connect| inner.remove_image(connect, &name))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: Call,
        doing: &str,
        act: impl FnOnce(&Inner, &Connect) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, SiteError> {
        let inner = Arc::clone(&self.inner);
        let work = call.make(move || {
            let connect = Connect::open(Some(&inner.settings.uri))
                .map_err(|error| check::unreachable(&inner.settings.uri, &error))?;
            act(&inner, &connect)
        });
        work.await.map_err(|trouble| self.error(doing, trouble))
    }

    fn error(&self, doing: &str, trouble: Trouble) -> SiteError {
        trouble.at(&self.inner.settings.site, doing)
    }
}

#[async_trait]
impl Provider for Local {
    fn site(&self) -> &SiteId {
        &self.inner.settings.site
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.blocking(Call::Look, "asking what is free", |inner, connect| Ok(vec![inner.offer(connect)?])).await
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let ticket = ticket.clone();
        let waiting = Waiting::new();
        let awaited = waiting.awaited();
        match what.clone() {
            CreateRequest::Network { machines } => {
                self.blocking(Call::Change, "creating the network", move |inner, connect| {
                    let _lock = inner.lock()?;
                    awaited.check()?;
                    let name = network::create(connect, &ticket, &machines)?;
                    Ok(Created { reference: Ref(name), address: None })
                })
                .await
            }
            CreateRequest::Machine { spec, network, public_key, first_boot, .. } => {
                self.blocking(Call::Change, "creating the machine", move |inner, connect| {
                    let network = network.ok_or_else(|| Trouble::report("a machine needs a network"))?;
                    let making = Making { connect, ticket: &ticket, spec: &spec, awaited: &awaited };
                    inner.create_machine(&making, &network.0, &public_key, &first_boot)
                })
                .await
            }
            CreateRequest::Keypair { .. } | CreateRequest::Lease { .. } | CreateRequest::Address { .. } => {
                let (site, doing) = (self.site().clone(), format!("creating the {}", what.kind()));
                let message = "there are no such things here, and no offer asks for one".to_owned();
                Err(SiteError { site, doing, message, remedy: Remedy::Report, hint: None })
            }
        }
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        let name = resource.0.clone();
        self.blocking(Call::Look, "looking", move |_, connect| look(connect, kind, &name)).await
    }

    /// Nothing ends by itself here.
    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        Ok(())
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let owned = owned.clone();
        let doing = format!("removing the {}", owned.kind);
        self.blocking(Call::Change, &doing, move |_, connect| delete(connect, &owned)).await
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.blocking(Call::Look, "listing what is ours", |_, connect| owned(connect)).await
    }

    /// The daemon finishes a call whose caller is gone: making a disk takes it a moment.
    fn settle_time(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let (name, doing) = match power {
            Power::On => (machine.0.clone(), "starting the machine"),
            Power::Off => (machine.0.clone(), "stopping the machine"),
        };
        self.blocking(Call::Change, doing, move |inner, connect| {
            machine::set_power(connect, &name, power, inner.settings.patience)
        })
        .await
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        let name = machine.0.clone();
        self.blocking(Call::Look, "reading the console", move |_, connect| console::read(connect, &name)).await
    }

    async fn check(&self) -> Vec<Health> {
        // Whether it answers at all is soon known; what comes then may have to try a guest.
        let check = async {
            self.blocking(Call::Look, "checking", |_, connect| Ok(connect.lib_version()?)).await?;
            self.blocking(Call::Change, "checking", |inner, connect| Ok(check::check(inner, connect))).await
        };
        check.await.unwrap_or_else(|error| vec![check::bad(error)])
    }
}

/// A machine that is being made.
struct Making<'m> {
    connect: &'m Connect,
    ticket: &'m Ticket,
    spec: &'m MachineSpec,
    awaited: &'m Awaited,
}

impl Inner {
    fn lock(&self) -> Result<File, Trouble> {
        lock::take(&self.settings.lock, lock::PATIENCE)
    }

    fn accelerator(&self, connect: &Connect, ask: Ask) -> Result<Accelerator, Trouble> {
        let file = &self.settings.accelerator;
        let known = || Ok::<_, Trouble>(probe::kept(connect, file)?.filter(|kept| ask.takes(kept)));
        if let Some(kept) = known()? {
            return Ok(kept.accelerator);
        }
        let _lock = self.lock()?;
        // Another process may have tried while we waited.
        if let Some(kept) = known()? {
            return Ok(kept.accelerator);
        }
        probe::probe(connect, &self.settings.pool, &self.images, file)
    }

    fn offer(&self, connect: &Connect) -> Result<Offer, Trouble> {
        // Never tried here: whoever only asks what there is must not wait for a guest.
        let kept = probe::kept(connect, &self.settings.accelerator)?.map(|kept| kept.accelerator);
        let labels = kept.iter().map(|kept| (ACCELERATOR_LABEL.to_owned(), kept.label().to_owned())).collect();
        let accelerator = kept.unwrap_or_else(|| Accelerator::Emulation { why: "it was not tried yet".to_owned() });
        let memory = machine::memory(connect, &accelerator)?;
        let disk = match Pool::find(connect)? {
            Some(pool) => pool.left()?,
            None => check::free_below(&self.settings.pool),
        };
        let images = self.images.list().map_err(unusable)?;
        Ok(Offer {
            site: self.settings.site.clone(),
            node_type: "vm".to_owned(),
            facts: Facts {
                cpus: Some(connect.node_info()?.cpus),
                memory: Some(memory.largest()),
                disk: Some(disk),
                arch: Some(std::env::consts::ARCH.to_owned()),
                gpus: Vec::new(),
                labels,
            },
            supply: Supply::Cut { memory: memory.together(), disk },
            availability: Availability::Free,
            // It is the user's own computer.
            price_per_hour: Some(Money::ZERO),
            spot: false,
            images: images.into_iter().map(bootable).collect(),
            terms: Terms::default(),
        })
    }

    fn create_machine(
        &self,
        making: &Making<'_>,
        network: &str,
        public_key: &str,
        first_boot: &str,
    ) -> Result<Created, Trouble> {
        let Making { connect, ticket, spec, .. } = *making;
        let missing = || Trouble::report(format!("there is no network `{network}`"));
        let host = network::host(&network::find(connect, network)?.ok_or_else(missing)?, &spec.name)?;
        let domain = match machine::find(connect, ticket)? {
            Some(domain) => domain,
            None => {
                let wanted = Wanted {
                    ticket,
                    name: &spec.name,
                    cpus: spec.shape.cpus,
                    memory: spec.shape.memory,
                    disk: spec.shape.disk,
                    network,
                    host: &host,
                    public_key,
                    script: &format!("{}\n{first_boot}\n", self.settings.trust),
                };
                self.define(making, &wanted)?
            }
        };
        machine::start(connect, &domain)?;
        let address = Address { host: host.address.to_string(), port: 22 };
        Ok(Created { reference: Ref(name_of(ticket)), address: Some(address) })
    }

    /// Under the lock: the room that is seen free is taken by the same process.
    fn define(&self, making: &Making<'_>, wanted: &Wanted<'_>) -> Result<virt::domain::Domain, Trouble> {
        let (connect, image) = (making.connect, &making.spec.image);
        // Refused before a guest is tried.
        self.image(image, wanted.disk)?;
        let accelerator = self.accelerator(connect, Ask::Kept)?;
        let _lock = self.lock()?;
        // Another process may have done this very step while we waited.
        if let Some(domain) = machine::find(connect, wanted.ticket)? {
            return Ok(domain);
        }
        let pool = Pool::ensure(connect, &self.settings.pool)?;
        // It may have been built anew while we waited.
        let base = pool.ensure_base(&self.images, &self.image(image, wanted.disk)?)?;
        making.awaited.check()?;
        machine::define(connect, &pool, &base, &accelerator, wanted)
    }
}

fn look(connect: &Connect, kind: ResourceKind, name: &str) -> Result<ResourceStatus, Trouble> {
    match kind {
        ResourceKind::Machine => machine::look(connect, name),
        ResourceKind::Network => Ok(match network::find(connect, name)? {
            Some(network) if network.is_active()? => ResourceStatus::Running { address: None },
            Some(_) => ResourceStatus::Stopped,
            None => ResourceStatus::Missing,
        }),
        ResourceKind::Volume => match Pool::find(connect)? {
            Some(pool) if pool.names()?.iter().any(|it| it == name) => Ok(ResourceStatus::Running { address: None }),
            _ => Ok(ResourceStatus::Missing),
        },
        ResourceKind::Keypair | ResourceKind::Lease | ResourceKind::Address => Ok(ResourceStatus::Missing),
    }
}

fn delete(connect: &Connect, owned: &Owned) -> Result<(), Trouble> {
    let name = &owned.reference.0;
    match owned.kind {
        ResourceKind::Machine => machine::delete(connect, name, &owned.ticket),
        ResourceKind::Network => network::delete(connect, name, &owned.ticket),
        ResourceKind::Volume if ticket_of_volume(name).as_ref() != Some(&owned.ticket) => Err(Trouble::report(
            format!("the volume `{name}` doesn't bear the ticket `{}`: it is left alone", owned.ticket),
        )),
        ResourceKind::Volume => Pool::find(connect)?.map_or(Ok(()), |pool| pool.remove(name)),
        // This site makes none.
        ResourceKind::Keypair | ResourceKind::Lease | ResourceKind::Address => Ok(()),
    }
}

fn owned(connect: &Connect) -> Result<Vec<Owned>, Trouble> {
    let mut owned = machine::owned(connect)?;
    if let Some(pool) = Pool::find(connect)? {
        let volume = |name: String| {
            Some(Owned { ticket: ticket_of_volume(&name)?, kind: ResourceKind::Volume, reference: Ref(name) })
        };
        owned.extend(pool.names()?.into_iter().filter_map(volume));
    }
    for network in connect.list_all_networks(0)? {
        // One that went away since it was listed is not there.
        if let Ok(xml) = network.xml_desc(0)
            && let Some(ticket) = read::ticket(&xml)
        {
            owned.push(Owned { ticket, kind: ResourceKind::Network, reference: Ref(network.name()?) });
        }
    }
    owned.sort();
    Ok(owned)
}
