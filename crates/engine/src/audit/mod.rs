//! The audit trail: every call that creates, extends or deletes a lease, in an append-only file.
//!
//! The journal is the authority on deployments; no decision reads the trail. The trail answers a project owner's
//! question: who requested which hosts when, and what did the site grant. [`audited`] wraps every site, so calls of a
//! deployment, an extension and a sweep are all recorded. The intent is on disk before the call goes out, and the outcome,
//! as read back from the site, after it. A create or extend call whose intent can't be written is not made.

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

use crate::blocking::blocking;
use crate::sites::Sites;

pub use trail::{AuditEntry, AuditError, AuditStage, AuditTrail, CallOutcome, LeaseCall};

/// Wraps sites so that every lease call is recorded in the trail.
pub fn audited(sites: Sites, trail: &Arc<AuditTrail>, now: fn() -> Timestamp) -> Sites {
    let wrap = |inner| -> Arc<dyn Provider> { Arc::new(Audited { inner, trail: Arc::clone(trail), now }) };
    sites.into_iter().map(|(id, site)| (id, wrap(site))).collect()
}

struct Audited {
    inner: Arc<dyn Provider>,
    trail: Arc<AuditTrail>,
    now: fn() -> Timestamp,
}

impl Audited {
    /// Records the intent, makes the call, and records its outcome.
    async fn record_call<T>(
        &self,
        act: LeaseCall,
        ticket: Option<&Ticket>,
        lease: Option<&Ref>,
        call: impl Future<Output = Result<T, SiteError>>,
        created: impl FnOnce(&T) -> Option<Ref>,
    ) -> Result<T, SiteError> {
        let at = (self.now)();
        let entry = |at, lease, stage| AuditEntry {
            at,
            site: self.inner.site().clone(),
            call: act.clone(),
            ticket: ticket.cloned(),
            lease,
            stage,
        };
        if let Err(error) = self.append(entry(at, lease.cloned(), AuditStage::Intent)).await {
            // A lease that stays costs more than a missing line.
            if !matches!(act, LeaseCall::Delete) {
                return Err(self.unwritten(&error));
            }
            tracing::error!("deleting a lease without an entry in the audit trail: {error}");
        }
        let answer = call.await;
        let lease = answer.as_ref().ok().and_then(created).or_else(|| lease.cloned());
        let outcome = match &answer {
            Ok(_) => CallOutcome::Done { granted: self.granted(&act, lease.as_ref()).await },
            Err(error) => CallOutcome::Failed { error: error.to_string() },
        };
        let stage = AuditStage::Outcome { requested_at: at, outcome };
        if let Err(error) = self.append(entry((self.now)(), lease, stage)).await {
            // The call was made: its answer must reach the journal all the same.
            tracing::error!("the outcome of a lease call is missing from the audit trail: {error}");
        }
        answer
    }

    /// Hosts and window that the lease holds now, read from the site. `None` if it is gone or the site reports none.
    async fn granted(&self, act: &LeaseCall, lease: Option<&Ref>) -> Option<Grant> {
        if matches!(act, LeaseCall::Delete) {
            return None;
        }
        let resources = self.inner.resources(ResourceKind::Lease).await.ok()?;
        resources.iter().find(|resource| Some(&resource.reference) == lease)?.grant().cloned()
    }

    async fn append(&self, entry: AuditEntry) -> Result<(), AuditError> {
        let trail = Arc::clone(&self.trail);
        blocking(move || trail.append(&entry)).await
    }

    fn unwritten(&self, error: &AuditError) -> SiteError {
        SiteError {
            site: self.inner.site().clone(),
            doing: "writing to the audit trail".to_owned(),
            message: error.to_string(),
            remedy: Remedy::Ask,
            hint: Some("check the owner and the free space of the data directory".to_owned()),
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
        self.record_call(act, Some(ticket), None, call, |created: &Created| Some(created.reference.clone())).await
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.inner.status(kind, resource).await
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        let call = self.inner.extend(lease, until);
        self.record_call(LeaseCall::Extend { until }, None, Some(lease), call, |()| None).await
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        let call = self.inner.delete(owned);
        if owned.kind != ResourceKind::Lease {
            return call.await;
        }
        self.record_call(LeaseCall::Delete, Some(&owned.ticket), Some(&owned.reference), call, |()| None).await
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
