//! The whole way as a library: from a demand to machines that are set up, and back to nothing.
//!
//! What the command line does in one verb is here a value with a few methods, for those who build on hostler from Rust. The
//! journal, the tickets and the undo behind it are the same: a process that dies in the middle is gone on with by the next
//! [`Provisioner::provision_cluster`] of the same name, or given back by [`Provisioner::release`]. Deployments that were made
//! so can be seen and given back by `hostler`, where both use one data directory.
//!
//! The smaller pieces can be used by themselves: [`gather`](crate::gather) asks sites what they have,
//! [`plan`] decides, [`Deployer`] leads a deployment's life, [`host`](crate::host) speaks SSH, and
//! [`fleet`](crate::fleet) does the same on many hosts. `crates/hostler/examples/provision.rs` is an example that a test runs.

mod error;

use std::collections::BTreeMap;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::demand::Demand;
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::{Plan, plan};
use hostler_core::ports::Provider;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::watch;

pub use error::ProvisionError;

use crate::deploy::{Deployer, Files, Material, OnFailure, target};
use crate::event::{Report, Silent};
use crate::fleet::{FleetCommand, FleetOptions, HostResult};
use crate::gather::market;
use crate::host::{Command, Hosts, Ssh, Target};
use crate::run::{Outcome, Sites};
use crate::store::{Record, Store};

/// How clusters are provisioned.
#[derive(Clone)]
pub struct ProvisionConfig {
    /// Where journals, keys and logs are kept; made where it isn't there, readable by its owner only.
    pub data_dir: PathBuf,
    /// How long a machine may take until it can be logged in to.
    pub ssh_timeout: Duration,
    /// What becomes of a cluster that can't become ready.
    pub on_failure: OnFailure,
    /// The directory to bring as the source, where the demand's work has one.
    pub source: Option<PathBuf>,
    /// The values of the demand's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// Where events go.
    pub report: Arc<dyn Report>,
}

impl ProvisionConfig {
    /// With a data directory, and all else as the command line has it.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            ssh_timeout: Duration::from_secs(15 * 60),
            on_failure: OnFailure::GiveBack,
            source: None,
            secrets: BTreeMap::new(),
            report: Arc::new(Silent),
        }
    }
}

/// Provisions clusters at a site, or at several.
pub struct Provisioner {
    sites: Sites,
    hosts: Arc<dyn Hosts>,
    config: ProvisionConfig,
}

/// Machines that are there and set up.
pub struct Cluster {
    /// Its name.
    pub name: Name,
    /// How each machine is logged in to, in the order of their ranks.
    pub machines: Vec<Target>,
    /// Its plan: what was chosen, what it costs, what was done.
    pub plan: Plan,
    hosts: Arc<dyn Hosts>,
    logs: PathBuf,
}

impl Provisioner {
    /// At one site.
    pub fn with_config(provider: Arc<dyn Provider>, config: ProvisionConfig) -> Self {
        let sites = Sites::from([(provider.site().clone(), provider)]);
        Self { sites, hosts: Arc::new(Ssh::default()), config }
    }

    /// At one more site.
    pub fn and(mut self, provider: Arc<dyn Provider>) -> Self {
        self.sites.insert(provider.site().clone(), provider);
        self
    }

    /// Plans a cluster, and touches nothing.
    ///
    /// # Errors
    /// [`ProvisionError::NoPlan`], with every offer that was looked at and what it lacks.
    pub async fn plan(&self, name: &str, demand: &Demand) -> Result<Plan, ProvisionError> {
        let (now, demand) = (Timestamp::now(), Demand { name: Name::new(name)?, ..demand.clone() });
        let market = market(&self.sites, &demand, now).await?;
        let id = DeploymentId::from_bits(uuid::Uuid::now_v7().as_u128());
        let plan = plan(&demand, &market, id, now)?;
        plan.check_drivers()?;
        Ok(plan)
    }

