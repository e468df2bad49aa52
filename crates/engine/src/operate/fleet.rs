//! Machines to run a command or a sync on: those of a deployment, or hosts that the user lists.

use std::path::{Path, PathBuf};

use hostler_core::ports::Address;

use super::{OperateError, Operator};
use crate::host::{HostKey, KnownHosts, Target};

/// The number of runs whose logs are kept, per deployment and for listed hosts.
const KEPT_RUNS: usize = 10;

/// Machines to run something on.
#[derive(Debug)]
pub struct Fleet {
    /// The machines as SSH targets.
    pub targets: Vec<Target>,
    /// Their origin.
    pub source: FleetSource,
    /// The directory of the logs of all runs.
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
    pub(super) fn pin<'k>(&self, keys: impl IntoIterator<Item = (&'k str, &'k HostKey)>) -> Result<(), OperateError> {
        let FleetSource::Listed(pins) = &self.source else { return Ok(()) };
        let keys = keys.into_iter().filter_map(|(machine, key)| Some((self.address(machine)?, key)));
        pins.add(keys).map_err(OperateError::KnownHosts)
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

    /// A new directory for the logs of one run. The logs of the last [`KEPT_RUNS`] runs are kept.
    pub(super) fn new_logs(&self, fleet: &Fleet) -> Result<PathBuf, OperateError> {
        let created = || {
            std::fs::create_dir_all(&fleet.logs)?;
            let mut runs: Vec<_> =
                std::fs::read_dir(&fleet.logs)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            runs.sort();
            for old in runs.iter().rev().skip(KEPT_RUNS - 1) {
                std::fs::remove_dir_all(old)?;
            }
            let logs = fleet.logs.join((self.now)().strftime("%Y%m%dT%H%M%S.%6fZ").to_string());
            std::fs::create_dir(&logs)?;
            Ok(logs)
        };
        created().map_err(|source| OperateError::File { path: fleet.logs.clone(), doing: "written to", source })
    }
}
