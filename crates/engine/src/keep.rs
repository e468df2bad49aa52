//! Keeps a deployment: moves its end, holds it, shuts its machines down and starts them again.

use futures::future::join_all;
use hostler_core::journal::{Entry, StepEvent};
use hostler_core::name::Name;
use hostler_core::plan::{Action, LeaseSpec, MachineSpec, Step, What};
use hostler_core::ports::{Power, SiteError};
use hostler_core::ticket::{Ref, StepId};
use jiff::Timestamp;

use crate::run::Sites;
use crate::store::{Record, Store, StoreError};

/// Why a deployment could not be kept as asked.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The journal can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sites that said no. What the others were asked is done, and written down.
    #[error("{} of the machines of `{name}` could not be asked", .failed.len())]
    Sites {
        /// The deployment.
        name: Name,
        /// Each refusal.
        failed: Vec<SiteError>,
    },
    /// The new end is over already.
    #[error("`{name}` can't end at {until}: that is not after now, {now}")]
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
    /// A lease without an end was asked for.
    #[error("`{name}` has a lease at `{site}`, which must end some time")]
    Endless {
        /// The deployment.
        name: Name,
        /// The site.
        site: hostler_core::name::SiteId,
    },
    /// A machine's site is not configured any more.
    #[error("the site `{site}` of `{name}` is not configured")]
    NoSite {
        /// The deployment.
        name: Name,
        /// The site.
        site: hostler_core::name::SiteId,
    },
}

/// Moves the end of a deployment, and of its leases; `None` is: until given back.
///
/// The leases are moved first: where a site refuses, the deployment still ends when it did.
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
    let leases = leases(record);
    if let (Some((spec, _)), None) = (leases.first(), until) {
        return Err(KeepError::Endless { name: record.name.clone(), site: spec.site.clone() });
    }
    for (spec, lease) in leases {
        let no_site = || KeepError::NoSite { name: record.name.clone(), site: spec.site.clone() };
        let site = sites.get(&spec.site).ok_or_else(no_site)?;
        let end = until.unwrap_or(spec.window.end());
        site.extend(&lease, end).await.map_err(|refused| KeepError::Lease { name: record.name.clone(), refused })?;
    }
    Ok(store.record(record, now, Entry::Until(until)).await?)
}

/// The leases of a deployment that are there.
fn leases(record: &Record) -> Vec<(LeaseSpec, Ref)> {
    let journal = record.journal();
    let lease = |step: &Step| match &step.action {
        Action::Create(What::Lease(spec)) => Some((spec.clone(), journal.made(&step.id)?.reference.clone())),
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
    let journal = record.journal();
    let made = |(step, spec): (&_, &MachineSpec)| {
        let step: &Step = step;
        Some((step.id.clone(), spec.clone(), journal.made(&step.id)?.reference.clone()))
    };
    let machines: Vec<(StepId, MachineSpec, Ref)> = record.plan.machines().filter_map(made).collect();
    let mut asked = Vec::with_capacity(machines.len());
    for (step, spec, machine) in machines {
        let no_site = || KeepError::NoSite { name: record.name.clone(), site: spec.site.clone() };
        let site = sites.get(&spec.site).ok_or_else(no_site)?;
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
