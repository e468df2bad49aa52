//! The crew that works on real machines.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::demand::Work;
use hostler_core::journal::Failure;
use hostler_core::name::Name;
use hostler_core::plan::Phase;
use hostler_core::ports::Remedy;
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::StepId;
use secrecy::SecretString;

use super::{Cause, Context, HostPaths, Peer, SetupError, perform, restart};
use crate::event::{Event, Report};
use crate::host::{HostError, HostErrorKind, HostKey, Hosts, Identity, Keypair, KnownHosts, Target};
use crate::run::{Executor, Machine, Performed};

/// How often a phase is begun at most, where the connection breaks in it.
const ATTEMPTS: u32 = 4;
/// How often a machine is restarted at most in a phase.
const RESTARTS: u32 = 2;
/// How long a machine may take to be reached again where the connection broke.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// Reaches and sets up a deployment's machines over SSH.
pub struct SshExecutor {
    /// The connections.
    pub hosts: Arc<dyn Hosts>,
    /// The deployment's key.
    pub identity: Arc<Identity>,
    /// The deployment.
    pub deployment: Name,
    /// What is done on its machines.
    pub work: Work,
    /// The local directory to bring as the source.
    pub source: Option<PathBuf>,
    /// The values of the work's secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// Whether what is the user's own is done though the same was done before.
    pub rerun: bool,
    /// Where things lie on the hosts.
    pub paths: HostPaths,
    /// The key pair by which the machines log in to each other, where there are several.
    pub peer_keypair: Option<Keypair>,
    /// The host keys of hosts that stay, whoever has them: met in one deployment, they are known in the next.
    pub known_hosts: PathBuf,
    /// The directory on this computer for logs: `MACHINE/PHASE.log` in it.
    pub logs: PathBuf,
    /// How long a machine may take from its start to a login.
    pub ssh_timeout: Duration,
    /// The machines, once they have met.
    pub peer_cache: PeerCache,
}

/// The machines as their companions see them, put together once for all phases on all of them.
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
        let mut peer_cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if peer_cache.machines != all {
            *peer_cache = CachedPeers { machines: all.to_vec(), peers: all.iter().map(peer).collect() };
        }
        Arc::clone(&peer_cache.peers)
    }
}

impl SshExecutor {
    fn target(&self, machine: &Machine) -> Result<Target, Failure> {
        let pinned = machine.host_key.as_deref().map(str::parse::<HostKey>).transpose();
        Ok(Target {
            machine: machine.spec.name.clone(),
            address: machine.address.clone(),
            user: machine.spec.user.clone(),
            identity: self.identity_for(machine)?,
            pinned: pinned.map_err(|error| failure(&error, Remedy::Report, None))?,
            jump: None,
        })
    }

    fn pins(&self) -> Result<KnownHosts, Failure> {
        KnownHosts::read(&self.known_hosts).map_err(|error| self.unknown(&error))
    }

    fn unknown(&self, error: &io::Error) -> Failure {
        let message = format!("the host keys in `{}` can't be used: {error}", self.known_hosts.display());
        Failure { message, remedy: Remedy::Ask, hint: Some("check its owner and the free space".to_owned()) }
    }

    /// The key that lets us in: the deployment's, unless the machine was there before it and takes another.
    fn identity_for(&self, machine: &Machine) -> Result<Arc<Identity>, Failure> {
        let Some(path) = &machine.spec.uses.identity else { return Ok(Arc::clone(&self.identity)) };
        let hint =
            || Some(format!("it lets us in to `{}`, and must be readable and without a passphrase", machine.spec.name));
        Identity::read(path.as_ref()).map(Arc::new).map_err(|error| failure(&error, Remedy::Ask, hint()))
    }

