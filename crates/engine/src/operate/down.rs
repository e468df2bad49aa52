//! Brings deployments down.

use std::collections::BTreeSet;
use std::sync::Arc;

use hostler_core::name::Name;

use super::resume::Run;
use super::{Leftover, Mode, OperateError, Operator, Proposal};
use crate::event::Notice;
use crate::run::Interrupts;
use crate::store::{Record, Store};

/// The deployments to bring down.
#[derive(Debug, Clone, Default)]
pub struct DownRequest {
    /// Their names; every live deployment if `None`.
    pub names: Option<Vec<String>>,
    /// Apply or dry run.
    pub mode: Mode,
}

/// The result of bringing deployments down.
#[derive(Debug, Clone, Default)]
pub struct Down {
    /// The deployments that are down. None after a dry run.
    pub down: Vec<Name>,
    /// The resources of each deployment when the operation began. Deployments without any are left out.
    pub left: Vec<Leftover>,
}

/// Number of interrupts that stop a deletion before its end. The remaining resources stay.
const LEAVES_THE_REST: u32 = 2;

impl Operator {
    /// Brings deployments down, one after the other. If one fails, the operation continues with the next.
    ///
    /// # Errors
    /// The error of the only deployment that failed, or [`OperateError::Several`].
    pub async fn down(&self, request: &DownRequest, interrupts: &Interrupts) -> Result<Down, OperateError> {
        let Some(store) = self.store.existing().await? else {
            return match request.names.as_deref().and_then(<[String]>::first) {
                Some(name) => Err(self.unknown(name).await),
                None => Ok(Down::default()),
            };
        };
        let records = match &request.names {
            None => self.deployments().await?,
            Some(names) => self.named(&store, names).await?,
        };
        let left = |record: &Record| Leftover {
            deployment: record.name.clone(),
            left: record.journal().remaining(&record.plan),
        };
        let left: Vec<Leftover> = records.iter().map(left).filter(|leftover| !leftover.left.is_empty()).collect();
        if request.mode == Mode::DryRun {
            return Ok(Down { down: Vec::new(), left });
        }
        if !left.is_empty() {
            self.agree(&Proposal::Down(&left), interrupts).await?;
        }
        let (mut down, mut failed) = (Vec::new(), Vec::new());
        for record in records {
            match self.bring_down(&store, &record, interrupts).await {
                Ok(()) => down.push(record.name),
                Err(error) => failed.push((record.name, error)),
            }
        }
        match (down.len(), failed.pop()) {
            (_, None) => Ok(Down { down, left }),
            (0, Some((_, error))) if failed.is_empty() => Err(error),
            (_, Some(last)) => {
                failed.push(last);
                Err(OperateError::Several { done: down, failed })
            }
        }
    }

    async fn bring_down(
        &self,
        store: &Arc<Store>,
        record: &Record,
        interrupts: &Interrupts,
    ) -> Result<(), OperateError> {
        let name = &record.name;
        if *interrupts.borrow() >= LEAVES_THE_REST {
            return Err(OperateError::NotBegun(name.clone()).leaving(record));
        }
        let lock = store.lock(name).await?;
        // Read again: another process may have brought it down before this one got the lock.
        match store.find(name).await? {
            Some(record) => {
                Run { operator: self, store: Arc::clone(store), _lock: lock }.down(record, interrupts).await
            }
            None => Ok(()),
        }
    }

    /// The live deployments of these names. A closed deployment is reported as a notice; an unknown name is an error.
    async fn named(&self, store: &Store, names: &[String]) -> Result<Vec<Record>, OperateError> {
        let mut records = Vec::new();
        for text in names.iter().collect::<BTreeSet<_>>() {
            let Ok(name) = Name::new(text.as_str()) else { return Err(self.unknown(text).await) };
            match store.find(&name).await? {
                Some(record) => records.push(record),
                None if store.find_last(&name).await?.is_some() => {
                    self.notice(Notice::AlreadyDown { deployment: name });
                }
                None => return Err(self.unknown(text).await),
            }
        }
        Ok(records)
    }
}
