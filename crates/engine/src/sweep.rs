//! Finds what is ours and forgotten, and deletes it.
//!
//! A thing is ours when its ticket names a deployment of this very store: whatever we make is journaled first. A ticket
//! of a deployment that this store doesn't know is somebody else's (a colleague in the same project, another user of this
//! computer), or ours from a store that was lost: it is shown, and never deleted unless it is named.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use hostler_core::journal::{Journal, Progress, State};
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::ports::{Owned, SiteError};
use jiff::Timestamp;
use serde::Serialize;

use crate::run::Sites;
use crate::store::{Record, Store, StoreError};

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// Things of ours that their deployment has given back, as it believes, or never knew to be there.
    pub orphans: Vec<Stray>,
    /// Things with a ticket of a deployment that this store doesn't know.
    pub foreign: Vec<Stray>,
    /// Live deployments whose time is over, and that nobody holds.
    pub expired: Vec<Name>,
    /// Live deployments that stopped half-way, and that no process works on.
    pub forsaken: Vec<Name>,
    /// The sites that could not be asked, and why.
    pub silent: BTreeMap<SiteId, String>,
}

/// A thing at a site that no deployment looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// Where.
    pub site: SiteId,
    /// What, with its ticket.
    pub thing: Owned,
}

impl Found {
    /// Whether there is nothing to sweep.
    pub fn is_clean(&self) -> bool {
        self.orphans.is_empty() && self.expired.is_empty() && self.forsaken.is_empty()
    }
}

/// Looks at every site, and at every deployment.
pub async fn find(store: &Store, sites: &Sites, now: Timestamp) -> Result<Found, StoreError> {
    // Sites are asked first: what a process begins meanwhile is then in the store when we look there, and not taken for
    // forgotten.
    let asked = join_all(sites.iter().map(async |(id, site)| (id, site.owned().await))).await;
    let live = store.list().await?;
    let known = store.ids().await?;
    let journals: BTreeMap<DeploymentId, Journal> = live.iter().map(|record| (record.id, record.journal())).collect();
    let mut found = Found::default();
    for (id, owned) in asked {
        match owned {
            Ok(things) => sort(&mut found, id, things, &known, &journals),
            Err(error) => {
                found.silent.insert(id.clone(), error.to_string());
            }
        }
    }
    for record in &live {
        let state = record.state();
        if record.journal().expired(&record.plan, now) {
            found.expired.push(record.name.clone());
        } else if !matches!(state, State::Ready | State::Stopped) && !record.journal().held() && idle(store, record) {
            found.forsaken.push(record.name.clone());
        }
    }
    Ok(found)
}

fn sort(
    found: &mut Found,
    site: &SiteId,
    things: Vec<Owned>,
    known: &BTreeSet<DeploymentId>,
    journals: &BTreeMap<DeploymentId, Journal>,
) {
    for thing in things {
        let stray = Stray { site: site.clone(), thing };
        let ticket = &stray.thing.ticket;
        match journals.get(&ticket.deployment) {
            Some(journal) if !matches!(journal.progress(&ticket.step), None | Some(Progress::Undone)) => {}
            None if !known.contains(&ticket.deployment) => found.foreign.push(stray),
            _ => found.orphans.push(stray),
        }
    }
}

fn idle(store: &Store, record: &Record) -> bool {
    store.lock(&record.name).is_ok()
}

/// Deletes strays, the machines before what they stand on; what could not be deleted, and why, is the answer.
pub async fn remove(sites: &Sites, strays: &[Stray]) -> Vec<(Stray, SiteError)> {
    let mut failed = Vec::new();
    let mut ordered: Vec<&Stray> = strays.iter().collect();
    ordered.sort_by_key(|stray| order(stray));
    for stray in ordered {
        if let Some(site) = sites.get(&stray.site)
            && let Err(error) = site.delete(&stray.thing).await
        {
            failed.push((stray.clone(), error));
        }
    }
    failed
}

fn order(stray: &Stray) -> u8 {
    use hostler_core::plan::Kind;
    match stray.thing.kind {
        Kind::Address => 0,
        Kind::Machine => 1,
        Kind::Volume => 2,
        Kind::Lease => 3,
        Kind::Network => 4,
        Kind::Keypair => 5,
    }
}
