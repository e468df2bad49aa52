//! The lives of deployments, as the verbs begin them: coming up, going on after a crash, being given back.

mod files;
mod idle;
mod reached;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::journal::{Entry, Forgets, Goal, Round};
use hostler_core::name::Name;
use hostler_core::plan::Plan;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::account::{self, AccountError};
use crate::event::{Event, Report};
use crate::host::Hosts;
use crate::run::{Driver, Executor, Inputs, Interrupts, Outcome};
use crate::setup::{HostPaths, PeerCache, SshExecutor};
use crate::sites::Sites;
use crate::store::{Record, Store, StoreError};

pub use files::{Files, FilesError};
pub use reached::{NotReached, target};

use idle::Idle;

/// What the work on the machines needs from this computer. It is not stored: a later process is given it anew.
#[derive(Debug, Clone, Default)]
pub struct Material {
    /// The directory to bring as the source.
    pub source: Option<PathBuf>,
    /// The values of the demand's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// A shell script for each machine's first boot; without secrets.
    pub first_boot: String,
    /// Where the key pair comes from, where the deployment has none yet.
    pub key: KeySource,
}

/// Where a deployment's key pair comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeySource {
    /// It is made.
    #[default]
    Created,
    /// There is only a public key, to be registered: nobody logs in from here.
    Public(String),
    /// The user's own. The private half stays where it is.
    Pair {
        /// The file of the private key.
        private: PathBuf,
        /// The public key, one line.
        public: String,
    },
}

/// Why a deployment's life could not be led.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The journal can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deployment's own files can't be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// It was made as somebody else, or a site doesn't say who we are.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// It is on its way back.
    #[error("`{0}` is being given back, and can't come up before nothing of it is left")]
    GoingBack(Name),
    /// Something is there that the plan of another round has no step for.
    #[error(transparent)]
    Forgets(#[from] Forgets),
}

impl DeployError {
    /// Whether it came before anything was entered: the deployment, if there is one, is as it was.
    pub fn came_first(&self) -> bool {
        match self {
            Self::Account(_) | Self::GoingBack(_) | Self::Forgets(_) | Self::Store(StoreError::Taken(_)) => true,
            Self::Store(_) | Self::Files(_) => false,
        }
    }
}

/// What becomes of a deployment that can't become ready, or is interrupted before it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Everything is given back.
    #[default]
    GiveBack,
    /// It is held: what is there stays, to be looked at.
    Hold,
}

/// Leads the lives of deployments.
pub struct Deployer<'a> {
    /// Where journals are kept.
    pub store: &'a Store,
    /// The sites.
    pub sites: &'a Sites,
    /// How machines are reached.
    pub hosts: Arc<dyn Hosts>,
    /// Where events go.
    pub report: &'a dyn Report,
    /// The time.
    pub now: fn() -> Timestamp,
    /// How long a machine may take until it can be logged in to.
    pub patience: Duration,
    /// What becomes of one that fails.
    pub on_failure: OnFailure,
}

