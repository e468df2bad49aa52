//! Lookup and locks of deployments.

use std::collections::BTreeSet;
use std::sync::Arc;

use hostler_core::name::closest;
use hostler_core::name::{DeploymentId, Name};

use super::{OperateError, Operator};
use crate::event::Notice;
use crate::store::{DeploymentListing, Lock, Record, Store, StoreError};

/// A live deployment that only this operation may change.
#[derive(Debug)]
pub struct Locked {
    /// The store with its journal.
    pub store: Arc<Store>,
    /// Its record, read under the lock.
    pub record: Record,
    /// The lock.
    pub lock: Lock,
}

impl Operator {
    /// The live deployment of a name, with its store.
    ///
    /// # Errors
    /// [`OperateError::UnknownDeployment`] if there is none.
    pub async fn deployment(&self, name: &str) -> Result<(Arc<Store>, Record), OperateError> {
        match self.store.existing().await? {
            Some(store) => match find(&store, name).await? {
                Some(record) => Ok((store, record)),
                None => Err(self.unknown(name).await),
            },
            None => Err(self.unknown(name).await),
        }
    }

    /// The live deployment of a name, or the last one that had it.
    ///
    /// # Errors
    /// [`OperateError::UnknownDeployment`] if there never was one.
    pub async fn last_deployment(&self, name: &str) -> Result<(Arc<Store>, Record), OperateError> {
        if let (Some(store), Ok(valid)) = (self.store.existing().await?, Name::new(name))
            && let Some(record) = store.find_last(&valid).await?
        {
            return Ok((store, record));
        }
        Err(self.unknown(name).await)
    }

    /// The live deployment of a name, locked.
    ///
    /// # Errors
    /// As [`Operator::deployment`]; [`StoreError::Busy`] if another process works on it.
    pub async fn locked(&self, name: &str) -> Result<Locked, OperateError> {
        let (store, record) = self.deployment(name).await?;
        let lock = store.lock(&record.name).await?;
        // Read again: another process may have changed it before this one got the lock.
        match store.find(&record.name).await? {
            Some(record) => Ok(Locked { store, record, lock }),
            None => Err(self.unknown(name).await),
        }
    }

    /// The live deployments, oldest first. Each one that cannot be read is reported as a notice.
    ///
    /// # Errors
    /// If the store cannot be read at all.
    pub async fn deployments(&self) -> Result<Vec<Record>, OperateError> {
        let Some(store) = self.store.existing().await? else { return Ok(Vec::new()) };
        Ok(self.readable(store.list().await?))
    }

    /// The readable records of a listing. Each unreadable one is reported as a notice.
    pub(super) fn readable(&self, listing: DeploymentListing) -> Vec<Record> {
        for error in &listing.unreadable {
            self.notice(Notice::Unreadable { reason: error.to_string() });
        }
        listing.records
    }

    /// The ids of all deployments that have, or had, this name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn ids_of(&self, name: &str) -> Result<BTreeSet<DeploymentId>, OperateError> {
        let Some(store) = self.store.existing().await? else { return Ok(BTreeSet::new()) };
        Ok(store.ids_of(name).await?)
    }

    /// Fails if a live deployment has this name. Called before the request for consent.
    pub(super) async fn check_free(&self, name: &Name) -> Result<(), OperateError> {
        match self.store.existing().await? {
            Some(store) if store.find(name).await?.is_some() => Err(StoreError::NameTaken(name.clone()).into()),
            _ => Ok(()),
        }
    }

    /// The error for an unknown deployment, with the most similar name.
    pub(super) async fn unknown(&self, name: &str) -> OperateError {
        let names = self.names().await;
        let nearest = closest(name, names.iter().map(String::as_str)).map(str::to_owned);
        OperateError::UnknownDeployment { name: name.to_owned(), nearest }
    }

    /// The names of live deployments; none if the store cannot be read.
    pub(super) async fn names(&self) -> Vec<String> {
        let Ok(Some(store)) = self.store.existing().await else { return Vec::new() };
        let listing = store.list().await.unwrap_or_default();
        listing.records.into_iter().map(|record| record.name.to_string()).collect()
    }
}

async fn find(store: &Store, name: &str) -> Result<Option<Record>, StoreError> {
    match Name::new(name) {
        Ok(name) => store.find(&name).await,
        Err(_) => Ok(None),
    }
}
