//! Keeps a deployment: moves its end, holds it, shuts its machines down and starts them again.

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

/// Why a deployment could not be kept as asked.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The journal can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was made as somebody else, or a site doesn't say who we are.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Sites that said no. What the others were asked is done, and written down.
    #[error("{} of the machines of `{name}` could not be asked", .failed.len())]
    Sites {
        /// The deployment.
        name: Name,
        /// Each refusal.
        failed: Vec<SiteError>,
    },
    /// The new end is over already.
    #[error("`{name}` can't end at {until}: that is not after now, {now:.0}")]
    Past {
        /// The deployment.
        name: Name,
        /// The end that was asked for.
        until: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// The site refused to move a lease's end.
    #[error("the lease of `{name}` still ends when it did")]
    Lease {
        /// The deployment.
        name: Name,
        /// What the site said.
        #[source]
        refused: SiteError,
    },
    /// The new end is before the one that it has.
    #[error("`{name}` ends at {end}, which is after {until}")]
    Earlier {
        /// The deployment.
        name: Name,
        /// The end that it has.
        end: Timestamp,
        /// The end that was asked for.
        until: Timestamp,
    },
    /// Its machines stand on a lease that it didn't make, and that ends before.
    #[error("`{name}` stands on the lease `{lease}` at `{site}`, which it didn't make, and which ends at {end}")]
    Held {
        /// The deployment.
        name: Name,
        /// The lease.
        lease: Ref,
        /// Where.
        site: SiteId,
        /// When the lease ends.
        end: Timestamp,
    },
    /// Its machines stand on a lease that it didn't make, and that is gone.
    #[error("`{name}` stands on the lease `{lease}` at `{site}`, which it didn't make, and which is gone")]
    HeldNoMore {
        /// The deployment.
        name: Name,
        /// The lease.
        lease: Ref,
        /// Where.
        site: SiteId,
    },
    /// A site could not be asked for such a lease.
    #[error("when the lease ends that `{name}` stands on is not known")]
    Unsaid {
        /// The deployment.
        name: Name,
        /// What the site said.
        #[source]
        refused: SiteError,
    },
    /// A lease without an end was asked for.
    #[error("`{name}` has a lease at `{site}`, which must end some time")]
    Endless {
        /// The deployment.
        name: Name,
        /// The site.
        site: SiteId,
    },
    /// A machine's site is not configured any more.
    #[error("the site `{site}` of `{name}` is not configured")]
    NoSite {
        /// The deployment.
        name: Name,
        /// The site.
        site: SiteId,
    },
}

/// Moves the end of a deployment, and of its leases; `None` is: until given back.
///
/// The leases are moved first: where a site refuses, the deployment still ends when it did. A lease that the deployment
/// didn't make is not moved, but waited for by whoever did: until it lasts long enough, the deployment can't.
pub async fn extend(
    store: &Store,
    sites: &Sites,
    record: &mut Record,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), KeepError> {
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(KeepError::Past { name: record.name.clone(), until, now });
    }
    if let (Some(end), Some(until)) = (record.journal().until(&record.plan), until)
        && until < end
    {
        return Err(KeepError::Earlier { name: record.name.clone(), end, until });
    }
    account::check(sites, record).await?;
    held_for_long_enough(sites, record, until).await?;
    let leases = leases(record);
    if let (Some((spec, _)), None) = (leases.first(), until) {
        return Err(KeepError::Endless { name: record.name.clone(), site: spec.site.clone() });
    }
    for (spec, lease) in leases {
        let site = site_of(sites, record, &spec.site)?;
        let end = until.unwrap_or(spec.window.end());
        site.extend(&lease, end).await.map_err(|refused| KeepError::Lease { name: record.name.clone(), refused })?;
    }
    Ok(store.record(record, now, Entry::Until(until)).await?)
}

/// Makes sure that leases of others, which the machines stand on, last until then.
async fn held_for_long_enough(sites: &Sites, record: &Record, until: Option<Timestamp>) -> Result<(), KeepError> {
    let held = |(_, spec): (&Step, &MachineSpec)| Some((spec.site.clone(), spec.uses.lease.clone()?));
    let held: BTreeSet<(SiteId, Ref)> = record.plan.machines().filter_map(held).collect();
    for (id, lease) in held {
        let (name, until) = (record.name.clone(), until.unwrap_or(Timestamp::MAX));
        let end = end_of(&**site_of(sites, record, &id)?, &lease).await;
        match end.map_err(|refused| KeepError::Unsaid { name: name.clone(), refused })? {
            Some(end) if end < until => return Err(KeepError::Held { name, lease, site: id, end }),
            Some(_) => {}
            None => return Err(KeepError::HeldNoMore { name, lease, site: id }),
        }
    }
    Ok(())
}

/// When a lease ends; nothing where it is gone.
async fn end_of(site: &dyn Provider, lease: &Ref) -> Result<Option<Timestamp>, SiteError> {
    let resources = site.resources(ResourceKind::Lease).await?;
    let there = resources.iter().find(|resource| resource.reference == *lease);
    // What a site tells nothing about is not known to end.
    Ok(there.map(|resource| resource.grant().map_or(Timestamp::MAX, |grant| grant.window.end())))
}