impl Deployer<'_> {
    /// Brings a deployment up by a plan, and answers with how it ended.
    ///
    /// The caller holds the lock of the deployment's name, and `known` is what the store has under it.
    ///
    /// # Errors
    /// [`DeployError::GoingBack`] where `known` is on its way back: there is no way forward from there.
    /// [`DeployError::Account`] where its things were made as somebody else, [`DeployError::Forgets`] where the plan has no
    /// step for what is there. Nothing is done then.
    pub async fn up(
        &self,
        plan: &Plan,
        known: Option<&Record>,
        material: &Material,
        interrupts: &mut Interrupts,
    ) -> Result<(Record, Outcome), DeployError> {
        let accounts = account::introduce(self.sites, plan, known).await?;
        let mut record = enter_up(self.store, plan, known, (self.now)()).await?;
        self.entered(&record);
        for account in accounts {
            self.store.record(&mut record, (self.now)(), account).await?;
            self.entered(&record);
        }
        if self.on_failure == OnFailure::Hold && !record.journal().held() {
            self.hold(&mut record).await?;
        }
        let outcome = self.drive(&mut record, material, interrupts).await?;
        Ok((record, outcome))
    }

    async fn hold(&self, record: &mut Record) -> Result<(), StoreError> {
        let (at, entry) = ((self.now)(), Entry::Held(true));
        self.store.record(record, at, entry).await?;
        self.entered(record);
        Ok(())
    }

    /// Gives a deployment back, from wherever it stands.
    ///
    /// # Errors
    /// [`DeployError::Account`] where its things were made as somebody else. Nothing is done then.
    pub async fn down(
        &self,
        mut record: Record,
        interrupts: &mut Interrupts,
    ) -> Result<(Record, Outcome), DeployError> {
        account::check_before_undo(self.sites, &record).await?;
        enter_down(self.store, &mut record, (self.now)()).await?;
        self.entered(&record);
        let outcome = self.drive(&mut record, &Material::default(), interrupts).await?;
        Ok((record, outcome))
    }

    fn entered(&self, record: &Record) {
        let number = record.entries.last().map_or(0, |stored| stored.number);
        self.report.report(&Event::Journaled { deployment: record.name.clone(), number });
    }

    async fn drive(
        &self,
        record: &mut Record,
        material: &Material,
        interrupts: &mut Interrupts,
    ) -> Result<Outcome, DeployError> {
        let files = Files::open(self.store.files_of(record.id))?;
        // Giving back needs no key, and must not fail for want of one.
        let outcome = if record.journal().turns_back(&record.plan) {
            self.driver(&Idle).drive(record, &Inputs::default(), interrupts).await?
        } else if record.plan.is_without_machines() {
            // A lease or a key by itself: there is nobody to log in to, yet.
            self.make_keys(record, &files, material)?;
            let inputs = Inputs { public_key: files.public_key()?, first_boot: String::new() };
            self.driver(&Idle).drive(record, &inputs, interrupts).await?
        } else {
            let executor = self.executor(record, &files, material)?;
            let inputs = Inputs { public_key: files.public_key()?, first_boot: material.first_boot.clone() };
            self.driver(&executor).drive(record, &inputs, interrupts).await?
        };
        if record.closed.is_some() {
            files.remove_secrets()?;
        }
        Ok(outcome)
    }

    fn driver<'d>(&'d self, executor: &'d dyn Executor) -> Driver<'d> {
        Driver { store: self.store, sites: self.sites, executor, report: self.report, now: self.now }
    }

    fn make_keys(&self, record: &Record, files: &Files, material: &Material) -> Result<(), FilesError> {
        match &material.key {
            KeySource::Created => files.make_keys_where_missing(record.id),
            KeySource::Public(key) => files.keep_public_key(key),
            KeySource::Pair { private, public } => files.link_keys(private, public),
        }
    }

    fn executor(&self, record: &Record, files: &Files, material: &Material) -> Result<SshExecutor, FilesError> {
        self.make_keys(record, files, material)?;
        Ok(SshExecutor {
            hosts: Arc::clone(&self.hosts),
            identity: Arc::new(files.identity()?),
            deployment: record.name.clone(),
            work: record.plan.demand.work.clone(),
            source: material.source.clone(),
            secrets: material.secrets.clone(),
            known_hosts: self.store.known_hosts(),
            rerun: record.plan.part.as_ref().is_some_and(|part| part.again),
            paths: HostPaths::default(),
            peer_keypair: record.plan.machines().nth(1).map(|_| files.peer_keypair(record.id)).transpose()?,
            logs: files.logs(),
            ssh_timeout: self.patience,
            peer_cache: PeerCache::default(),
        })
    }
}

/// Enters that a deployment is to come up: a new one, or another round of one that is there.
pub async fn enter_up(
    store: &Store,
    plan: &Plan,
    known: Option<&Record>,
    now: Timestamp,
) -> Result<Record, DeployError> {
    match known {
        None => store.begin(plan, now).await?,
        Some(record) if record.journal().turns_back(&record.plan) => {
            return Err(DeployError::GoingBack(record.name.clone()));
        }
        Some(record) => {
            store.begin_again(Round::of(plan, &record.plan, &record.journal())?, now).await?;
        }
    }
    let name = &plan.demand.name;
    Ok(store.find(name).await?.ok_or_else(|| StoreError::Lost(name.clone()))?)
}

/// Enters that a deployment is to be given back.
pub async fn enter_down(store: &Store, record: &mut Record, now: Timestamp) -> Result<(), StoreError> {
    store.record(record, now, Entry::Goal(Goal::Down)).await
}

#[cfg(test)]
mod tests {
    use hostler_core::journal::StepEvent;
    use hostler_core::plan::ResourceKind;

    use super::*;
    use crate::store::testing::{plan_of, second};

    #[tokio::test]
    async fn a_round_that_would_forget_what_may_be_there_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let plan = plan_of("web", 1);
        let mut record = enter_up(&store, &plan, None, second(0)).await.unwrap();
        let forgetful = plan.clone().making(&[ResourceKind::Keypair]);
        let lease = Entry::Step { step: "lease".parse().unwrap(), event: StepEvent::Started };
        store.record(&mut record, second(1), lease).await.unwrap();
        let refused = enter_up(&store, &forgetful, Some(&record), second(2)).await.unwrap_err();
        assert!(refused.came_first() && matches!(refused, DeployError::Forgets(_)), "{refused}");
        assert_eq!(store.find(&record.name).await.unwrap().as_ref(), Some(&record));
        enter_up(&store, &plan.making(&[ResourceKind::Lease]), Some(&record), second(3)).await.unwrap();
    }
}
