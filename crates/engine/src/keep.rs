//! Keeps a deployment: moves its end, holds it, shuts its machines down and starts them again.

use futures::future::join_all;
use hostler_core::journal::{Entry, StepEvent};
use hostler_core::name::Name;
use hostler_core::plan::MachineSpec;
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
    /// A machine's site is not configured any more.
    #[error("the site `{site}` of `{name}` is not configured")]
    NoSite {
        /// The deployment.
        name: Name,
        /// The site.
        site: hostler_core::name::SiteId,
    },
}

/// Moves the end of a deployment; `None` is: until given back.
pub async fn extend(
    store: &Store,
    record: &mut Record,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), KeepError> {
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(KeepError::Past { name: record.name.clone(), until, now });
    }
    Ok(store.record(record, now, Entry::Until(until)).await?)
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
        let step: &hostler_core::plan::Step = step;
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
