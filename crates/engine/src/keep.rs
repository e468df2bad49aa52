//! Changes to a live deployment: extend it, hold it, stop and start its machines.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use hostler_core::journal::{Entry, StepEvent};
use hostler_core::name::{Name, SiteId};
use hostler_core::plan::{Action, LeaseSpec, MachineSpec, PlannedResource, ResourceKind, Step};
use hostler_core::ports::{Power, Provider, SiteError};
use hostler_core::ticket::{Ref, StepId};
use jiff::Timestamp;

use crate::account::{self, AccountError};
use crate::sites::Sites;
use crate::store::{Record, Store, StoreError};

/// The reason why a deployment could not be extended, held, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The journal cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another account created the deployment, or a site does not report the current account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Some machines could not be started or stopped. The change of the others is done and journaled.
    #[error("{} of the machines of `{name}` could not be started or stopped", .failed.len())]
    PowerFailed {
        /// The deployment.
        name: Name,
        /// The error of each machine.
        failed: Vec<SiteError>,
    },
    /// The requested end is not in the future.
    #[error("`{name}` can't end at {until}, which is not after the current time {now:.0}")]
    EndInPast {
        /// The deployment.
        name: Name,
        /// The requested end.
        until: Timestamp,
        /// The current time.
        now: Timestamp,
    },
    /// The site rejected the new end of a lease. The deployment's end is unchanged.
    #[error("the lease of `{name}` could not be extended")]
    LeaseNotExtended {
        /// The deployment.
        name: Name,
        /// The site's error.
        source: SiteError,
    },
    /// The requested end is before the current one.
    #[error("`{name}` ends at {end}, which is after {until}")]
    EarlierEnd {
        /// The deployment.
        name: Name,
        /// The current end.
        end: Timestamp,
        /// The requested end.
        until: Timestamp,
    },
    /// The machines use a lease that the deployment did not create, and that ends before the requested end.
    #[error("`{name}` uses the lease `{lease}` at `{site}`, which it did not create, and which ends at {end}")]
    LeaseTooShort {
        /// The deployment.
        name: Name,
        /// The lease.
        lease: Ref,
        /// The site.
        site: SiteId,
        /// The end of the lease.
        end: Timestamp,
    },
    /// The machines use a lease that the deployment did not create, and that no longer exists.
    #[error("`{name}` uses the lease `{lease}` at `{site}`, which it did not create, and which no longer exists")]
    LeaseMissing {
        /// The deployment.
        name: Name,
        /// The lease.
        lease: Ref,
        /// The site.
        site: SiteId,
    },
    /// A site did not report the end of a lease that the deployment did not create.
    #[error("the end of the lease that `{name}` uses is unknown")]
    LeaseEndUnknown {
        /// The deployment.
        name: Name,
        /// The site's error.
        source: SiteError,
    },
    /// No end was requested, but the deployment has a lease, which needs one.
    #[error("`{name}` has a lease at `{site}`, which needs an end")]
    LeaseNeedsEnd {
        /// The deployment.
        name: Name,
        /// The site.
        site: SiteId,
    },
    /// The site of a machine or lease is no longer configured.
    #[error("the site `{site}` of `{name}` is not configured")]
    SiteNotConfigured {
        /// The deployment.
        name: Name,
        /// The site.
        site: SiteId,
    },
}

