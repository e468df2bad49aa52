//! Search for orphaned resources and dead deployments, and deletion of orphans.
//!
//! A resource belongs to this store if its ticket names a deployment of the store: every create call is journaled first. A
//! ticket of an unknown deployment belongs to another user (a colleague in the same project, another user of this computer),
//! or to a store that was lost. Such a resource is listed as untracked, and deleted only if the user names its ticket. So is
//! a resource of a live deployment whose record cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::journal::{DeploymentState, Journal, Next, StepStatus};
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::ports::{Account, Owned, Provider, SiteError};
use jiff::Timestamp;
use serde::Serialize;

use crate::blocking::blocking;
use crate::deploy::{DeployError, Files};
use crate::gather::query;
use crate::sites::Sites;
use crate::store::{DeploymentListing, Record, Store, StoreError};

/// Findings of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SweepFindings {
    /// Resources whose deployment is down, or whose step was undone or never started.
    pub orphans: Vec<Orphan>,
    /// Live deployments past their end that are not held.
    pub expired: Vec<Name>,
    /// Live deployments that stopped before the first login to any machine, and that no process runs.
    pub abandoned: Vec<Name>,
    /// Live deployments that are stuck, or that stopped after the first login. They are kept: there may be work on their
    /// machines, so that the user decides.
    pub stuck: Vec<Name>,
    /// Live deployments past their end that another process runs. They are left to that process.
    pub busy: Vec<Name>,
    /// Resources with a ticket of a deployment that this store does not know.
    pub untracked: Vec<Orphan>,
    /// Resources of live deployments whose records cannot be read. They are deleted only if the user names their tickets.
    pub unreadable_resources: Vec<Orphan>,
    /// The error of each live deployment whose record cannot be read.
    pub unreadable: Vec<String>,
    /// The sites whose resources could not be listed, or not completely, with the reason.
    pub unreachable: BTreeMap<SiteId, String>,
}

/// A resource that no live deployment of this store accounts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// The site.
    pub site: SiteId,
    /// The resource, with its ticket.
    pub resource: Owned,
}

impl SweepFindings {
    /// True if there is nothing to delete without a decision of the user.
    pub fn is_clean(&self) -> bool {
        self.orphans.is_empty() && self.expired.is_empty() && self.abandoned.is_empty()
    }
}

/// The reason to sweep a live deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepReason {
    /// It is past its end, and not held.
    Expired,
    /// Its run stopped before the first login, or while it was being deleted.
    Abandoned,
}

/// The reason to sweep a live deployment, provided that no process runs it; `None` if it must be kept.
///
/// One that was ready, or whose machines accepted a login, is kept until its end: there may be work on its machines.
pub fn sweep_reason(record: &Record, now: Timestamp) -> Option<SweepReason> {
    let journal = record.journal();
    if journal.has_expired(&record.plan, now) {
        return Some(SweepReason::Expired);
    }
    let unused = !journal.is_kept_on_failure() && !journal.login_succeeded();
    let incomplete = matches!(record.state(), DeploymentState::Launching | DeploymentState::SettingUp) && unused;
    (incomplete || journal.is_rolling_back(&record.plan)).then_some(SweepReason::Abandoned)
}

/// True if a run would start further steps.
fn is_incomplete(record: &Record) -> bool {
    matches!(record.journal().next(&record.plan, &BTreeSet::new()), Next::Run(_))
}

