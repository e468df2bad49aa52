//! Bringing deployments up and down, and resuming them after a crash.

mod files;
mod no_executor;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::journal::{Entry, Goal, Round, UnaccountedResources};
use hostler_core::name::Name;
use hostler_core::plan::Plan;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::account::{self, AccountError};
use crate::blocking::blocking;
use crate::event::{Event, Report};
use crate::host::Hosts;
use crate::run::{Executor, Interrupts, JournalRunner, RunOutcome};
use crate::setup::{HostPaths, PeerCache, SshExecutor};
use crate::sites::Sites;
use crate::store::{Record, Store, StoreError};

pub use files::{Files, FilesError};
pub use target::{NotReached, target};

use no_executor::NoExecutor;

/// Inputs from this computer for the work on machines. They are not stored: each process supplies them again.
#[derive(Debug, Clone, Default)]
pub struct LocalInputs {
    /// The directory to copy to the machines as the source.
    pub source: Option<PathBuf>,
    /// The values of the demand's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// The key pair for a deployment that has none yet.
    pub key: KeySource,
}

/// Source of a deployment's key pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeySource {
    /// A pair that is generated for the deployment.
    #[default]
    Generated,
    /// Only a public key, which is registered at the site. This computer does not log in.
    PublicOnly(String),
    /// A pair of the user. The private key is used in place, not copied.
    UserPair {
        /// The file of the private key.
        private: PathBuf,
        /// The public key, one line.
        public: String,
    },
}

/// The reason why a deployment could not be brought up or down.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deployment's files cannot be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Another account created the deployment, or a site does not report the current account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// It is going down or rolling back.
    #[error("`{0}` is being deleted: it can't be brought up until that is complete")]
    BeingDeleted(Name),
    /// A resource exists for which the plan of the new round has no step.
    #[error(transparent)]
    UnaccountedResources(#[from] UnaccountedResources),
}

impl DeployError {
    /// True if the error came before anything was journaled: the deployment, if any, is unchanged.
    pub fn changed_nothing(&self) -> bool {
        match self {
            Self::Account(_)
            | Self::BeingDeleted(_)
            | Self::UnaccountedResources(_)
            | Self::Store(StoreError::NameTaken(_)) => true,
            Self::Store(_) | Self::Files(_) => false,
        }
    }
}

/// Treatment of a deployment that fails, or is interrupted, before it was ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Delete its resources.
    #[default]
    RollBack,
    /// Hold it: its resources stay, so that the user can inspect them.
    Hold,
}

/// Brings deployments up and down.
pub struct Deployer<'a> {
    /// The store of the journals.
    pub store: &'a Store,
    /// The sites.
    pub sites: &'a Sites,
    /// Connects to machines.
    pub hosts: Arc<dyn Hosts>,
    /// Receives the events of the run.
    pub report: &'a dyn Report,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Limit for each machine until SSH accepts a login.
    pub ssh_timeout: Duration,
    /// Treatment of a deployment that fails.
    pub on_failure: OnFailure,
}

