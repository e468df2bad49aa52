//! Synchronizes a directory of this computer with one on each of many machines.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::{FileDeletions, Fleet, Mode, OperateError, Operator, Proposal};
use crate::fleet::{FleetOptions, each};
use crate::host::{ExtraFiles, HostError, HostKey, SyncMode, SyncOptions, SyncReport, Target};
use crate::run::{Interrupted, Interrupts, interrupted};

/// A local directory, one on each machine, and the options of the sync.
#[derive(Clone, Copy)]
pub struct SyncRequest<'a> {
    /// The machines.
    pub fleet: &'a Fleet,
    /// The directory on this computer.
    pub local: &'a Path,
    /// The directory on the machines.
    pub remote: &'a str,
    /// The direction.
    pub direction: Direction,
    /// Files to compare, send and delete.
    pub sync_options: &'a SyncOptions,
    /// Parallelism, time limit and reaction to failures.
    pub options: FleetOptions,
    /// Apply or dry run.
    pub mode: Mode,
}

/// The direction of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From this computer to the machines.
    Up,
    /// From the machines to this computer; with several machines, into one subdirectory each.
    Down,
}

/// The result on a machine.
#[derive(Debug)]
pub enum SyncResult {
    /// It was synchronized.
    SyncReport(SyncReport),
    /// The host could not be reached, or failed.
    Failed(HostError),
    /// It did not end in time, and was stopped.
    TimedOut(Duration),
    /// Not begun, or stopped after another machine's failure.
    Stopped,
}

impl Operator {
    /// Synchronizes directories. Deletions need consent, so a dry run determines them first. The results are in the order of
    /// the fleet's targets.
    ///
    /// # Errors
    /// If the user declines or interrupts. The failure of a machine is in its result.
    pub async fn sync(
        &self,
        request: &SyncRequest<'_>,
        interrupts: &Interrupts,
    ) -> Result<Vec<SyncResult>, OperateError> {
        let dry_run = SyncOptions { mode: SyncMode::DryRun, ..request.sync_options.clone() };
        if request.mode == Mode::DryRun {
            return self.sync_all(request, &dry_run, interrupts).await;
        }
        if request.sync_options.extra == ExtraFiles::Delete {
            let deletions = deletions(request.fleet, &self.sync_all(request, &dry_run, interrupts).await?);
            if !deletions.is_empty() {
                self.agree(&Proposal::DeleteFiles(&deletions), interrupts).await?;
            }
        }
        self.sync_all(request, request.sync_options, interrupts).await
    }

    async fn sync_all(
        &self,
        request: &SyncRequest<'_>,
        sync_options: &SyncOptions,
        interrupts: &Interrupts,
    ) -> Result<Vec<SyncResult>, OperateError> {
        let one = |target| self.sync_one(request, sync_options, target);
        let failed = |(_, result): &(Option<HostKey>, SyncResult)| !matches!(result, SyncResult::SyncReport(_));
        let targets = &request.fleet.targets;
        let results = each(targets, &request.options, interrupted(interrupts), one, failed).await;
        let keys = results
            .iter()
            .zip(targets)
            .filter_map(|(result, target)| Some((target.machine.as_str(), result.as_ref()?.0.as_ref()?)));
        request.fleet.pin(keys.collect()).await?;
        if *interrupts.borrow() > 0 {
            return Err(Interrupted.into());
        }
        Ok(results.into_iter().map(|result| result.map_or(SyncResult::Stopped, |(_, result)| result)).collect())
    }

    async fn sync_one(
        &self,
        request: &SyncRequest<'_>,
        sync_options: &SyncOptions,
        target: &Target,
    ) -> (Option<HostKey>, SyncResult) {
        let mut key = None;
        let work = async {
            let session = self.hosts.session(target).await?;
            key = session.host_key();
            match (request.direction, request.fleet.targets.len()) {
                (Direction::Up, _) => session.sync_up(request.local, request.remote, sync_options).await,
                (Direction::Down, 1) => session.sync_down(request.remote, request.local, sync_options).await,
                (Direction::Down, _) => {
                    session.sync_down(request.remote, &request.local.join(&target.machine), sync_options).await
                }
            }
        };
        let result = match request.options.timeout {
            None => work.await,
            Some(limit) => match timeout(limit, work).await {
                Ok(result) => result,
                Err(_) => return (key, SyncResult::TimedOut(limit)),
            },
        };
        (key, result.map_or_else(SyncResult::Failed, SyncResult::SyncReport))
    }
}

fn deletions(fleet: &Fleet, results: &[SyncResult]) -> Vec<FileDeletions> {
    let deletions = fleet.targets.iter().zip(results).filter_map(|(target, result)| match result {
        SyncResult::SyncReport(synced) if !synced.deleted.is_empty() => {
            Some(FileDeletions { machine: target.machine.clone(), names: synced.deleted.clone() })
        }
        _ => None,
    });
    deletions.collect()
}
