//! The real hosts: connections by machine, made once and used by all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::future::BoxFuture;
use hostler_core::setup::PhaseKind;
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Connection;
use super::error::{HostError, HostErrorKind};
use super::{
    Command, DownloadReport, FileSelection, HostKey, Hosts, OutputSink, ProcessExit, ProgressSink, Session,
    SyncOptions, SyncReport, Target, UploadReport, run, tree,
};

/// How long one attempt may take, and how soon the next is made.
#[derive(Debug, Clone, Copy)]
pub struct ConnectPolicy {
    /// For the connection to stand, and then again for the server's first words.
    pub answer: Duration,
    /// For the key exchange and the login: an emulated guest under load needs many seconds.
    pub login: Duration,
    /// The pause after the first failed attempt; later ones grow.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// So many attempts are made at that pace; what hasn't come up by then is asked more seldom.
    pub tries: usize,
    /// The pause from then on.
    pub late_pause: Duration,
    /// How long a refused login is tried again: a machine may answer before its first boot has brought the key.
    pub refused: Duration,
}

impl Default for ConnectPolicy {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            login: Duration::from_secs(90),
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(3),
            tries: PhaseKind::Reach.policy().tries as usize,
            late_pause: Duration::from_secs(10),
            refused: Duration::from_secs(60),
        }
    }
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Connection>>>>;

/// Hosts over SSH.
#[derive(Default)]
pub struct Ssh {
    pace: ConnectPolicy,
    slots: Mutex<BTreeMap<String, Slot>>,
}

impl Ssh {
    /// With a pace of one's own.
    pub fn new(pace: ConnectPolicy) -> Self {
        Self { pace, slots: Mutex::default() }
    }

    fn slot(&self, target: &Target) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(slot_name(target)).or_default())
    }

    /// The connection to a machine: the one that stands, or a new one. Boxed, as a jump host needs one in turn.
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Arc<Connection>, HostError>> {
        Box::pin(async move {
            let slot = self.slot(target);
            let mut slot = slot.lock().await;
            let usable =
                |c: &&Arc<Connection>| !c.is_closed() && target.pinned.as_ref().is_none_or(|pinned| *pinned == c.key);
            if let Some(connection) = slot.as_ref().filter(usable) {
                return Ok(Arc::clone(connection));
            }
            let via = match &target.jump {
                Some(jump) => Some(self.connect(jump).await?),
                None => None,
            };
            let connection = Arc::new(Connection::open(target, via, &self.pace).await?);
            *slot = Some(Arc::clone(&connection));
            Ok(connection)
        })
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.pace.pause)
            .with_max_delay(self.pace.longest_pause)
            .with_factor(1.5)
            .without_max_times()
            .build()
            .take(self.pace.tries)
            .chain(std::iter::repeat(self.pace.late_pause))
    }
}

fn slot_name(target: &Target) -> String {
    format!("{} {}@{}", target.machine, target.user, target.address)
}

#[async_trait]
impl Hosts for Ssh {
    async fn wait_for_ssh(
        &self,
        target: &Target,
        patience: Duration,
        note: ProgressSink<'_>,
    ) -> Result<HostKey, HostError> {
        let start = Instant::now();
        let deadline = start + patience;
        let mut refused_since = None;
        let mut last = HostError::new("connecting to", target, HostErrorKind::NoResponse(patience));
        for pause in self.pauses() {
            last = match timeout_at(deadline, self.connect(target)).await {
                Ok(Ok(connection)) => return Ok(connection.key.clone()),
                Ok(Err(error)) => error,
                Err(_) => return Err(last),
            };
            let refused = matches!(last.kind, HostErrorKind::LoginRefused { .. });
            let since = *refused_since.get_or_insert_with(Instant::now);
            if !refused {
                refused_since = None;
            }
            let given_up = refused && since.elapsed() + pause >= self.pace.refused;
            if !last.may_pass() || given_up || Instant::now() + pause >= deadline {
                break;
            }
            note(&format!("waiting for `{}`: {}", target.machine, last.kind));
            sleep(pause).await;
        }
        Err(last)
    }

    async fn session(&self, target: &Target) -> Result<Arc<dyn Session>, HostError> {
        let connection = self.connect(target).await?;
        Ok(Arc::new(SshSession { connection }))
    }

    async fn close(&self, target: &Target) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot_name(target));
    }
}

/// A session on a connection. The connection is closed when the last of them and the cache are gone.
struct SshSession {
    connection: Arc<Connection>,
}

#[async_trait]
impl Session for SshSession {
    fn machine(&self) -> &str {
        &self.connection.target.machine
    }

    fn host_key(&self) -> Option<HostKey> {
        Some(self.connection.key.clone())
    }

    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, HostError> {
        run::run(&self.connection, command, output)
            .await
            .map_err(|trouble| self.connection.error("running a command on", trouble))
    }

    async fn upload(&self, from: &Path, to: &str, take: FileSelection) -> Result<UploadReport, HostError> {
        tree::put(&self.connection, from, to, take)
            .await
            .map_err(|trouble| self.connection.error("putting files on", trouble))
    }

    async fn download(&self, from: &str, to: &Path) -> Result<DownloadReport, HostError> {
        tree::get(&self.connection, from, to)
            .await
            .map_err(|trouble| self.connection.error("getting files from", trouble))
    }

    async fn sync_up(&self, from: &Path, to: &str, sync: &SyncOptions) -> Result<SyncReport, HostError> {
        tree::up(&self.connection, from, to, sync)
            .await
            .map_err(|trouble| self.connection.error("syncing files to", trouble))
    }

    async fn sync_down(&self, from: &str, to: &Path, sync: &SyncOptions) -> Result<SyncReport, HostError> {
        tree::down(&self.connection, from, to, sync)
            .await
            .map_err(|trouble| self.connection.error("syncing files from", trouble))
    }
}