/// Searches all sites and all deployments. `store` is `None` if none exists yet, and with it no deployment.
///
/// # Errors
/// If the store cannot be read. A site that fails or does not answer is listed in the findings.
pub async fn find(store: Option<&Store>, sites: &Sites, now: Timestamp) -> Result<SweepFindings, StoreError> {
    // Sites first, then the store: a deployment that begins in between is in the store by then, so that its resources do
    // not look orphaned.
    let queries = sites.iter().map(|(id, site)| async move { (id, query(owned_at(&**site)).await) }.boxed());
    let answers = join_all(queries).await;
    let (DeploymentListing { records, unreadable }, all, live) = match store {
        Some(store) => (store.list().await?, store.ids().await?, store.live_ids().await?),
        None => Default::default(),
    };
    let journals: BTreeMap<DeploymentId, &Journal> =
        records.iter().map(|record| (record.id, record.journal())).collect();
    let known = KnownDeployments { all, live, journals: &journals };
    let mut found =
        SweepFindings { unreadable: unreadable.iter().map(ToString::to_string).collect(), ..SweepFindings::default() };
    for (id, answer) in answers {
        match answer {
            Ok((account, resources)) => {
                if let Some(reason) = account.and_then(|account| hidden_resources(id, &account, &journals)) {
                    found.unreachable.insert(id.clone(), reason);
                }
                sort(&mut found, id, resources, &known);
            }
            Err(reason) => {
                found.unreachable.insert(id.clone(), reason);
            }
        }
    }
    for record in &records {
        let name = record.name.clone();
        match (sweep_reason(record, now), is_busy(store, &name).await?) {
            (Some(SweepReason::Expired), true) => found.busy.push(name),
            (Some(SweepReason::Expired), false) => found.expired.push(name),
            (Some(SweepReason::Abandoned), false) => found.abandoned.push(name),
            (None, false) if is_incomplete(record) => found.stuck.push(name),
            (None, _) if record.state() == DeploymentState::Stuck => found.stuck.push(name),
            _ => {}
        }
    }
    Ok(found)
}

/// The current account at a site, and the tagged resources that it shows.
async fn owned_at(site: &dyn Provider) -> Result<(Option<Account>, Vec<Owned>), SiteError> {
    tokio::try_join!(site.account(), site.owned())
}

/// The reason why a site does not show all resources of the live deployments: another account created some of them.
fn hidden_resources(site: &SiteId, current: &Account, journals: &BTreeMap<DeploymentId, &Journal>) -> Option<String> {
    let mut creators = journals.values().filter_map(|journal| journal.account(site));
    let creator = creators.find(|creator| !creator.is(current))?;
    Some(format!("it hides the resources of {}: the current credentials are those of {}", creator.name, current.name))
}

async fn is_busy(store: Option<&Store>, name: &Name) -> Result<bool, StoreError> {
    match store {
        Some(store) => store.is_busy(name).await,
        None => Ok(false),
    }
}

/// The deployments of the store.
struct KnownDeployments<'a> {
    /// All, live and closed.
    all: BTreeSet<DeploymentId>,
    /// The live ones, readable or not.
    live: BTreeSet<DeploymentId>,
    /// The journals of the live ones that can be read.
    journals: &'a BTreeMap<DeploymentId, &'a Journal>,
}

fn sort(found: &mut SweepFindings, site: &SiteId, resources: Vec<Owned>, known: &KnownDeployments<'_>) {
    for resource in resources {
        let orphan = Orphan { site: site.clone(), resource };
        let ticket = &orphan.resource.ticket;
        match known.journals.get(&ticket.deployment) {
            Some(journal) if !matches!(journal.step_status(&ticket.step), None | Some(StepStatus::Undone)) => {}
            None if !known.all.contains(&ticket.deployment) => found.untracked.push(orphan),
            None if known.live.contains(&ticket.deployment) => found.unreadable_resources.push(orphan),
            _ => found.orphans.push(orphan),
        }
    }
}

/// Deletes the keys of deployments that are down. A run deletes them itself, unless it crashes after it has journaled the end.
///
/// # Errors
/// If the store or a file cannot be used. The remaining keys stay until the next call.
pub async fn remove_stale_keys(store: &Store) -> Result<(), DeployError> {
    for id in store.closed().await? {
        let files = Files::at(store.files_of(id));
        blocking(move || files.remove_secrets()).await?;
    }
    Ok(())
}

/// Deletes orphans, dependents before the resources that they use. Returns those that could not be deleted.
pub async fn delete(sites: &Sites, orphans: &[Orphan]) -> Vec<(Orphan, SiteError)> {
    let mut failed = Vec::new();
    let mut ordered: Vec<&Orphan> = orphans.iter().collect();
    ordered.sort_by_key(|orphan| order(orphan));
    for orphan in ordered {
        if let Some(site) = sites.get(&orphan.site)
            && let Err(error) = site.delete(&orphan.resource).await
        {
            failed.push((orphan.clone(), error));
        }
    }
    failed
}