    /// Does a phase, and where the connection breaks again on a new one, [`ATTEMPTS`] times in all. A `run` that has begun
    /// is not repeated: it may have had effects.
    async fn attempts(
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
                Err(error) => Err((SetupError::of_host(phase, error), true)),
                Ok(session) => {
                    let mut performed = perform(&*session, phase, context, report).await;
                    if performed.is_ok() && (restarts > 0 || phase.kind() == PhaseKind::Gpu) {
                        let forgotten = restart::forget(&*session, context).await;
                        performed = forgotten.map_err(|error| SetupError::of_host(phase, error)).and(performed);
                    }
                    performed.map_err(|error| (error, !matches!(phase, Phase::Run { .. })))
                }
            };
            let (error, repeatable) = match performed {
                Ok(done) => {
                    if done == Performed::Now && joins_groups(phase) {
                        self.hosts.close(target).await;
                    }
                    // It is as it should be since it restarted.
                    return Ok(if restarts > 0 { Performed::Now } else { done });
                }
                Err(failed) => failed,
            };
            if let Cause::Restarting(boot) = &*error.cause
                && restarts < RESTARTS
            {
                restarts += 1;
                restart::back(&*self.hosts, target, boot, &note).await.map_err(|error| failure_of_host(&error))?;
                continue;
            }
            if attempt == ATTEMPTS || !error.may_pass() || !repeatable {
                return Err(failure_of(error));
            }
            attempt += 1;
            note(&format!("the connection was lost: attempt {attempt} of {ATTEMPTS}"));
            self.hosts.wait_for_ssh(target, BACK_WITHIN, &note).await.map_err(|error| failure_of_host(&error))?;
        }
    }
}

#[async_trait]
impl Executor for SshExecutor {
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, report: &dyn Report) -> Result<String, Failure> {
        let mut target = self.target(machine)?;
        let pins = if machine.kept { Some(self.pins()?) } else { None };
        let known = pins.as_ref().filter(|_| target.pinned.is_none()).and_then(|pins| pins.get(&target.address));
        target.pinned = target.pinned.or_else(|| known.cloned());
        let note = |text: &str| progress(report, step, text);
        let key = self.hosts.wait_for_ssh(&target, self.ssh_timeout, &note).await.map_err(|error| {
            let forget = pins.as_ref().filter(|_| known.is_some()).and_then(|pins| pins.how_to_forget(&target.address));
            match (&error.kind, forget) {
                (HostErrorKind::HostKeyChanged { .. }, Some(forget)) => {
                    failure(&error, remedy_of(&error), Some(forget))
                }
                _ => failure_of_host(&error),
            }
        })?;
        if let Some(pins) = pins {
            pins.add([(&target.address, &key)]).map_err(|error| self.unknown(&error))?;
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
        self.attempts(&self.target(machine)?, phase, &context, report).await
    }
}

/// Whether a phase makes the user a member of groups: those of a session are the ones from when it began, so that the next
/// phase needs a new one.
fn joins_groups(phase: &Phase) -> bool {
    matches!(phase.kind(), PhaseKind::Docker | PhaseKind::Gpu)
}

/// A machine, as its companions see it.
fn peer(machine: &Machine) -> Peer {
    Peer {
        name: machine.spec.name.clone(),
        address: machine.inner.clone(),
        user: machine.spec.user.clone(),
        host_key: machine.host_key.as_deref().and_then(|key| key.parse().ok()),
        gpus: machine.spec.shape.gpus.len(),
    }
}

fn progress(report: &dyn Report, step: &StepId, text: &str) {
    report.report(&Event::Progress { step: step.clone(), text: text.to_owned() });
}

fn failure_of(error: SetupError) -> Failure {
    let remedy = match &*error.cause {
        Cause::Host(host) => remedy_of(host),
        // Another machine may be what this one was to be.
        Cause::Mismatch(_) => Remedy::Replan,
        Cause::Exited(..) | Cause::Unsatisfiable(_) | Cause::Log(..) => Remedy::Ask,
        Cause::TimedOut(..) | Cause::CheckFailed(..) | Cause::Restarting(_) => Remedy::Ask,
    };
    failure(&error, remedy, error.hint.clone())
}

fn failure_of_host(error: &HostError) -> Failure {
    failure(error, remedy_of(error), error.hint())
}

fn remedy_of(error: &HostError) -> Remedy {
    match &error.kind {
        HostErrorKind::LoginRefused { .. } | HostErrorKind::HostKeyChanged { .. } | HostErrorKind::LocalFile { .. } => {
            Remedy::Ask
        }
        _ if error.may_pass() => Remedy::Retry(Duration::from_secs(5)),
        _ => Remedy::Report,
    }
}

/// With all causes, as nothing but text is kept of an error.
fn failure(error: &dyn Error, remedy: Remedy, hint: Option<String>) -> Failure {
    let (mut message, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        message.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    Failure { message, remedy, hint }
}
