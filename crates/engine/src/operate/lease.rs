//! Creation of leases without machines.
//!
//! A lease is a deployment whose first round ends with the lease: it is journaled, ticketed, rolled back if it fails and
//! deleted like every other. Bringing the deployment up later launches the machines.

use std::time::Duration;

use hostler_core::demand::SiteSelector;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Grant, ResourceStatus};
use jiff::Timestamp;

use super::{ListedResource, OperateError, Operator, UpRequest, UpResult};
use crate::run::{Interrupts, unless_interrupted};

/// The result of creating a lease.
#[derive(Debug)]
pub enum LeaseResult {
    /// The lease, as the site granted it.
    Granted(Box<ListedResource>),
    /// A dry run: the plan that would be applied.
    Planned(Box<hostler_core::plan::Plan>),
}

/// Pauses between two queries while waiting for a lease. They grow, so that a lease that begins soon is seen soon and one
/// that takes hours costs few calls.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

impl Operator {
    /// Creates a lease, reads it back, and checks that the site granted what was planned.
    ///
    /// # Errors
    /// As [`Operator::up`]; [`OperateError::LeaseShort`] if the site granted less.
    pub async fn create_lease(
        &self,
        request: &UpRequest,
        interrupts: &Interrupts,
    ) -> Result<LeaseResult, OperateError> {
        if let UpResult::Planned(plan) = self.up(request, interrupts).await? {
            return Ok(LeaseResult::Planned(plan));
        }
        let name = &request.requested.demand.name;
        let lease = self.read_back(ResourceKind::Lease, name, interrupts).await?;
        let (_, record) = self.deployment(name.as_str()).await?;
        let planned = record.plan.picks.iter().flat_map(|pick| &pick.hosts);
        if let Some(Grant { hosts, window }) = lease.resource.grant() {
            let missing: Vec<String> =
                planned.filter(|host| !hosts.contains(host)).map(|host| format!("`{host}`")).collect();
            let until = record.journal().until(&record.plan);
            let early = until.filter(|until| window.end() < *until).map(|_| window.end());
            if !missing.is_empty() || early.is_some() {
                let error = OperateError::LeaseShort { lease: name.clone(), missing, until: early };
                return Err(error.leaving(&record));
            }
        }
        Ok(LeaseResult::Granted(Box::new(lease)))
    }

    /// An existing lease that is active. It need not have free hosts.
    ///
    /// # Errors
    /// If there is none, or it is not active.
    pub async fn active_lease(
        &self,
        lease: &str,
        on: &[SiteSelector],
        interrupts: &Interrupts,
    ) -> Result<ListedResource, OperateError> {
        active(unless_interrupted(interrupts, self.find_resource(ResourceKind::Lease, on, lease)).await?)
    }

    /// Waits until a lease is active.
    ///
    /// # Errors
    /// [`OperateError::LeaseTimedOut`], or [`OperateError::LeaseInactive`] if it can no longer begin.
    pub async fn wait_for_lease(
        &self,
        lease: &str,
        on: &[SiteSelector],
        timeout: Duration,
        interrupts: &Interrupts,
    ) -> Result<ListedResource, OperateError> {
        let begun = unless_interrupted(interrupts, self.begun(lease, on));
        match tokio::time::timeout(timeout, begun).await {
            Ok(begun) => begun,
            Err(_) => Err(OperateError::LeaseTimedOut { lease: lease.to_owned(), waited: timeout }),
        }
    }

    async fn begun(&self, text: &str, on: &[SiteSelector]) -> Result<ListedResource, OperateError> {
        let mut pauses = PAUSES.into_iter();
        let mut pause = PAUSES[0];
        loop {
            let lease = self.find_resource(ResourceKind::Lease, on, text).await?;
            let over = |grant: &Grant| grant.window.end() <= (self.now)();
            match &lease.resource.status {
                Some(ResourceStatus::Running { .. }) => return Ok(lease),
                Some(ResourceStatus::Missing | ResourceStatus::Error { .. }) => return active(lease),
                _ if lease.resource.grant().is_some_and(over) => return active(lease),
                _ => {}
            }
            pause = pauses.next().unwrap_or(pause);
            tokio::time::sleep(pause.min(until_start(&lease, (self.now)()))).await;
        }
    }
}

fn active(lease: ListedResource) -> Result<ListedResource, OperateError> {
    if lease.resource.is_running() {
        return Ok(lease);
    }
    let (name, status) = (lease.name().to_owned(), lease.resource.site_status.clone());
    Err(OperateError::LeaseInactive { lease: name, status })
}

/// The time until a lease should begin, within the shortest and the longest pause.
fn until_start(lease: &ListedResource, now: Timestamp) -> Duration {
    let starts = lease.resource.grant().map(|grant| now.duration_until(grant.window.start()));
    let wait = starts.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or(PAUSES[2]);
    wait.clamp(PAUSES[0], PAUSES[2])
}
