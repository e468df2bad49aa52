//! Finds and deletes orphaned resources.

use std::collections::BTreeSet;
use std::sync::Arc;

use hostler_core::name::{DeploymentId, Name};
use hostler_core::ticket::Ticket;

use super::resume::Run;
use super::{OperateError, Operator, Proposal};
use crate::event::Notice;
use crate::run::Interrupts;
use crate::store::{Store, StoreError};
use crate::sweep::{Orphan, SweepFindings, delete, find, remove_stale_keys, sweep_reason};

/// The result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// The number of resources deleted, those of expired and abandoned deployments aside.
    pub deleted: usize,
}

impl Operator {
    /// Finds orphaned resources, and expired and abandoned deployments. Changes nothing.
    ///
    /// # Errors
    /// If the store cannot be read. A site that does not answer is listed in the result.
    pub async fn find_orphans(&self) -> Result<SweepFindings, OperateError> {
        Ok(find(self.store.existing().await?.as_deref(), &self.sites, (self.now)()).await?)
    }

    /// Deletes what [`Operator::find_orphans`] found, and those untracked resources and resources of unreadable deployments
    /// whose tickets are named. An unreadable deployment is closed, which frees its name, once no site has a resource of it.
    ///
    /// # Errors
    /// If a resource could not be deleted. All others were.
    pub async fn sweep(
        &self,
        found: &SweepFindings,
        tickets: &[Ticket],
        interrupts: &Interrupts,
    ) -> Result<Swept, OperateError> {
        let named = named(found, tickets)?;
        let nothing = found.is_clean() && named.is_empty();
        let store = match self.store.existing().await? {
            Some(store) => store,
            None if nothing => return Ok(Swept::default()),
            None => self.store.open().await?,
        };
        // The keys of closed deployments are deleted without consent. If that fails, the sweep continues.
        let mut errors: Vec<OperateError> =
            remove_stale_keys(&store).await.err().map(OperateError::from).into_iter().collect();
        let mut swept = Swept::default();
        if !nothing {
            self.agree(&Proposal::Sweep { found, named: &named }, interrupts).await?;
            for name in found.expired.iter().chain(&found.abandoned) {
                errors.extend(self.down_if_due(&store, name, interrupts).await.err());
            }
            match self.delete_orphans(&store, found, named).await {
                Ok(deleted) => swept.deleted = deleted,
                Err(error) => errors.push(error),
            }
        }
        match errors.len() {
            0 => Ok(swept),
            _ => Err(OperateError::Many(errors)),
        }
    }

    /// Brings a deployment down, unless it was resumed while the user was asked.
    async fn down_if_due(&self, store: &Arc<Store>, name: &Name, interrupts: &Interrupts) -> Result<(), OperateError> {
        let lock = match store.lock(name).await {
            Err(StoreError::Busy { name, .. }) => {
                self.notice(Notice::Busy { deployment: name });
                return Ok(());
            }
            lock => lock?,
        };
        match store.find(name).await? {
            Some(record) if sweep_reason(&record, (self.now)()).is_some() => {
                Run { operator: self, store: Arc::clone(store), _lock: lock }.down(record, interrupts).await
            }
            _ => Ok(()),
        }
    }

    async fn delete_orphans(
        &self,
        store: &Store,
        found: &SweepFindings,
        named: Vec<Orphan>,
    ) -> Result<usize, OperateError> {
        // Checked again: an orphan may have been adopted while the user was asked.
        let again = find(Some(store), &self.sites, (self.now)()).await?;
        let mut orphans: Vec<Orphan> =
            found.orphans.iter().filter(|orphan| again.orphans.contains(orphan)).cloned().collect();
        let unreadable: BTreeSet<DeploymentId> = named
            .iter()
            .filter(|orphan| again.unreadable_resources.contains(orphan))
            .map(|orphan| orphan.resource.ticket.deployment)
            .collect();
        // Another process, of a newer version, may be able to read a deployment that this one cannot.
        let mut locks = Vec::new();
        for (_, name) in store.live_names().await?.into_iter().filter(|(id, _)| unreadable.contains(id)) {
            locks.push(store.lock(&name).await?);
        }
        orphans.extend(named);
        let failed = delete(&self.sites, &orphans).await;
        if !failed.is_empty() {
            return Err(OperateError::Undeleted(failed));
        }
        self.close_unreadable(store, unreadable).await?;
        Ok(orphans.len())
    }

    /// Closes those of these deployments of which no site has a resource. Closes none while a site does not answer. A limit
    /// to some sites must not apply here.
    async fn close_unreadable(&self, store: &Store, ids: BTreeSet<DeploymentId>) -> Result<(), OperateError> {
        if ids.is_empty() {
            return Ok(());
        }
        let found = find(Some(store), &self.sites, (self.now)()).await?;
        let has_resources =
            |id: &DeploymentId| found.unreadable_resources.iter().any(|it| it.resource.ticket.deployment == *id);
        for id in ids.iter().filter(|id| found.unreachable.is_empty() && !has_resources(id)) {
            store.close(*id, (self.now)()).await?;
        }
        Ok(())
    }
}

impl SweepFindings {
    /// Fails if a site did not answer: its orphans are not in the findings.
    ///
    /// # Errors
    /// [`OperateError::Unlisted`], with the first such site.
    pub fn check_complete(&self) -> Result<(), OperateError> {
        match self.unreachable.first_key_value() {
            Some((site, reason)) => Err(OperateError::Unlisted { site: site.clone(), reason: reason.clone() }),
            None => Ok(()),
        }
    }
}

/// The untracked resources and those of unreadable deployments that bear these tickets.
fn named(found: &SweepFindings, tickets: &[Ticket]) -> Result<Vec<Orphan>, OperateError> {
    let deletable = || found.untracked.iter().chain(&found.unreadable_resources);
    let bears = |ticket: &Ticket| deletable().find(|orphan| orphan.resource.ticket == *ticket).cloned();
    let found = |ticket: &Ticket| bears(ticket).ok_or_else(|| OperateError::UnknownTicket(ticket.clone()));
    tickets.iter().map(found).collect()
}
