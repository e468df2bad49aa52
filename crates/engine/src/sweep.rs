//! Finds what is ours and forgotten, and deletes it.
//!
//! A thing is ours when its ticket names a deployment of this very store: whatever we make is journaled first. A ticket
//! of a deployment that this store doesn't know is somebody else's (a colleague in the same project, another user of this
//! computer), or ours from a store that was lost: it is shown, and never deleted unless it is named.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::journal::{Journal, Next, Progress, State};
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::ports::{Account, Owned, Provider, SiteError};
use jiff::Timestamp;
use serde::Serialize;

use crate::deploy::{DeployError, Files};
use crate::gather::answer;
use crate::sites::Sites;
use crate::store::{Listing, Record, Store, StoreError};

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// Things of ours that their deployment has given back, as it believes, or never knew to be there.
    pub orphans: Vec<Stray>,
    /// Things with a ticket of a deployment that this store doesn't know.
    #[serde(rename = "untracked")]
    pub foreign: Vec<Stray>,
    /// Live deployments whose time is over, and that nobody holds.
    pub expired: Vec<Name>,
    /// Live deployments that stopped on their way, before anybody could work on them, and that no process drives.
    #[serde(rename = "abandoned")]
    pub forsaken: Vec<Name>,
    /// Live deployments that are stuck, or stopped on their way when somebody could work on them already. They are kept:
    /// somebody is to look at them.
    pub stuck: Vec<Name>,
    /// Live deployments whose time is over, and that a process works on: they are left to it.
    pub busy: Vec<Name>,
    /// Live deployments that can't be read, and why.
    pub unreadable: Vec<String>,
    /// The sites that could not be asked, and why.
    #[serde(rename = "unreachable")]
    pub silent: BTreeMap<SiteId, String>,
}

/// A thing at a site that no deployment looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// Where.
    pub site: SiteId,
    /// What, with its ticket.
    pub resource: Owned,
}

impl Found {
    /// Whether there is nothing to sweep.
    pub fn is_clean(&self) -> bool {
        self.orphans.is_empty() && self.expired.is_empty() && self.forsaken.is_empty()
    }
}

/// Why a live deployment is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time is over, and nobody holds it.
    Expired,
    /// It stopped on its way.
    Forsaken,
}

/// Whether a live deployment that no process drives is to be swept, and why.
///
/// One that was ready, or that somebody could log in to, is not: there may be work on its machines.
pub fn due(record: &Record, now: Timestamp) -> Option<Due> {
    let journal = record.journal();
    if journal.expired(&record.plan, now) {
        return Some(Due::Expired);
    }
    let untouched = !journal.keeps() && !journal.was_reached();
    let on_its_way = matches!(record.state(), State::Launching | State::SettingUp) && untouched;
    (on_its_way || journal.turns_back(&record.plan)).then_some(Due::Forsaken)
}

/// Whether it would go on if a process drove it.
fn is_half_way(record: &Record) -> bool {
    matches!(record.journal().next(&record.plan, &BTreeSet::new()), Next::Run(_))
}

/// Looks at every site, and at every deployment. Without a store there is no deployment yet.
pub async fn find(store: Option<&Store>, sites: &Sites, now: Timestamp) -> Result<Found, StoreError> {
    // Sites are asked first: what a process begins meanwhile is then in the store when we look there, and not taken for
    // forgotten.
    let asked = join_all(sites.iter().map(|(id, site)| async move { (id, answer(seen(&**site)).await) }.boxed())).await;
    let (Listing { records, unreadable }, known) = match store {
        Some(store) => (store.list().await?, store.ids().await?),
        None => Default::default(),
    };
    let journals: BTreeMap<DeploymentId, Journal> =
        records.iter().map(|record| (record.id, record.journal())).collect();
    let mut found = Found { unreadable: unreadable.iter().map(ToString::to_string).collect(), ..Found::default() };
    for (id, owned) in asked {
        match owned {
            Ok((account, resources)) => {
                if let Some(why) = account.and_then(|account| hidden(id, &account, &journals)) {
                    found.silent.insert(id.clone(), why);
                }
                sort(&mut found, id, resources, &known, &journals);
            }
            Err(why) => {
                found.silent.insert(id.clone(), why);
            }
        }
    }
    for record in &records {
        let name = record.name.clone();
        match (due(record, now), is_busy(store, &name)?) {
            (Some(Due::Expired), true) => found.busy.push(name),
            (Some(Due::Expired), false) => found.expired.push(name),
            (Some(Due::Forsaken), false) => found.forsaken.push(name),
            (None, false) if is_half_way(record) => found.stuck.push(name),
            (None, _) if record.state() == State::Stuck => found.stuck.push(name),
            _ => {}
        }
    }
    Ok(found)
}

/// Who we are at a site, and what of ours is seen there.
async fn seen(site: &dyn Provider) -> Result<(Option<Account>, Vec<Owned>), SiteError> {
    tokio::try_join!(site.account(), site.owned())
}

/// Why a site doesn't show all that is ours, if it doesn't: a deployment was made there as somebody else.
fn hidden(site: &SiteId, now: &Account, journals: &BTreeMap<DeploymentId, Journal>) -> Option<String> {
    let then = journals.values().filter_map(|journal| journal.account(site)).find(|then| !then.is(now))?;
    Some(format!("it hides what was made as {}: the credentials of now are of {}", then.name, now.name))
}