fn order(orphan: &Orphan) -> u8 {
    use hostler_core::plan::ResourceKind;
    match orphan.resource.kind {
        ResourceKind::Address => 0,
        ResourceKind::Machine => 1,
        ResourceKind::Volume => 2,
        ResourceKind::Lease => 3,
        ResourceKind::Network => 4,
        ResourceKind::Keypair => 5,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hostler_core::journal::{Entry, StepEvent};
    use hostler_sim::SimSite;

    use super::*;
    use crate::store::testing::{plan_of, second};

    #[tokio::test]
    async fn resources_of_another_account_make_a_site_unreachable() {
        let dir = tempfile::tempdir().unwrap();
        let id: SiteId = "local".parse().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plan = plan_of("web", 1);
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        let account = Account { id: "ours".to_owned(), name: "ours".to_owned() };
        store.record(&mut record, second(1), Entry::Account { site: id.clone(), account }).await.unwrap();
        for (account, is_unreachable) in [("ours", false), ("others", true)] {
            let site = SimSite::new(id.clone(), &dir.path().join("site"), Arc::default()).with_account(account);
            let sites = Sites::from([(id.clone(), Arc::new(site) as Arc<dyn Provider>)]);
            let found = find(Some(&store), &sites, second(2)).await.unwrap();
            assert_eq!(found.unreachable.contains_key(&id), is_unreachable, "{account}: {found:?}");
        }
    }

    /// A store with a deployment that ends at second 100. These steps of it are done, and have created nothing.
    async fn store_with(dir: &std::path::Path, done: &[&str]) -> (Store, Name) {
        let store = Store::open(dir).await.unwrap();
        let plan = hostler_core::plan::Plan { until: Some(second(100)), ..plan_of("web", 1) };
        store.begin(&plan, second(0)).await.unwrap();
        let events = || [StepEvent::Started, StepEvent::Done { created: None }];
        let entries = |step: &&str| events().map(|event| Entry::Step { step: step.parse().unwrap(), event });
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        store.record_all(&mut record, second(1), done.iter().flat_map(entries).collect()).await.unwrap();
        (store, plan.demand.name)
    }

    #[tokio::test]
    async fn deployment_with_a_login_is_stuck_not_abandoned() {
        for (done, is_kept) in [(&[][..], false), (&["wait-ssh-web"], true)] {
            let dir = tempfile::tempdir().unwrap();
            let (store, name) = store_with(dir.path(), done).await;
            let lock = store.lock_blocking(&name).unwrap();
            let driven = find(Some(&store), &Sites::new(), second(2)).await.unwrap();
            assert_eq!(driven, SweepFindings::default(), "a process runs it");
            drop(lock);
            let found = find(Some(&store), &Sites::new(), second(2)).await.unwrap();
            let (abandoned, stuck) = if is_kept { (vec![], vec![name]) } else { (vec![name], vec![]) };
            assert_eq!((found.abandoned, found.stuck), (abandoned, stuck));
        }
    }

    #[tokio::test]
    async fn expired_deployment_is_left_to_the_process_that_runs_it() {
        let dir = tempfile::tempdir().unwrap();
        let (store, name) = store_with(dir.path(), &[]).await;
        let lock = store.lock_blocking(&name).unwrap();
        let found = find(Some(&store), &Sites::new(), second(100)).await.unwrap();
        assert!(found.is_clean() && found.busy == [name.clone()], "{found:?}");
        drop(lock);
        let found = find(Some(&store), &Sites::new(), second(100)).await.unwrap();
        assert!(found.busy.is_empty() && found.expired == [name], "{found:?}");
    }

    #[tokio::test]
    async fn only_closed_deployments_lose_their_keys_and_keep_their_logs() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plans = [plan_of("closed", 1), plan_of("live", 2), plan_of("never", 3)];
        for plan in &plans {
            store.begin(plan, second(0)).await.unwrap();
        }
        let [closed, live, _] = plans.map(|plan| plan.deployment);
        for id in [closed, live] {
            let files = Files::open(store.files_of(id)).unwrap();
            files.generate_keys_if_missing(id).unwrap();
            std::fs::write(files.logs(), "").unwrap();
        }
        // A crash leaves it like this: closed, with its keys.
        for id in [closed, DeploymentId::from_bits(3)] {
            store.close(id, second(1)).await.unwrap();
        }
        for _ in 0..2 {
            remove_stale_keys(&store).await.unwrap();
            let [closed, live] = [closed, live].map(|id| Files::at(store.files_of(id)));
            assert!(!closed.private_key().exists() && closed.public_key().is_err() && closed.logs().exists());
            assert!(live.private_key().exists() && live.public_key().is_ok());
        }
    }
}
