//! Clusters of machines for programs that use hostler as a library: from a demand to machines that are set up, and back.
//!
//! A [`Provisioner`] is a thin layer over [`Operator`], the operations of every front end: they plan again when a site is full,
//! resume after a crash, and finish an interrupted deletion. Front ends that share a data directory share their deployments.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::demand::Demand;
use hostler_core::name::Name;
use hostler_core::plan::Plan;
use hostler_core::ports::Provider;
use secrecy::SecretString;

use crate::deploy::OnFailure;
use crate::event::{DiscardEvents, Observer};
use crate::fleet::{FleetCommand, FleetOptions, HostResult};
use crate::host::{Command, Hosts, Target};
use crate::operate::{
    DownRequest, KeyRequest, OperateError, Operator, PlacementRequest, Requested, SSH_TIMEOUT, UpRequest,
};
use crate::run::never;
use crate::sites::Sites;

/// Settings of a [`Provisioner`].
#[derive(Clone)]
pub struct ProvisionConfig {
    /// The directory of journals, keys and logs; created if missing, readable by its owner only.
    pub data_dir: PathBuf,
    /// Limit for each machine until it can be logged in to.
    pub ssh_timeout: Duration,
    /// Treatment of a cluster that fails: roll back or hold.
    pub on_failure: OnFailure,
    /// The directory to copy to the machines as the source, for demands that have one.
    pub source: Option<PathBuf>,
    /// The values of the demand's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// Receives events and notices.
    pub observer: Arc<dyn Observer>,
}

impl ProvisionConfig {
    /// A data directory, and the command line's defaults.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            ssh_timeout: SSH_TIMEOUT,
            on_failure: OnFailure::default(),
            source: None,
            secrets: BTreeMap::new(),
            observer: Arc::new(DiscardEvents),
        }
    }
}

/// Provisions clusters at one site, or at several.
#[derive(Clone)]
pub struct Provisioner {
    operator: Operator,
    config: ProvisionConfig,
}

/// A cluster of machines that are set up.
pub struct Cluster {
    /// Its name.
    pub name: Name,
    /// The machines as SSH targets, by rank.
    pub machines: Vec<Target>,
    /// Its plan.
    pub plan: Plan,
    hosts: Arc<dyn Hosts>,
    logs: PathBuf,
}

impl Provisioner {
    /// A provisioner at one site.
    pub fn with_config(provider: Arc<dyn Provider>, config: ProvisionConfig) -> Self {
        let sites = Sites::from([(provider.site().clone(), provider)]);
        let observer = Arc::clone(&config.observer);
        Self { operator: Operator { observer, ..Operator::new(sites, &config.data_dir) }, config }
    }

    /// Adds a site.
    pub fn and(mut self, provider: Arc<dyn Provider>) -> Self {
        self.operator.sites.insert(provider.site().clone(), provider);
        self
    }

    /// Plans a cluster. Changes nothing.
    ///
    /// # Errors
    /// [`OperateError::NoPlan`] with every offer that was checked, if the demand cannot be met.
    pub async fn plan(&self, name: &str, demand: &Demand) -> Result<Plan, OperateError> {
        let demand = Demand { name: Name::new(name)?, ..demand.clone() };
        let requested = Requested::from(demand);
        self.operator.plan(&requested, &PlacementRequest::default(), &KeyRequest::default()).await
    }

    /// Brings a cluster up: a new one, or the live one of this name, with newer work.
    ///
    /// Dropping the future stops it where it is, as a crash would; the next call resumes.
    ///
    /// # Errors
    /// If the demand cannot be met, another process works on the cluster, or it does not become ready: the error says what
    /// failed and what is left.
    pub async fn provision_cluster(&self, name: &str, demand: &Demand) -> Result<Cluster, OperateError> {
        let demand = Demand { name: Name::new(name)?, ..demand.clone() };
        let request = UpRequest {
            secrets: self.config.secrets.clone(),
            source: self.config.source.clone(),
            ssh_timeout: self.config.ssh_timeout,
            on_failure: self.config.on_failure,
            ..UpRequest::new(demand)
        };
        self.operator.up(&request, &never()).await?;
        let (store, record) = self.operator.deployment(name).await?;
        let machines = self.operator.targets(&store, &record, &[]).await?;
        let (hosts, logs) = (Arc::clone(&self.operator.hosts), store.files_of(record.id).join("exec"));
        Ok(Cluster { name: record.name, machines, plan: record.plan, hosts, logs })
    }

    /// Brings a cluster down. Succeeds if it does not exist.
    ///
    /// # Errors
    /// If a resource could not be deleted; the error lists it.
    pub async fn release(&self, name: &str) -> Result<(), OperateError> {
        let request = DownRequest { names: Some(vec![Name::new(name)?.to_string()]), ..DownRequest::default() };
        match self.operator.down(&request, &never()).await {
            Ok(_) | Err(OperateError::UnknownDeployment { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Cluster {
    /// Runs a command on all machines at once. The results are in the order of their ranks; [`HostResult::log`] is the file with all
    /// output of a machine.
    pub async fn exec(&self, command: &Command, options: FleetOptions) -> Vec<HostResult> {
        let output = &|_: &str, _, _: &str| {};
        let exec = FleetCommand { hosts: &*self.hosts, command, logs: &self.logs, options, output };
        exec.run(&self.machines, pending()).await
    }
}
