//! OpenStack clouds: Keystone, Nova, Glance, Neutron, and Blazar if machines are leased. Chameleon is one of them, with
//! settings of its own.
//!
//! No state but a token is stored locally: every resource exists at the cloud with a ticket on it, so that any process
//! can repeat any call.

pub mod blazar;
mod cache_file;
pub mod call;
mod check;
pub mod cloud;
pub mod error;
pub mod glance;
mod images;
pub mod keystone;
mod misconfigured;
pub mod neutron;
pub mod nodes;
pub mod nova;
mod offers;
mod resources;
mod script;
mod settings;
mod tickets;
mod wait;

use std::time::Duration;

use async_trait::async_trait;
use hostler_core::inventory::{Feed, InventorySource};
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::{Plan, ResourceKind};
use hostler_core::ports::{
    Account, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, Resource, ResourceStatus, SiteError,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

use crate::failure::CallFailure;
use blazar::LeaseId;
use error::ApiError;
use keystone::KeystoneSession;
use resources::{address, keypair, lease, machine, network};

pub use misconfigured::MisconfiguredSite;

pub use settings::{
    AddressPolicy, CHAMELEON_NODES, NodeApi, OpenStackSettings, for_chameleon_site, other_chameleon_sites,
};

/// Delay before a deletion is retried that another resource still blocks.
const DELETE_RETRY: Duration = Duration::from_secs(5);
/// Lines of console output that are returned.
const CONSOLE_LINES: u32 = 200;

/// A site at one cloud, as one user.
#[derive(Debug)]
pub struct OpenStack {
    settings: OpenStackSettings,
    session: KeystoneSession,
}

impl OpenStack {
    /// The site. Makes no calls.
    pub fn new(settings: OpenStackSettings, session: KeystoneSession) -> Self {
        Self { settings, session }
    }

    /// The session, for calls that the port does not have.
    pub fn session(&self) -> &KeystoneSession {
        &self.session
    }

    /// The site's settings.
    pub fn settings(&self) -> &OpenStackSettings {
        &self.settings
    }

    fn error(&self, operation: &str, failure: CallFailure) -> SiteError {
        failure.at_site(&self.settings.site, operation)
    }

    async fn create_resource(&self, ticket: &Ticket, request: &CreateRequest) -> Result<Created, CallFailure> {
        let session = &self.session;
        match request {
            CreateRequest::Keypair { public_key } => keypair::create(session, ticket, public_key).await,
            CreateRequest::Network { .. } => network::create(session, ticket, self.settings.pool.as_deref()).await,
            CreateRequest::Lease { spec } => lease::create(session, ticket, spec).await,
            CreateRequest::Address { pool, machine } => address::create(session, ticket, pool, machine.as_ref()).await,
            CreateRequest::Machine { spec, network, lease, keypair, public_key: _ } => {
                let launch = machine::Launch {
                    spec,
                    network: network.as_ref(),
                    lease: lease.as_ref(),
                    keypair: keypair.as_ref(),
                };
                machine::create(session, &self.settings, ticket, &launch).await
            }
        }
    }

    async fn status_of(&self, kind: ResourceKind, id: &str) -> Result<ResourceStatus, CallFailure> {
        let session = &self.session;
        match kind {
            ResourceKind::Keypair => keypair::status(session, id).await,
            ResourceKind::Network => network::status(session, id).await,
            ResourceKind::Lease => lease::status(session, &LeaseId(id.to_owned())).await,
            ResourceKind::Machine => machine::status(session, id).await,
            ResourceKind::Address => address::status(session, id).await,
            // The provider creates no volumes: disks belong to their machines.
            ResourceKind::Volume => Ok(ResourceStatus::Missing),
        }
    }

    async fn delete_resource(&self, owned: &Owned) -> Result<(), CallFailure> {
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

    async fn list(&self, kind: ResourceKind) -> Result<Vec<Resource>, CallFailure> {
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

    async fn owned_of_kind(&self, kind: ResourceKind) -> Result<Vec<Owned>, ApiError> {
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

    async fn owned_of_all_kinds(&self) -> Result<Vec<Owned>, ApiError> {
        let (keypairs, networks, leases, machines, addresses) = tokio::try_join!(
            self.owned_of_kind(ResourceKind::Keypair),
            self.owned_of_kind(ResourceKind::Network),
            self.owned_of_kind(ResourceKind::Lease),
            self.owned_of_kind(ResourceKind::Machine),
            self.owned_of_kind(ResourceKind::Address),
        )?;
        let mut all = [keypairs, networks, leases, machines, addresses].concat();
        all.sort();
        Ok(all)
    }
}

/// The node API's list, if the site has one, with Blazar's hosts and allocations.
#[async_trait]
impl InventorySource for OpenStack {
    async fn feed(&self) -> Result<Feed, SiteError> {
        let feed = offers::feed(&self.session, &self.settings).await;
        feed.map_err(|failure| self.error("reading hosts and allocations", failure))
    }
}

/// Turns "unavailable" into a retry: if a resource in use blocks a deletion, another plan does not help, but waiting does.
fn retry_if_blocked(failure: CallFailure) -> CallFailure {
    match failure.remedy {
        Remedy::Replan => CallFailure { remedy: Remedy::Retry(DELETE_RETRY), ..failure },
        _ => failure,
    }
}

#[async_trait]
impl Provider for OpenStack {
    fn site(&self) -> &SiteId {
        &self.settings.site
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        let token = self.session.token().await.map_err(|error| self.error("logging in", error.into()))?;
        Ok(token.account.at_site())
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        let offers = offers::offers(&self.session, &self.settings).await;
        offers.map_err(|failure| self.error("listing offers", failure))
    }

    async fn create(&self, ticket: &Ticket, request: &CreateRequest) -> Result<Created, SiteError> {
        let created = self.create_resource(ticket, request).await;
        created.map_err(|failure| self.error(&format!("creating the {}", request.kind()), failure))
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        let status = self.status_of(kind, &resource.0).await;
        status.map_err(|failure| self.error(&format!("reading the status of the {kind}"), failure))
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        let extended = lease::extend(&self.session, &LeaseId(lease.0.clone()), until).await;
        extended.map_err(|failure| self.error("extending the lease", failure))
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let deleted = self.delete_resource(owned).await.map_err(retry_if_blocked);
        deleted.map_err(|failure| self.error(&format!("deleting the {}", owned.kind), failure))
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.owned_of_all_kinds().await.map_err(|error| self.error("listing the resources of hostler", error.into()))
    }

    async fn owned_by(&self, kind: ResourceKind, ticket: &Ticket) -> Result<Vec<Owned>, SiteError> {
        let owned = self.owned_of_kind(kind).await;
        let mut owned = owned.map_err(|error| self.error(&format!("looking for the {kind}"), error.into()))?;
        owned.retain(|owned| owned.ticket == *ticket);
        Ok(owned)
    }

    /// A service completes a request whose sender is gone: a lease takes Blazar some seconds.
    fn settle_time(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn resources(&self, kind: ResourceKind) -> Result<Vec<Resource>, SiteError> {
        self.list(kind).await.map_err(|failure| self.error(&format!("listing each {kind}"), failure))
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let operation = match power {
            Power::On => "starting the machine",
            Power::Off => "stopping the machine",
        };
        let outcome = machine::set_power(&self.session, &machine.0, power).await;
        outcome.map_err(|failure| self.error(operation, failure))
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        let output = nova::console(&self.session, &machine.0, CONSOLE_LINES).await;
        output.map_err(|error| self.error("reading the console", error.into()))
    }

    async fn check(&self) -> Vec<Health> {
        check::check(&self.session, &self.settings).await
    }

    fn client_script(&self, plan: &Plan) -> Option<String> {
        Some(script::client_script(plan, &self.settings.flavor))
    }
}
