//! The executor for real machines, reached over SSH.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::demand::Workload;
use hostler_core::journal::Failure;
use hostler_core::name::Name;
use hostler_core::plan::Phase;
use hostler_core::ports::Remedy;
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::StepId;
use secrecy::SecretString;

use super::context::{Context, HostPaths, Peer};
use super::error::{Cause, SetupError};
use super::{perform, restart};
use crate::blocking::blocking;
use crate::event::{Event, Report};
use crate::host::{HostError, HostErrorKind, HostKey, Hosts, Identity, Keypair, KnownHosts, Target};
use crate::run::{Executor, Machine, Performed};

/// Attempts at a phase if the connection breaks during it.
const ATTEMPTS: u32 = 4;
/// Restarts of a machine per phase.
const RESTARTS: u32 = 2;
/// Time limit for reconnecting after a lost connection.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(120);

/// Connects to a deployment's machines over SSH and sets them up.
pub struct SshExecutor {
    /// Opens the connections.
    pub hosts: Arc<dyn Hosts>,
    /// Login key of the deployment.
    pub identity: Arc<Identity>,
    /// Name of the deployment.
    pub deployment: Name,
    /// Phases of the set-up, with their parameters.
    pub work: Workload,
    /// Local directory to upload as the source.
    pub source: Option<PathBuf>,
    /// Values of the secrets named in `work`.
    pub secrets: BTreeMap<String, SecretString>,
    /// Runs `setup`, custom steps and Python environments again even if nothing has changed.
    pub rerun: bool,
    /// Directories on the hosts.
    pub paths: HostPaths,
    /// Key pair for logins between the machines; `None` for a single machine.
    pub peer_keypair: Option<Keypair>,
    /// File with the host keys of persistent hosts, pinned across deployments.
    pub known_hosts: PathBuf,
    /// Local directory of the logs: `MACHINE/PHASE.log`.
    pub logs: PathBuf,
    /// Time limit from the creation of a machine to the first login.
    pub ssh_timeout: Duration,
    /// Peers of the last call, shared by the phases on all machines.
    pub peer_cache: PeerCache,
}

/// The machines as peers see them, built once and shared by all phases on all machines: with hundreds of machines, a list per
/// phase would take quadratic time and memory.
#[derive(Debug, Default)]
pub struct PeerCache(Mutex<CachedPeers>);

#[derive(Debug, Default)]
struct CachedPeers {
    machines: Vec<Machine>,
    peers: Arc<[Peer]>,
}

impl PeerCache {
    fn peers(&self, all: &[Machine]) -> Arc<[Peer]> {
        if all.len() < 2 {
            return all.iter().map(peer).collect();
        }
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.machines != all {
            *cached = CachedPeers { machines: all.to_vec(), peers: all.iter().map(peer).collect() };
        }
        Arc::clone(&cached.peers)
    }
}

impl SshExecutor {
    async fn target(&self, machine: &Machine) -> Result<Target, Failure> {
        let pinned = machine.host_key.as_deref().map(str::parse::<HostKey>).transpose();
        Ok(Target {
            machine: machine.spec.name.clone(),
            address: machine.address.clone(),
            user: machine.spec.user.clone(),
            identity: self.identity_for(machine).await?,
            pinned: pinned.map_err(|error| failure(&error, Remedy::Report, None))?,
            jump: None,
        })
    }

    async fn known_hosts(&self) -> Result<KnownHosts, Failure> {
        let path = self.known_hosts.clone();
        let read = blocking(move || KnownHosts::read(&path)).await;
        read.map_err(|error| self.known_hosts_error(&error))
    }

    fn known_hosts_error(&self, error: &io::Error) -> Failure {
        let message = format!("the known-hosts file `{}` can't be used: {error}", self.known_hosts.display());
        Failure { message, remedy: Remedy::Ask, hint: Some("check its owner and the free space".to_owned()) }
    }

    /// Login key for a machine: the deployment's, unless the machine is a persistent host with a key of its own.
    async fn identity_for(&self, machine: &Machine) -> Result<Arc<Identity>, Failure> {
        let Some(path) = &machine.spec.existing.identity else { return Ok(Arc::clone(&self.identity)) };
        let hint = format!("the login key for `{}` must be readable and have no passphrase", machine.spec.name);
        let path = PathBuf::from(path);
        match blocking(move || Identity::read(&path)).await {
            Ok(identity) => Ok(Arc::new(identity)),
            Err(error) => Err(failure(&error, Remedy::Ask, Some(hint))),
        }
    }

