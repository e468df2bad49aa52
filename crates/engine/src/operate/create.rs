//! Creation of a single resource: a deployment whose plan has one step, journaled, ticketed and deleted like every other.

use hostler_core::name::{Name, SiteId};
use hostler_core::offer::ReachTerm;
use hostler_core::plan::{Plan, PlannedResource, ResourceKind};
use hostler_core::time::Window;
use jiff::SignedDuration;

use super::plan::new_id;
use super::resume::{Run, RunOptions};
use super::{KeyRequest, ListedResource, Mode, OperateError, Operator, Proposal};
use crate::deploy::LocalInputs;
use crate::run::{Interrupts, unless_interrupted};

/// A request for a single resource.
#[derive(Debug, Clone)]
pub struct CreateOne {
    /// The name of its deployment.
    pub name: Name,
    /// Its site: the full name, or the place alone.
    pub site: String,
    /// The resource.
    pub resource: OneResource,
    /// The key, for a keypair.
    pub key: KeyRequest,
    /// Apply or dry run.
    pub mode: Mode,
}

/// A resource that can be created without machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneResource {
    /// The public key of the request, registered at the site.
    Keypair,
    /// A public address.
    Address {
        /// The pool that it comes from; the one that the site's machines use if `None`.
        pool: Option<String>,
    },
}

impl Operator {
    /// Creates one resource, and reads it back. `None` after a dry run.
    ///
    /// # Errors
    /// If the name is taken, the site is not configured, or it rejects the request.
    pub async fn create_one(
        &self,
        request: &CreateOne,
        interrupts: &Interrupts,
    ) -> Result<Option<ListedResource>, OperateError> {
        let name = &request.name;
        self.check_free(name).await?;
        let site = self.one_site(&request.site)?;
        let resource = unless_interrupted(interrupts, self.planned(&request.resource, site)).await?;
        let kind = resource.kind();
        let plan = Plan::single(new_id(), name.clone(), resource, (self.now)());
        if request.mode == Mode::DryRun {
            return Ok(None);
        }
        // No site charges for a registered key.
        if kind != ResourceKind::Keypair {
            self.agree(&Proposal::Create { plan: &plan, kind }, interrupts).await?;
        }
        request.key.create_directory().await?;
        let store = self.store.open().await?;
        let lock = store.lock(name).await?;
        let local_inputs = LocalInputs { key: request.key.source.clone(), ..LocalInputs::default() };
        let run = Run { operator: self, store: store.clone(), _lock: lock };
        run.up(&plan, None, &local_inputs, RunOptions::default(), interrupts).await?;
        if let Some(record) = store.find(name).await? {
            request.key.write_copy(&store, &record).await?;
        }
        self.read_back(kind, name, interrupts).await.map(Some)
    }

    async fn planned(&self, resource: &OneResource, site: SiteId) -> Result<PlannedResource, OperateError> {
        match resource {
            OneResource::Keypair => Ok(PlannedResource::Keypair { site }),
            OneResource::Address { pool: Some(pool) } => {
                Ok(PlannedResource::Address { site, pool: pool.clone(), machine: None })
            }
            OneResource::Address { pool: None } => {
                let pool = self.pool_of(&site).await?;
                Ok(PlannedResource::Address { site, pool, machine: None })
            }
        }
    }

    /// The pool that a site's machines take their public addresses from.
    async fn pool_of(&self, site: &SiteId) -> Result<String, OperateError> {
        let none = || OperateError::NoPool(site.clone());
        let provider = self.sites.get(site).ok_or_else(none)?;
        let window = Window::starting_at((self.now)(), SignedDuration::from_hours(1))?;
        let offers = provider.offers(&window).await?;
        let pool = offers.into_iter().find_map(|offer| match offer.terms.reach {
            ReachTerm::PublicAddress(pool) => Some(pool),
            ReachTerm::Direct => None,
        });
        pool.ok_or_else(none)
    }
}