/// Moves the end of a deployment and its leases to a later time. `None` removes the end.
///
/// The leases are extended first: if a site rejects that, the deployment's end is unchanged. A lease that the deployment did
/// not create is never extended here; the deployment's end cannot move past it.
///
/// # Errors
/// [`KeepError`]. A crash, or an error after the first of several leases was extended, leaves leases that end later than the
/// deployment; a repeated call completes the change.
pub async fn extend(
    store: &Store,
    sites: &Sites,
    record: &mut Record,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), KeepError> {
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(KeepError::EndInPast { name: record.name.clone(), until, now });
    }
    if let (Some(end), Some(until)) = (record.journal().until(&record.plan), until)
        && until < end
    {
        return Err(KeepError::EarlierEnd { name: record.name.clone(), end, until });
    }
    account::check(sites, record).await?;
    check_existing_leases(sites, record, until).await?;
    let leases = own_leases(record);
    if let (Some((spec, _)), None) = (leases.first(), until) {
        return Err(KeepError::LeaseNeedsEnd { name: record.name.clone(), site: spec.site.clone() });
    }
    for (spec, lease) in leases {
        let site = site_of(sites, record, &spec.site)?;
        let end = until.unwrap_or(spec.window.end());
        site.extend(&lease, end)
            .await
            .map_err(|source| KeepError::LeaseNotExtended { name: record.name.clone(), source })?;
    }
    Ok(store.record(record, now, Entry::Until(until)).await?)
}

/// Checks that every lease that the machines use, and that the deployment did not create, lasts until then.
async fn check_existing_leases(sites: &Sites, record: &Record, until: Option<Timestamp>) -> Result<(), KeepError> {
    let existing = |(_, spec): (&Step, &MachineSpec)| Some((spec.site.clone(), spec.existing.lease.clone()?));
    let existing: BTreeSet<(SiteId, Ref)> = record.plan.machines().filter_map(existing).collect();
    for (id, lease) in existing {
        let (name, until) = (record.name.clone(), until.unwrap_or(Timestamp::MAX));
        let end = end_of(&**site_of(sites, record, &id)?, &lease).await;
        match end.map_err(|source| KeepError::LeaseEndUnknown { name: name.clone(), source })? {
            Some(end) if end < until => return Err(KeepError::LeaseTooShort { name, lease, site: id, end }),
            Some(_) => {}
            None => return Err(KeepError::LeaseMissing { name, lease, site: id }),
        }
    }
    Ok(())
}

/// End of a lease; `None` if it does not exist.
async fn end_of(site: &dyn Provider, lease: &Ref) -> Result<Option<Timestamp>, SiteError> {
    let resources = site.resources(ResourceKind::Lease).await?;
    let lease = resources.iter().find(|resource| resource.reference == *lease);
    // A lease whose end the site does not report never limits the deployment.
    Ok(lease.map(|resource| resource.grant().map_or(Timestamp::MAX, |grant| grant.window.end())))
}

fn site_of<'s>(sites: &'s Sites, record: &Record, site: &SiteId) -> Result<&'s Arc<dyn Provider>, KeepError> {
    sites.get(site).ok_or_else(|| KeepError::SiteNotConfigured { name: record.name.clone(), site: site.clone() })
}

/// The leases that a deployment has created.
fn own_leases(record: &Record) -> Vec<(LeaseSpec, Ref)> {
    let journal = record.journal();
    let lease = |step: &Step| match &step.action {
        Action::Create(PlannedResource::Lease(spec)) => {
            Some((spec.clone(), journal.created(&step.id)?.reference.clone()))
        }
        _ => None,
    };
    record.plan.steps.iter().filter_map(lease).collect()
}

/// Holds a deployment, so that a failure or its end does not delete it; `held: false` releases it again.
pub async fn hold(store: &Store, record: &mut Record, held: bool, now: Timestamp) -> Result<(), KeepError> {
    Ok(store.record(record, now, Entry::Hold(held)).await?)
}

