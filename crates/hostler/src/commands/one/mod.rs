//! One thing by itself: a deployment whose plan has one step, journaled, ticketed and given back as every other.

use std::time::Duration;

use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::plan::{Plan, PlannedResource, ResourceKind};
use hostler_engine::deploy::{Material, OnFailure};
use hostler_engine::run::{Interrupts, Sites};
use serde_json::json;

use crate::app::App;
use crate::args::Consent;
use crate::drive::{Drive, Manner, interrupts, unless_interrupted};
use crate::error::Error;
use crate::keys::Keys;
use crate::resources::{self, Listed};
use crate::view;

/// A thing to make.
pub(super) struct One<'a> {
    pub app: &'a App,
    pub sites: &'a Sites,
    /// What its deployment is called.
    pub name: &'a str,
    /// Where it is made.
    pub site: &'a str,
    pub keys: &'a Keys,
    pub consent: &'a Consent,
}

impl One<'_> {
    /// Makes it, reads it back, and shows it. What exactly is made may depend on what the site has.
    pub(super) fn make(
        &self,
        what: impl AsyncFnOnce(&Sites, SiteId) -> Result<PlannedResource, Error>,
    ) -> Result<(), Error> {
        let name = Name::new(self.name)?;
        let made = self.app.block_on(async { self.made(&name, what, &mut interrupts()?).await })?;
        match made {
            Some(resource) => self.app.emit(&resource, |width| view::resource(&resource, width)),
            None => {
                let told = json!({ "status": "would_be_created", "name": name });
                self.app.emit(&told, |_| format!("{name} would be made\n"))
            }
        }
    }

    async fn made(
        &self,
        name: &Name,
        what: impl AsyncFnOnce(&Sites, SiteId) -> Result<PlannedResource, Error>,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Listed>, Error> {
        let (app, sites) = (self.app, self.sites);
        app.check_free(name).await?;
        let site: SiteId = resources::full_name(sites, self.site).parse()?;
        if !sites.contains_key(&site) {
            resources::wished(sites, &[site.to_string()])?;
        }
        let what = unless_interrupted(interrupts, what(sites, site)).await?;
        let kind = what.kind();
        let id = DeploymentId::from_bits(uuid::Uuid::now_v7().as_u128());
        let plan = Plan::of_one(id, name.clone(), what, (app.now)());
        if self.consent.dry_run {
            return Ok(None);
        }
        if may_cost(kind) {
            app.confirm_or_interrupt(self.consent, &format!("Make this {kind}? It may cost something."), interrupts)
                .await?;
        }
        self.keys.make_room()?;
        let store = app.store().await?;
        let lock = store.lock(name)?;
        let manner = Manner { patience: Duration::ZERO, on_failure: OnFailure::GiveBack };
        let material = Material { key: self.keys.source.clone(), ..Material::default() };
        let drive = Drive { app, sites, store: &store, lock };
        drive.up(&plan, None, &material, manner, interrupts).await?;
        if let Some(record) = store.find(name).await? {
            self.keys.write_copy(&store, &record)?;
        }
        resources::made(app, sites, kind, name, interrupts).await.map(Some)
    }
}

/// Keys cost nothing anywhere.
fn may_cost(kind: ResourceKind) -> bool {
    kind != ResourceKind::Keypair
}

#[cfg(test)]
mod tests;