    /// Brings a cluster up: plans it where there is none of this name, and goes on with it where there is.
    ///
    /// Dropping the future stops where it is, as a crash would; the next call goes on.
    ///
    /// # Errors
    /// Where nobody serves the demand, another process works on it, or it could not become ready: then the error says what
    /// failed, and what is left where.
    pub async fn provision_cluster(&self, name: &str, demand: &Demand) -> Result<Cluster, ProvisionError> {
        let store = self.store().await?;
        let name = Name::new(name)?;
        let _lock = store.lock(&name)?;
        let known = store.find(&name).await?;
        let plan = match &known {
            Some(record) => rework(record, Demand { name, ..demand.clone() })?,
            None => self.plan(name.as_str(), demand).await?,
        };
        let (config, secrets) = (&self.config, self.config.secrets.clone());
        let material = Material { source: config.source.clone(), secrets, ..Material::default() };
        let (_never, mut interrupts) = watch::channel(0);
        let (record, outcome) = self.deployer(&store).up(&plan, known.as_ref(), &material, &mut interrupts).await?;
        match outcome {
            Outcome::Ready { failed_runs } if failed_runs.is_empty() => self.cluster(&store, record).await,
            outcome => Err(ProvisionError::ended(record.name, outcome)),
        }
    }

    /// Gives a cluster back. One that isn't there is given back already.
    ///
    /// # Errors
    /// [`ProvisionError::Ended`], with what could not be given back.
    pub async fn release(&self, name: &str) -> Result<(), ProvisionError> {
        let store = self.store().await?;
        let name = Name::new(name)?;
        let _lock = store.lock(&name)?;
        let Some(record) = store.find(&name).await? else { return Ok(()) };
        let (_never, mut interrupts) = watch::channel(0);
        match self.deployer(&store).down(record, &mut interrupts).await? {
            (_, Outcome::Released | Outcome::RolledBack { .. }) => Ok(()),
            (record, outcome) => Err(ProvisionError::ended(record.name, outcome)),
        }
    }

    async fn store(&self) -> Result<Store, ProvisionError> {
        Ok(Store::open(&self.config.data_dir).await?)
    }

    fn deployer<'d>(&'d self, store: &'d Store) -> Deployer<'d> {
        Deployer {
            store,
            sites: &self.sites,
            hosts: Arc::clone(&self.hosts),
            report: &*self.config.report,
            now: Timestamp::now,
            patience: self.config.ssh_timeout,
            on_failure: self.config.on_failure,
        }
    }

    async fn cluster(&self, store: &Store, record: Record) -> Result<Cluster, ProvisionError> {
        let (pins, dir) = (store.pinned(record.id).await?, store.files_of(record.id));
        let files = Files::at(dir.clone());
        let (plan, journal) = (&record.plan, record.journal());
        let machines = plan.machines().map(|(step, spec)| target(plan, &journal, step, spec, &pins, &files));
        let machines = machines.collect::<Result<_, _>>()?;
        let (hosts, logs) = (Arc::clone(&self.hosts), dir.join("exec"));
        Ok(Cluster { name: record.name.clone(), machines, plan: record.plan, hosts, logs })
    }
}

/// The same machines with newer work.
fn rework(record: &Record, demand: Demand) -> Result<Plan, ProvisionError> {
    let plan = record.plan.rework(&demand, Timestamp::now())?;
    plan.check_drivers()?;
    Ok(plan)
}

impl Cluster {
    /// Runs a command on all machines at once, and answers in the order of their ranks. What each writes is kept whole in a
    /// file of its own: [`HostResult::log`].
    pub async fn exec(&self, command: &Command, options: FleetOptions) -> Vec<HostResult> {
        let output = &|_: &str, _, _: &str| {};
        let exec = FleetCommand { hosts: &*self.hosts, command, logs: &self.logs, options, output };
        exec.run(&self.machines, pending()).await
    }
}