    /// Runs a phase, and repeats it on a new connection if the connection breaks, [`ATTEMPTS`] times in all. A `run` that has
    /// started is not repeated: it may have had effects.
    async fn run_with_retries(
        &self,
        target: &Target,
        phase: &Phase,
        context: &Context<'_>,
        report: &dyn Report,
    ) -> Result<Performed, Failure> {
        let note = |text: &str| progress(report, context.step, text);
        let (mut attempt, mut restarts) = (1, 0);
        loop {
            let performed = match self.hosts.session(target).await {
                Err(error) => Err((SetupError::from_host(phase, error), true)),
                Ok(session) => {
                    let mut performed = perform(&*session, phase, context, report).await;
                    if performed.is_ok() && (restarts > 0 || phase.kind() == PhaseKind::Gpu) {
                        let cleared = restart::clear_marker(&*session, context).await;
                        performed = cleared.map_err(|error| SetupError::from_host(phase, error)).and(performed);
                    }
                    performed.map_err(|error| (error, !matches!(phase, Phase::Run { .. })))
                }
            };
            let (error, repeatable) = match performed {
                Ok(done) => {
                    if done == Performed::Now && adds_groups(phase) {
                        self.hosts.close(target).await;
                    }
                    // The restart was part of this phase's work.
                    return Ok(if restarts > 0 { Performed::Now } else { done });
                }
                Err(failed) => failed,
            };
            if let Cause::Restarting(boot) = &*error.cause
                && restarts < RESTARTS
            {
                restarts += 1;
                restart::wait_for_restart(&*self.hosts, target, boot, &note)
                    .await
                    .map_err(|error| host_failure(&error))?;
                continue;
            }
            if attempt == ATTEMPTS || !error.is_transient() || !repeatable {
                return Err(setup_failure(error));
            }
            attempt += 1;
            note(&format!("connection lost, starting attempt {attempt} of {ATTEMPTS}"));
            self.hosts.wait_for_ssh(target, RECONNECT_TIMEOUT, &note).await.map_err(|error| host_failure(&error))?;
        }
    }
}

#[async_trait]
impl Executor for SshExecutor {
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, report: &dyn Report) -> Result<String, Failure> {
        let mut target = self.target(machine).await?;
        let pins = if machine.host_is_persistent { Some(self.known_hosts().await?) } else { None };
        let known = pins.as_ref().filter(|_| target.pinned.is_none()).and_then(|pins| pins.get(&target.address));
        target.pinned = target.pinned.or_else(|| known.cloned());
        let note = |text: &str| progress(report, step, text);
        let key = self.hosts.wait_for_ssh(&target, self.ssh_timeout, &note).await.map_err(|error| {
            let forget =
                pins.as_ref().filter(|_| known.is_some()).and_then(|pins| pins.changed_key_hint(&target.address));
            match (&error.kind, forget) {
                (HostErrorKind::HostKeyChanged { .. }, Some(forget)) => {
                    failure(&error, remedy_of(&error), Some(forget))
                }
                _ => host_failure(&error),
            }
        })?;
        if let Some(pins) = pins {
            let (address, key) = (target.address.clone(), key.clone());
            let added = blocking(move || pins.add([(&address, &key)])).await;
            added.map_err(|error| self.known_hosts_error(&error))?;
        }
        Ok(key.into())
    }

    async fn set_up(
        &self,
        step: &StepId,
        machine: &Machine,
        all: &[Machine],
        phase: &Phase,
        report: &dyn Report,
    ) -> Result<Performed, Failure> {
        let peers = self.peer_cache.peers(all);
        let context = Context {
            deployment: &self.deployment,
            step,
            work: &self.work,
            source: self.source.as_deref(),
            secrets: &self.secrets,
            peers: &peers,
            rank: usize::try_from(machine.spec.rank).unwrap_or(usize::MAX),
            peer_keypair: self.peer_keypair.as_ref().filter(|_| all.len() > 1),
            rerun: self.rerun,
            paths: &self.paths,
            log: &self.logs.join(&machine.spec.name).join(format!("{}.log", phase.log_name())),
        };
        self.run_with_retries(&self.target(machine).await?, phase, &context, report).await
    }
}

/// True for phases that add the user to groups. A session keeps the groups from its start, so the next phase needs a new one.
fn adds_groups(phase: &Phase) -> bool {
    matches!(phase.kind(), PhaseKind::Docker | PhaseKind::Gpu)
}

/// A machine as its peers see it.
fn peer(machine: &Machine) -> Peer {
    Peer {
        name: machine.spec.name.clone(),
        address: machine.peer_address.clone(),
        user: machine.spec.user.clone(),
        host_key: machine.host_key.as_deref().and_then(|key| key.parse().ok()),
        gpus: machine.spec.shape.gpus.len(),
    }
}

fn progress(report: &dyn Report, step: &StepId, text: &str) {
    report.report(&Event::Progress { step: step.clone(), text: text.to_owned() });
}

fn setup_failure(error: SetupError) -> Failure {
    let remedy = match &*error.cause {
        Cause::Host(host) => remedy_of(host),
        // Another machine may match the offer.
        Cause::Mismatch(_) => Remedy::Replan,
        Cause::Exited(..) | Cause::Unsatisfiable(_) | Cause::Log(..) => Remedy::Ask,
        Cause::TimedOut(..) | Cause::CheckFailed(..) | Cause::Restarting(_) => Remedy::Ask,
    };
    failure(&error, remedy, error.hint.clone())
}

fn host_failure(error: &HostError) -> Failure {
    failure(error, remedy_of(error), error.hint())
}

fn remedy_of(error: &HostError) -> Remedy {
    match &error.kind {
        HostErrorKind::LoginRefused { .. } | HostErrorKind::HostKeyChanged { .. } | HostErrorKind::LocalFile { .. } => {
            Remedy::Ask
        }
        _ if error.is_transient() => Remedy::Retry(Duration::from_secs(5)),
        _ => Remedy::Report,
    }
}

/// Failure whose message includes all causes of the error: only text is stored.
fn failure(error: &dyn Error, remedy: Remedy, hint: Option<String>) -> Failure {
    let (mut message, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        message.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    Failure { message, remedy, hint }
}