impl Deployer<'_> {
    /// Brings a deployment up by a plan.
    ///
    /// The caller holds the lock of the deployment's name. `known` is the live deployment of this name in the store.
    ///
    /// # Errors
    /// [`DeployError::BeingDeleted`] if `known` is going down or rolling back, [`DeployError::Account`] if another account
    /// created it, [`DeployError::UnaccountedResources`] if the plan has no step for an existing resource. Nothing is done in these cases.
    pub async fn up(
        &self,
        plan: &Plan,
        known: Option<&Record>,
        local_inputs: &LocalInputs,
        interrupts: &mut Interrupts,
    ) -> Result<(Record, RunOutcome), DeployError> {
        let accounts = account::new_entries(self.sites, plan, known).await?;
        let mut record = begin_up(self.store, plan, known, (self.now)()).await?;
        self.report_last_entry(&record);
        for account in accounts {
            self.store.record(&mut record, (self.now)(), account).await?;
            self.report_last_entry(&record);
        }
        if self.on_failure == OnFailure::Hold && !record.journal().is_held() {
            self.hold(&mut record).await?;
        }
        let outcome = self.run(&mut record, local_inputs, interrupts).await?;
        Ok((record, outcome))
    }

    async fn hold(&self, record: &mut Record) -> Result<(), StoreError> {
        let (at, entry) = ((self.now)(), Entry::Hold(true));
        self.store.record(record, at, entry).await?;
        self.report_last_entry(record);
        Ok(())
    }

    /// Brings a deployment down, from any state.
    ///
    /// # Errors
    /// [`DeployError::Account`] if another account created it. Nothing is done then.
    pub async fn down(
        &self,
        mut record: Record,
        interrupts: &mut Interrupts,
    ) -> Result<(Record, RunOutcome), DeployError> {
        account::check_before_undo(self.sites, &record).await?;
        begin_down(self.store, &mut record, (self.now)()).await?;
        self.report_last_entry(&record);
        let outcome = self.run(&mut record, &LocalInputs::default(), interrupts).await?;
        Ok((record, outcome))
    }

    fn report_last_entry(&self, record: &Record) {
        let number = record.entries.last().map_or(0, |stored| stored.number);
        self.report.report(&Event::Journaled { deployment: record.name.clone(), number });
    }

    async fn run(
        &self,
        record: &mut Record,
        local_inputs: &LocalInputs,
        interrupts: &mut Interrupts,
    ) -> Result<RunOutcome, DeployError> {
        let dir = self.store.files_of(record.id);
        let files = blocking(move || Files::open(dir)).await?;
        // Deleting needs no key, and must not fail because one is missing.
        let outcome = if record.journal().is_rolling_back(&record.plan) {
            self.runner(&NoExecutor).run(record, "", interrupts).await?
        } else if record.plan.has_no_machines() {
            // A lease or a keypair by itself: there is no machine to log in to.
            let public_key = prepare_keys(record, &files, local_inputs).await?;
            self.runner(&NoExecutor).run(record, &public_key, interrupts).await?
        } else {
            let public_key = prepare_keys(record, &files, local_inputs).await?;
            let executor = self.executor(record, &files, local_inputs).await?;
            self.runner(&executor).run(record, &public_key, interrupts).await?
        };
        if record.closed.is_some() {
            blocking(move || files.remove_secrets()).await?;
        }
        Ok(outcome)
    }

    fn runner<'r>(&'r self, executor: &'r dyn Executor) -> JournalRunner<'r> {
        JournalRunner { store: self.store, sites: self.sites, executor, report: self.report, now: self.now }
    }

    async fn executor(
        &self,
        record: &Record,
        files: &Files,
        local_inputs: &LocalInputs,
    ) -> Result<SshExecutor, FilesError> {
        let (keys, id, has_peers) = (files.clone(), record.id, record.plan.machines().nth(1).is_some());
        let (identity, peer_keypair) = blocking(move || {
            let peers = has_peers.then(|| keys.peer_keypair(id)).transpose()?;
            Ok::<_, FilesError>((keys.identity()?, peers))
        })
        .await?;
        Ok(SshExecutor {
            hosts: Arc::clone(&self.hosts),
            identity: Arc::new(identity),
            deployment: record.name.clone(),
            work: record.plan.demand.workload.clone(),
            source: local_inputs.source.clone(),
            secrets: local_inputs.secrets.clone(),
            known_hosts: self.store.known_hosts(),
            rerun: record.plan.part.as_ref().is_some_and(|part| part.again),
            paths: HostPaths::default(),
            peer_keypair,
            logs: files.logs(),
            ssh_timeout: self.ssh_timeout,
            peer_cache: PeerCache::default(),
        })
    }
}

/// Stores the key pair of a deployment that has none yet. Returns the public key.
async fn prepare_keys(record: &Record, files: &Files, local_inputs: &LocalInputs) -> Result<String, FilesError> {
    let (files, id, key) = (files.clone(), record.id, local_inputs.key.clone());
    blocking(move || {
        match &key {
            KeySource::Generated => files.generate_keys_if_missing(id)?,
            KeySource::PublicOnly(key) => files.store_public_key(key)?,
            KeySource::UserPair { private, public } => files.link_keys(private, public)?,
        }
        files.public_key()
    })
    .await
}

/// Journals that a deployment comes up: a new one if `known` is `None`, else another round of `known`.
pub async fn begin_up(
    store: &Store,
    plan: &Plan,
    known: Option<&Record>,
    now: Timestamp,
) -> Result<Record, DeployError> {
    match known {
        None => store.begin(plan, now).await?,
        Some(record) if record.journal().is_rolling_back(&record.plan) => {
            return Err(DeployError::BeingDeleted(record.name.clone()));
        }
        Some(record) => {
            let round = Round::of(plan, &record.plan, record.journal())?;
            let mut record = record.clone();
            store.begin_round(&mut record, round, now).await?;
            return Ok(record);
        }
    }
    let name = &plan.demand.name;
    Ok(store.find(name).await?.ok_or_else(|| StoreError::Vanished(name.clone()))?)
}

/// Journals that a deployment goes down.
pub async fn begin_down(store: &Store, record: &mut Record, now: Timestamp) -> Result<(), StoreError> {
    store.record(record, now, Entry::Goal(Goal::Down)).await
}

#[cfg(test)]
mod tests {
    use hostler_core::journal::StepEvent;
    use hostler_core::plan::ResourceKind;

    use super::*;
    use crate::store::testing::{plan_of, second};

    #[tokio::test]
    async fn round_without_a_step_for_an_existing_resource_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plan = plan_of("web", 1);
        let mut record = begin_up(&store, &plan, None, second(0)).await.unwrap();
        let without_lease = plan.clone().with_only(&[ResourceKind::Keypair]);
        let lease = Entry::Step { step: "lease".parse().unwrap(), event: StepEvent::Started };
        store.record(&mut record, second(1), lease).await.unwrap();
        let error = begin_up(&store, &without_lease, Some(&record), second(2)).await.unwrap_err();
        assert!(error.changed_nothing() && matches!(error, DeployError::UnaccountedResources(_)), "{error}");
        assert_eq!(store.find(&record.name).await.unwrap().as_ref(), Some(&record));
        begin_up(&store, &plan.with_only(&[ResourceKind::Lease]), Some(&record), second(3)).await.unwrap();
    }
}