fn site_of<'s>(sites: &'s Sites, record: &Record, site: &SiteId) -> Result<&'s Arc<dyn Provider>, KeepError> {
    sites.get(site).ok_or_else(|| KeepError::NoSite { name: record.name.clone(), site: site.clone() })
}

/// The leases of a deployment that are there.
fn leases(record: &Record) -> Vec<(LeaseSpec, Ref)> {
    let journal = record.journal();
    let lease = |step: &Step| match &step.action {
        Action::Create(PlannedResource::Lease(spec)) => Some((spec.clone(), journal.made(&step.id)?.reference.clone())),
        _ => None,
    };
    record.plan.steps.iter().filter_map(lease).collect()
}

/// Keeps a deployment though failed or expired, or lets it go again.
pub async fn hold(store: &Store, record: &mut Record, held: bool, now: Timestamp) -> Result<(), KeepError> {
    Ok(store.record(record, now, Entry::Held(held)).await?)
}

/// Starts all machines, or shuts all down, side by side; how many were not yet so is the answer.
pub async fn set_power(
    store: &Store,
    sites: &Sites,
    record: &mut Record,
    power: Power,
    now: Timestamp,
) -> Result<usize, KeepError> {
    account::check(sites, record).await?;
    let journal = record.journal();
    let made = |(step, spec): (&_, &MachineSpec)| {
        let step: &Step = step;
        Some((step.id.clone(), spec.clone(), journal.made(&step.id)?.reference.clone()))
    };
    let machines: Vec<(StepId, MachineSpec, Ref)> = record.plan.machines().filter_map(made).collect();
    let mut asked = Vec::with_capacity(machines.len());
    for (step, spec, machine) in machines {
        let site = site_of(sites, record, &spec.site)?;
        asked.push(async move { (step, site.set_power(&machine, power).await) });
    }
    let (mut changed, mut failed) = (0, Vec::new());
    for (step, answer) in join_all(asked).await {
        match answer {
            Ok(()) if journal.is_off(&step) == (power == Power::Off) => {}
            Ok(()) => {
                changed += 1;
                store.record(record, now, Entry::Step { step, event: StepEvent::Power { power } }).await?;
            }
            Err(error) => failed.push(error),
        }
    }
    if failed.is_empty() { Ok(changed) } else { Err(KeepError::Sites { name: record.name.clone(), failed }) }
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

    fn site(folder: &Path) -> (Arc<dyn Provider>, Sites) {
        let id: SiteId = "local".parse().unwrap();
        let site: Arc<dyn Provider> =
            Arc::new(SimSite::new(id.clone(), &folder.join("site"), Arc::new(FaultPlan::default())));
        (Arc::clone(&site), Sites::from([(id, site)]))
    }

    /// A machine on a lease that another deployment has made, until the given second.
    async fn on_anothers_lease(site: &dyn Provider, plan: &mut Plan, until: i64) -> Ref {
        let ticket = Ticket { deployment: plan_of("other", 9).deployment, step: "lease".parse().unwrap() };
        let window = Window::new(second(0), second(until)).unwrap();
        let spec = LeaseSpec { name: "other".to_owned(), site: site.site().clone(), window, hosts: Vec::new() };
        let Created { reference, .. } =
            site.create(&ticket, &CreateRequest::Lease { spec: Box::new(spec) }).await.unwrap();
        plan.steps.retain(|step| !matches!(step.action, Action::Create(PlannedResource::Lease(_))));
        for step in &mut plan.steps {
            if let Action::Create(PlannedResource::Machine(spec)) = &mut step.action {
                (spec.lease, spec.uses.lease) = (None, Some(reference.clone()));
            }
        }
        plan.until = Some(second(until));
        reference
    }

    #[tokio::test]
    async fn an_end_moves_forward_only_and_never_past_a_lease_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let (store, (site, sites)) = (Store::open(dir.path()).await.unwrap(), site(dir.path()));
        let mut plan = plan_of("web", 1);
        let lease = on_anothers_lease(&*site, &mut plan, 1000).await;
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        let mut extend_to = async |until: Option<i64>| {
            let moved = extend(&store, &sites, &mut record, until.map(second), second(10)).await;
            moved.map(|()| record.journal().until(&record.plan))
        };
        assert!(matches!(extend_to(Some(900)).await, Err(KeepError::Earlier { .. })));
        for until in [Some(2000), None] {
            let refused = extend_to(until).await.unwrap_err();
            assert!(matches!(&refused, KeepError::Held { end, .. } if *end == second(1000)), "{refused}");
        }
        // Whoever made it has moved its end.
        site.extend(&lease, second(3000)).await.unwrap();
        assert_eq!(extend_to(Some(2000)).await.unwrap(), Some(second(2000)));
        let gone = Ticket { deployment: plan_of("other", 9).deployment, step: "lease".parse().unwrap() };
        let gone = hostler_core::ports::Owned { ticket: gone, kind: ResourceKind::Lease, reference: lease };
        site.delete(&gone).await.unwrap();
        assert!(matches!(extend_to(Some(2500)).await, Err(KeepError::HeldNoMore { .. })));
    }
}
