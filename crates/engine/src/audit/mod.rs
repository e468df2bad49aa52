//! The audit trail: every call that makes, extends or deletes a lease, in a file that only grows.
//!
//! The journal is the truth about deployments, and nothing is ever read back from here. The trail is what a project's
//! owner asks for: who asked for which hosts when, and what was granted. It is fed at the one gate that all calls to sites
//! go through, [`audited`], whoever makes them: a drive, an extension, or a sweep. The intent is on disk before the call
//! goes out, and the outcome, read back from the site, after it. A call that can't be written down is not made.

mod trail;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::{Plan, ResourceKind};
use hostler_core::ports::{
    Account, CreateRequest, Created, Grant, Health, Owned, Power, Provider, Remedy, Resource, ResourceStatus, SiteError,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

use crate::sites::Sites;

pub use trail::{AuditEntry, AuditError, AuditStage, AuditTrail, CallOutcome, LeaseCall};

/// The same sites, with every call about a lease written down.
pub fn audited(sites: Sites, trail: &Arc<AuditTrail>, now: fn() -> Timestamp) -> Sites {
    let audit = |inner| -> Arc<dyn Provider> { Arc::new(Audited { inner, trail: Arc::clone(trail), now }) };
    sites.into_iter().map(|(id, site)| (id, audit(site))).collect()
}

struct Audited {
    inner: Arc<dyn Provider>,
    trail: Arc<AuditTrail>,
    now: fn() -> Timestamp,
}

impl Audited {
    /// Writes the intent down, makes the call, and writes its outcome down.
    async fn write_around<T>(
        &self,
        act: LeaseCall,
        ticket: Option<&Ticket>,
        lease: Option<&Ref>,
        call: impl Future<Output = Result<T, SiteError>>,
        made: impl FnOnce(&T) -> Option<Ref>,
    ) -> Result<T, SiteError> {
        let at = (self.now)();
        let line = |at, lease, stage| AuditEntry {
            at,
            site: self.inner.site().clone(),
            call: act.clone(),
            ticket: ticket.cloned(),
            lease,
            stage,
        };
        if let Err(error) = self.append(&line(at, lease.cloned(), AuditStage::Intent)) {
            // A lease that isn't given back costs more than a line that is missing.
            if !matches!(act, LeaseCall::Delete) {
                return Err(self.unwritten(&error));
            }
            tracing::error!("a lease is given back without a line in the audit trail: {error}");
        }
        let answer = call.await;
        let lease = answer.as_ref().ok().and_then(made).or_else(|| lease.cloned());
        let outcome = match &answer {
            Ok(_) => CallOutcome::Done { granted: self.granted(&act, lease.as_ref()).await },
            Err(error) => CallOutcome::Failed { error: error.to_string() },
        };
        let stage = AuditStage::Outcome { asked: at, outcome };
        if let Err(error) = self.append(&line((self.now)(), lease, stage)) {
            // What is done is done: the journal has to learn of it.
            tracing::error!("the outcome of a call about a lease is not in the audit trail: {error}");
        }
        answer
    }

    /// What the lease holds now, by the site's own calendar; nothing where it is gone or the site doesn't say.
    async fn granted(&self, act: &LeaseCall, lease: Option<&Ref>) -> Option<Grant> {
        if matches!(act, LeaseCall::Delete) {
            return None;
        }
        let resources = self.inner.resources(ResourceKind::Lease).await.ok()?;
        resources.iter().find(|resource| Some(&resource.reference) == lease)?.grant().cloned()
    }

    fn append(&self, line: &AuditEntry) -> Result<(), AuditError> {
        self.trail.append(line)
    }

    fn unwritten(&self, error: &AuditError) -> SiteError {
        SiteError {
            site: self.inner.site().clone(),
            doing: "writing down what is about to be asked".to_owned(),
            message: error.to_string(),
            remedy: Remedy::Ask,
            hint: Some("check the owner of the data directory and its free space".to_owned()),
        }
    }
}

#[async_trait]
impl Provider for Audited {
    fn site(&self) -> &SiteId {
        self.inner.site()
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        self.inner.account().await
    }

    async fn offers(&self, window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.inner.offers(window).await
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let call = self.inner.create(ticket, what);
        let CreateRequest::Lease { spec } = what else { return call.await };
        let act = LeaseCall::Create { name: spec.name.clone(), window: spec.window, hosts: spec.hosts.clone() };
        self.write_around(act, Some(ticket), None, call, |made: &Created| Some(made.reference.clone())).await
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.inner.status(kind, resource).await
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        let call = self.inner.extend(lease, until);
        self.write_around(LeaseCall::Extend { until }, None, Some(lease), call, |()| None).await
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let call = self.inner.delete(owned);
        if owned.kind != ResourceKind::Lease {
            return call.await;
        }
        self.write_around(LeaseCall::Delete, Some(&owned.ticket), Some(&owned.reference), call, |()| None).await
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.inner.owned().await
    }

    async fn owned_by(&self, kind: ResourceKind, ticket: &Ticket) -> Result<Vec<Owned>, SiteError> {
        self.inner.owned_by(kind, ticket).await
    }

    fn settle_time(&self) -> Duration {
        self.inner.settle_time()
    }

    fn hosts_are_persistent(&self) -> bool {
        self.inner.hosts_are_persistent()
    }

    async fn resources(&self, kind: ResourceKind) -> Result<Vec<Resource>, SiteError> {
        self.inner.resources(kind).await
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        self.inner.set_power(machine, power).await
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        self.inner.console(machine).await
    }

    async fn check(&self) -> Vec<Health> {
        self.inner.check().await
    }

    fn client_script(&self, plan: &Plan) -> Option<String> {
        self.inner.client_script(plan)
    }
}

#[cfg(test)]
mod tests;
