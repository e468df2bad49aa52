//! The site `local`: virtual machines of this computer, managed by libvirt.
//!
//! Each call of the port opens its own connection and runs on its own thread, with a time limit (`task.rs`). Memory, disk,
//! subnets and places in the pool are claimed under one lock that every process of this computer shares (`lock.rs`), so
//! that two concurrent calls can't both claim the last of them.

#![expect(clippy::disallowed_methods, reason = "calls run on threads of their own")]

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
mod probe;
mod read;
mod rpc;
mod seed;
mod settings;
mod site;
mod subnet;
mod task;
pub mod trust;
mod virtualization;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

pub use settings::LibvirtSettings;
pub use virtualization::Virtualization;

use crate::image::ImageStore;
use error::{CallFailure, found};
use names::ticket_of_volume;
use pool::Pool;
use probe::Freshness;
use rpc::{Connection, ErrorCode, Uri, User};
use site::Site;
use task::Effect;

/// The site `local`.
#[derive(Debug, Clone)]
pub struct Local {
    site: Arc<Site>,
}

impl Local {
    /// The site. Opens nothing.
    pub fn new(settings: LibvirtSettings, images: ImageStore) -> Self {
        Self { site: Arc::new(Site { settings, images }) }
    }

    /// Virtualization of the machines. Tested if no valid result is cached, which takes up to 12 seconds.
    pub async fn virtualization(&self) -> Result<Virtualization, SiteError> {
        self.call(Effect::Change, "testing /dev/kvm", |site, connection| {
            site.virtualization(connection, Freshness::Cached)
        })
        .await
    }

    /// Removes an image from the store and its base from the pool. Fails while a machine uses it.
    pub async fn remove_image(&self, name: &str) -> Result<(), SiteError> {
        let name = name.to_owned();
        self.call(Effect::Change, "removing the image", move |site, connection| site.remove_image(connection, &name))
            .await
    }

    /// Runs work on a connection of its own.
    async fn call<T: Send + 'static>(
        &self,
        effect: Effect,
        doing: &str,
        work: impl FnOnce(&Site, &Connection) -> Result<T, CallFailure> + Send + 'static,
    ) -> Result<T, SiteError> {
        let site = Arc::clone(&self.site);
        let call = effect.run(move |cancellation| {
            let LibvirtSettings { uri, runtime_dir, .. } = &site.settings;
            let user = User::current(runtime_dir.as_deref())?;
            let connection = Uri::parse(uri)
                .map_err(rpc::RpcError::from)
                .and_then(|uri| Connection::open(&uri, &user, cancellation))
                .map_err(|error| check::unreachable(uri, error))?;
            work(&site, &connection)
        });
        call.await.map_err(|trouble| trouble.at_site(&self.site.settings.site, doing))
    }
}

#[async_trait]
impl Provider for Local {
    fn site(&self) -> &SiteId {
        &self.site.settings.site
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.call(Effect::Query, "querying free memory and disk", |site, connection| Ok(vec![site.offer(connection)?]))
            .await
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let ticket = ticket.clone();
        match what.clone() {
            CreateRequest::Network { machines } => {
                self.call(Effect::Change, "creating the network", move |site, connection| {
                    let _lock = site.lock()?;
                    let name = network::create(connection, &ticket, &machines)?;
                    Ok(Created { reference: Ref(name), address: None })
                })
                .await
            }
            CreateRequest::Machine { spec, network, public_key, .. } => {
                self.call(Effect::Change, "creating the machine", move |site, connection| {
                    let network = network.ok_or_else(|| CallFailure::unexpected("a machine needs a network"))?;
                    let script = format!("{}\n", site.settings.trust);
                    site.create_machine(connection, &ticket, &spec, &network.0, &public_key, &script)
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
        self.call(Effect::Query, "listing hostler's resources", |_, connection| owned(connection)).await
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
        self.call(Effect::Change, doing, move |site, connection| {
            machine::set_power(connection, &name, power, site.settings.shutdown_timeout)
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
            self.call(Effect::Change, "checking", |site, connection| Ok(check::check(site, connection))).await
        };
        check.await.unwrap_or_else(|error| vec![check::unusable_site(error)])
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
