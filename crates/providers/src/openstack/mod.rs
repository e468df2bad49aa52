//! Sites that speak OpenStack: Keystone, Nova, Glance, Neutron, and Blazar where machines are leased. Chameleon is one
//! of them, with settings of its own.
//!
//! Nothing is kept here but a token: what there is stands at the cloud, with a ticket on it. So every call can be
//! repeated, by another process as well.

pub mod blazar;
pub mod call;
mod check;
pub mod cloud;
pub mod error;
pub mod glance;
mod images;
pub mod keystone;
pub mod neutron;
pub mod nodes;
pub mod nova;
mod offers;
mod resources;
mod script;
mod settings;
mod tickets;
mod unusable;
mod wait;

use std::time::Duration;

use async_trait::async_trait;
use hostler_core::inventory::{Feed, Source};
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{
    Account, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, Resource, ResourceStatus, SiteError,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

use crate::trouble::Trouble;
use blazar::LeaseId;
use error::ApiError;
use keystone::Session;
use resources::{address, keypair, lease, machine, network};

pub use script::script;
pub use settings::{CHAMELEON_NODES, NodeApi, Reach, Settings, at_chameleon, elsewhere_at_chameleon};
pub use unusable::Unusable;

/// How long a removal waits for what still holds on to the thing.
const LETS_GO: Duration = Duration::from_secs(5);
/// How much of a console is shown.
const CONSOLE_LINES: u32 = 200;

/// One cloud, as one user.
#[derive(Debug)]
pub struct OpenStack {
    settings: Settings,
    session: Session,
}

impl OpenStack {
    /// The site. Nothing is asked yet.
    pub fn new(settings: Settings, session: Session) -> Self {
        Self { settings, session }
    }

    /// Calls to the cloud itself, for what the port doesn't have.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How the site is used.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Waits for a call with the session, whose failure is told as the site's.
    pub async fn ask<T>(&self, doing: &str, call: impl Future<Output = Result<T, ApiError>>) -> Result<T, SiteError> {
        call.await.map_err(|error| self.error(doing, error.into()))
    }

    fn error(&self, doing: &str, trouble: Trouble) -> SiteError {
        trouble.at(&self.settings.site, doing)
    }

    async fn make(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, Trouble> {
        let session = &self.session;
        match what {
            CreateRequest::Keypair { public_key } => keypair::create(session, ticket, public_key).await,
            CreateRequest::Network { .. } => network::create(session, ticket, self.settings.pool.as_deref()).await,
            CreateRequest::Lease { spec } => lease::create(session, ticket, spec).await,
            CreateRequest::Address { pool, machine } => address::create(session, ticket, pool, machine.as_ref()).await,
            CreateRequest::Machine { spec, network, lease, keypair, first_boot, public_key: _ } => {
                let launch = machine::Launch {
                    spec,
                    network: network.as_ref(),
                    lease: lease.as_ref(),
                    keypair: keypair.as_ref(),
                    first_boot,
                };
                machine::create(session, &self.settings, ticket, &launch).await
            }
        }
    }

    async fn see(&self, kind: ResourceKind, id: &str) -> Result<ResourceStatus, Trouble> {
        let session = &self.session;
        match kind {
            ResourceKind::Keypair => keypair::status(session, id).await,
            ResourceKind::Network => network::status(session, id).await,
            ResourceKind::Lease => lease::status(session, &LeaseId(id.to_owned())).await,
            ResourceKind::Machine => machine::status(session, id).await,
            ResourceKind::Address => address::status(session, id).await,
            // Disks are the machines' own.
            ResourceKind::Volume => Ok(ResourceStatus::Missing),
        }
    }

    async fn remove(&self, owned: &Owned) -> Result<(), Trouble> {
        let session = &self.session;
        match owned.kind {
            ResourceKind::Keypair => keypair::delete(session, owned).await,
            ResourceKind::Network => network::delete(session, owned).await,
            ResourceKind::Lease => lease::delete(session, owned).await,
            ResourceKind::Machine => machine::delete(session, owned).await,
            ResourceKind::Address => address::delete(session, owned).await,
            ResourceKind::Volume => Ok(()),
        }
    }

    async fn list(&self, kind: ResourceKind) -> Result<Vec<Resource>, Trouble> {
        let session = &self.session;
        Ok(match kind {
            ResourceKind::Keypair => keypair::resources(session).await?,
            ResourceKind::Network => network::resources(session).await?,
            ResourceKind::Lease => lease::resources(session).await?,
            ResourceKind::Machine => machine::resources(session).await?,
            ResourceKind::Address => address::resources(session).await?,
            ResourceKind::Volume => Vec::new(),
        })
    }

    async fn ours_of(&self, kind: ResourceKind) -> Result<Vec<Owned>, ApiError> {
        let session = &self.session;
        match kind {
            ResourceKind::Keypair => keypair::owned(session).await,
            ResourceKind::Network => network::owned(session).await,
            ResourceKind::Lease => lease::owned(session).await,
            ResourceKind::Machine => machine::owned(session).await,
            ResourceKind::Address => address::owned(session).await,
            ResourceKind::Volume => Ok(Vec::new()),
        }
    }

    async fn ours(&self) -> Result<Vec<Owned>, ApiError> {
        let (keypairs, networks, leases, machines, addresses) = tokio::try_join!(
            self.ours_of(ResourceKind::Keypair),
            self.ours_of(ResourceKind::Network),
            self.ours_of(ResourceKind::Lease),
            self.ours_of(ResourceKind::Machine),
            self.ours_of(ResourceKind::Address),
        )?;
        let mut all = [keypairs, networks, leases, machines, addresses].concat();
        all.sort();
        Ok(all)
    }
}

/// The node API's list where there is one, Blazar's hosts, and who has them.
#[async_trait]
impl Source for OpenStack {
    async fn feed(&self) -> Result<Feed, SiteError> {
        let feed = offers::feed(&self.session, &self.settings).await;
        feed.map_err(|trouble| self.error("asking what there is", trouble))
    }
}

/// What still holds on to a thing lets go in a while: there is nothing to be had instead of a removal.
fn not_yet(trouble: Trouble) -> Trouble {
    match trouble.remedy {
        Remedy::Replan => Trouble { remedy: Remedy::Retry(LETS_GO), ..trouble },
        _ => trouble,
    }
}

#[async_trait]
impl Provider for OpenStack {
    fn site(&self) -> &SiteId {
        &self.settings.site
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        Ok(self.ask("logging in", self.session.token()).await?.account.at_site())
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        let offers = offers::offers(&self.session, &self.settings).await;
        offers.map_err(|trouble| self.error("asking what there is", trouble))
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let made = self.make(ticket, what).await;
        made.map_err(|trouble| self.error(&format!("creating the {}", what.kind()), trouble))
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.see(kind, &resource.0).await.map_err(|trouble| self.error("looking", trouble))
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        let extended = lease::extend(&self.session, &LeaseId(lease.0.clone()), until).await;
        extended.map_err(|trouble| self.error("extending the lease", trouble))
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let removed = self.remove(owned).await.map_err(not_yet);
        removed.map_err(|trouble| self.error(&format!("removing the {}", owned.kind), trouble))
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.ours().await.map_err(|error| self.error("listing what is ours", error.into()))
    }

    async fn owned_by(&self, kind: ResourceKind, ticket: &Ticket) -> Result<Vec<Owned>, SiteError> {
        let mut owned = self.ask("looking for what is ours", self.ours_of(kind)).await?;
        owned.retain(|owned| owned.ticket == *ticket);
        Ok(owned)
    }

    /// A service finishes a request whose sender is gone: a lease takes Blazar some seconds.
    fn settle_time(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn resources(&self, kind: ResourceKind) -> Result<Vec<Resource>, SiteError> {
        self.list(kind).await.map_err(|trouble| self.error(&format!("listing each {kind}"), trouble))
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let doing = match power {
            Power::On => "starting the machine",
            Power::Off => "stopping the machine",
        };
        let switched = machine::set_power(&self.session, &machine.0, power).await;
        switched.map_err(|trouble| self.error(doing, trouble))
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        self.ask("reading the console", nova::console(&self.session, &machine.0, CONSOLE_LINES)).await
    }

    async fn check(&self) -> Vec<Health> {
        check::check(&self.session, &self.settings).await
    }
}
