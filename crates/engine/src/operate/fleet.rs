//! Machines to run a command or a sync on: those of a deployment, or hosts that the user lists.

use std::path::{Path, PathBuf};

use hostler_core::ports::Address;

use super::disk::create_logs;
use super::{OperateError, Operator};
use crate::blocking::blocking;
use crate::host::{HostKey, KnownHosts, Target};

/// Machines for a command or a sync.
#[derive(Debug)]
pub struct Fleet {
    /// The machines as SSH targets.
    pub targets: Vec<Target>,
    /// Their origin.
    pub source: FleetSource,
    /// Directory with the logs of all runs.
    logs: PathBuf,
}

/// The origin of the machines of a fleet.
#[derive(Debug)]
pub enum FleetSource {
    /// A deployment. Host keys were pinned when the machines were reached.
    Deployment,
    /// Listed hosts. Host keys are pinned at the first contact, in a file of their own.
    Listed(KnownHosts),
}

impl Fleet {
    /// Listed hosts, whose logs and host keys are kept in the data directory.
    pub fn listed(targets: Vec<Target>, pins: KnownHosts, data_dir: &Path) -> Self {
        Self { targets, source: FleetSource::Listed(pins), logs: data_dir.join("hosts/exec") }
    }

    /// Pins the keys of hosts at the first contact.
    ///
    /// # Errors
    /// If the file of pinned keys cannot be written.
    pub(super) async fn pin(&self, keys: Vec<(&str, &HostKey)>) -> Result<(), OperateError> {
        let FleetSource::Listed(pins) = &self.source else { return Ok(()) };
        let keys = keys.into_iter().filter_map(|(machine, key)| Some((self.address(machine)?.clone(), key.clone())));
        let (pins, keys) = (pins.clone(), keys.collect::<Vec<_>>());
        let added = blocking(move || pins.add(keys.iter().map(|(address, key)| (address, key)))).await;
        added.map_err(OperateError::KnownHosts)
    }

    /// The address of a machine.
    pub fn address(&self, machine: &str) -> Option<&Address> {
        self.targets.iter().find(|target| target.machine == machine).map(|target| &target.address)
    }
}

impl Operator {
    /// The machines of a deployment: all of them, or those named.
    ///
    /// # Errors
    /// If there is no such deployment or machine, or a machine cannot be logged in to.
    pub async fn fleet(&self, deployment: &str, machines: &[String]) -> Result<Fleet, OperateError> {
        let (store, record) = self.deployment(deployment).await?;
        let targets = self.targets(&store, &record, machines).await?;
        let logs = store.files_of(record.id).join("exec");
        Ok(Fleet { targets, source: FleetSource::Deployment, logs })
    }

    /// A new directory for the logs of one run. The logs of the last 10 runs are kept.
    pub(super) async fn new_logs(&self, fleet: &Fleet) -> Result<PathBuf, OperateError> {
        let (all, now) = (fleet.logs.clone(), (self.now)());
        let created = blocking(move || create_logs(&all, now)).await;
        created.map_err(|source| OperateError::File { path: fleet.logs.clone(), doing: "written to", source })
    }
}