fn is_busy(store: Option<&Store>, name: &Name) -> Result<bool, StoreError> {
    store.map_or(Ok(false), |store| store.is_busy(name))
}

fn sort(
    found: &mut Found,
    site: &SiteId,
    resources: Vec<Owned>,
    known: &BTreeSet<DeploymentId>,
    journals: &BTreeMap<DeploymentId, Journal>,
) {
    for resource in resources {
        let stray = Stray { site: site.clone(), resource };
        let ticket = &stray.resource.ticket;
        match journals.get(&ticket.deployment) {
            Some(journal) if !matches!(journal.progress(&ticket.step), None | Some(Progress::Undone)) => {}
            None if !known.contains(&ticket.deployment) => found.foreign.push(stray),
            None if !found.unreadable.is_empty() => {} // it may belong to one that can't be read
            _ => found.orphans.push(stray),
        }
    }
}

/// Removes the keys of deployments of which nothing is left: a crash may have come between the end of one and theirs.
pub async fn tidy(store: &Store) -> Result<(), DeployError> {
    for id in store.closed().await? {
        Files::at(store.files_of(id)).remove_secrets()?;
    }
    Ok(())
}

/// Deletes strays, the machines before what they stand on; what could not be deleted, and why, is the answer.
pub async fn remove(sites: &Sites, strays: &[Stray]) -> Vec<(Stray, SiteError)> {
    let mut failed = Vec::new();
    let mut ordered: Vec<&Stray> = strays.iter().collect();
    ordered.sort_by_key(|stray| order(stray));
    for stray in ordered {
        if let Some(site) = sites.get(&stray.site)
            && let Err(error) = site.delete(&stray.resource).await
        {
            failed.push((stray.clone(), error));
        }
    }
    failed
}

fn order(stray: &Stray) -> u8 {
    use hostler_core::plan::ResourceKind;
    match stray.resource.kind {
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
    async fn what_another_account_has_made_is_not_taken_for_gone() {
        let dir = tempfile::tempdir().unwrap();
        let id: SiteId = "local".parse().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plan = plan_of("web", 1);
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        let account = Account { id: "ours".to_owned(), name: "ours".to_owned() };
        store.record(&mut record, second(1), Entry::Account { site: id.clone(), account }).await.unwrap();
        for (account, is_silent) in [("ours", false), ("others", true)] {
            let site = SimSite::new(id.clone(), &dir.path().join("site"), Arc::default()).with_account(account);
            let sites = Sites::from([(id.clone(), Arc::new(site) as Arc<dyn Provider>)]);
            let found = find(Some(&store), &sites, second(2)).await.unwrap();
            assert_eq!(found.silent.contains_key(&id), is_silent, "{account}: {found:?}");
        }
    }

    /// A store with a deployment that ends at second 100, and these steps of it done, each without making anything.
    async fn store_with(dir: &std::path::Path, done: &[&str]) -> (Store, Name) {
        let store = Store::open(dir).await.unwrap();
        let plan = hostler_core::plan::Plan { until: Some(second(100)), ..plan_of("web", 1) };
        store.begin(&plan, second(0)).await.unwrap();
        let event = || StepEvent::Done { made: None };
        let entries: Vec<Entry> =
            done.iter().map(|step| Entry::Step { step: step.parse().unwrap(), event: event() }).collect();
        store.append_all(plan.deployment, second(1), &entries).await.unwrap();
        (store, plan.demand.name)
    }

    #[tokio::test]
    async fn what_somebody_could_log_in_to_is_not_swept_though_its_process_died() {
        for (done, is_kept) in [(&[][..], false), (&["reach-web"], true)] {
            let dir = tempfile::tempdir().unwrap();
            let (store, name) = store_with(dir.path(), done).await;
            let lock = store.lock_blocking(&name).unwrap();
            let driven = find(Some(&store), &Sites::new(), second(2)).await.unwrap();
            assert_eq!(driven, Found::default(), "a process is at work");
            drop(lock);
            let found = find(Some(&store), &Sites::new(), second(2)).await.unwrap();
            let (forsaken, stuck) = if is_kept { (vec![], vec![name]) } else { (vec![name], vec![]) };
            assert_eq!((found.forsaken, found.stuck), (forsaken, stuck));
        }
    }

    #[tokio::test]
    async fn what_is_over_is_left_to_the_process_that_works_on_it() {
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
    async fn only_what_is_over_loses_its_keys_and_keeps_its_logs() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plans = [plan_of("over", 1), plan_of("live", 2), plan_of("never", 3)];
        for plan in &plans {
            store.begin(plan, second(0)).await.unwrap();
        }
        let [over, live, _] = plans.map(|plan| plan.deployment);
        for id in [over, live] {
            let files = Files::open(store.files_of(id)).unwrap();
            files.make_keys_where_missing(id).unwrap();
            std::fs::write(files.logs(), "").unwrap();
        }
        // As a crash leaves it: closed, with its keys.
        for id in [over, DeploymentId::from_bits(3)] {
            store.close(id, second(1)).await.unwrap();
        }
        for _ in 0..2 {
            tidy(&store).await.unwrap();
            let [over, live] = [over, live].map(|id| Files::at(store.files_of(id)));
            assert!(!over.private_key().exists() && over.public_key().is_err() && over.logs().exists());
            assert!(live.private_key().exists() && live.public_key().is_ok());
        }
    }
}