/// Starts or stops all machines at the same time. Returns the number of machines whose state changed.
///
/// # Errors
/// [`KeepError::PowerFailed`] with the errors of the machines that failed.
pub async fn set_power(
    store: &Store,
    sites: &Sites,
    record: &mut Record,
    power: Power,
    now: Timestamp,
) -> Result<usize, KeepError> {
    account::check(sites, record).await?;
    let journal = record.journal();
    let created = |(step, spec): (&_, &MachineSpec)| {
        let step: &Step = step;
        Some((step.id.clone(), spec.clone(), journal.created(&step.id)?.reference.clone()))
    };
    let machines: Vec<(StepId, MachineSpec, Ref)> = record.plan.machines().filter_map(created).collect();
    let mut calls = Vec::with_capacity(machines.len());
    for (step, spec, machine) in machines {
        let site = site_of(sites, record, &spec.site)?;
        calls.push(async move { (step, site.set_power(&machine, power).await) });
    }
    let (mut changed, mut failed) = (0, Vec::new());
    for (step, answer) in join_all(calls).await {
        match answer {
            Ok(()) if record.journal().is_powered_off(&step) == (power == Power::Off) => {}
            Ok(()) => {
                changed += 1;
                store.record(record, now, Entry::Step { step, event: StepEvent::Power { power } }).await?;
            }
            Err(error) => failed.push(error),
        }
    }
    if failed.is_empty() { Ok(changed) } else { Err(KeepError::PowerFailed { name: record.name.clone(), failed }) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hostler_core::plan::{LeaseSpec, Plan};
    use hostler_core::ports::{CreateRequest, Created};
    use hostler_core::ticket::Ticket;
    use hostler_core::time::Window;
    use hostler_sim::{FaultPlan, SimSite};

    use super::*;
    use crate::store::testing::{plan_of, second};

    fn site(dir: &Path) -> (Arc<dyn Provider>, Sites) {
        let id: SiteId = "local".parse().unwrap();
        let site: Arc<dyn Provider> =
            Arc::new(SimSite::new(id.clone(), &dir.join("site"), Arc::new(FaultPlan::default())));
        (Arc::clone(&site), Sites::from([(id, site)]))
    }

    /// Makes the plan's machine use a lease of another deployment, which ends at the given second.
    async fn use_other_lease(site: &dyn Provider, plan: &mut Plan, until: i64) -> Ref {
        let ticket = Ticket { deployment: plan_of("other", 9).deployment, step: "lease".parse().unwrap() };
        let window = Window::new(second(0), second(until)).unwrap();
        let spec = LeaseSpec { name: "other".to_owned(), site: site.site().clone(), window, hosts: Vec::new() };
        let Created { reference, .. } =
            site.create(&ticket, &CreateRequest::Lease { spec: Box::new(spec) }).await.unwrap();
        plan.steps.retain(|step| !matches!(step.action, Action::Create(PlannedResource::Lease(_))));
        for step in &mut plan.steps {
            if let Action::Create(PlannedResource::Machine(spec)) = &mut step.action {
                (spec.lease, spec.existing.lease) = (None, Some(reference.clone()));
            }
        }
        plan.until = Some(second(until));
        reference
    }

    #[tokio::test]
    async fn the_end_moves_only_forward_and_never_past_a_foreign_lease() {
        let dir = tempfile::tempdir().unwrap();
        let (store, (site, sites)) = (Store::open(dir.path()).await.unwrap(), site(dir.path()));
        let mut plan = plan_of("web", 1);
        let lease = use_other_lease(&*site, &mut plan, 1000).await;
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        let mut extend_to = async |until: Option<i64>| {
            let moved = extend(&store, &sites, &mut record, until.map(second), second(10)).await;
            moved.map(|()| record.journal().until(&record.plan))
        };
        assert!(matches!(extend_to(Some(900)).await, Err(KeepError::EarlierEnd { .. })));
        for until in [Some(2000), None] {
            let error = extend_to(until).await.unwrap_err();
            assert!(matches!(&error, KeepError::LeaseTooShort { end, .. } if *end == second(1000)), "{error}");
        }
        // The owner of the lease extends it.
        site.extend(&lease, second(3000)).await.unwrap();
        assert_eq!(extend_to(Some(2000)).await.unwrap(), Some(second(2000)));
        let ticket = Ticket { deployment: plan_of("other", 9).deployment, step: "lease".parse().unwrap() };
        let owned = hostler_core::ports::Owned { ticket, kind: ResourceKind::Lease, reference: lease };
        site.delete(&owned).await.unwrap();
        assert!(matches!(extend_to(Some(2500)).await, Err(KeepError::LeaseMissing { .. })));
    }
}
