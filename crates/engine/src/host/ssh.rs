//! Hosts over SSH, with one shared connection per machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::command::{Command, OutputSink, ProgressSink};
use super::connection::SshConnection;
use super::error::{HostError, HostErrorKind};
use super::exit::ProcessExit;
use super::key::HostKey;
use super::policy::ConnectPolicy;
use super::session::{Hosts, Session};
use super::target::Target;
use super::tree::{DownloadReport, FileSelection, SyncOptions, SyncReport, UploadReport};
use super::{run, tree};

type Slot = Arc<tokio::sync::Mutex<Option<Arc<SshConnection>>>>;

/// Hosts over SSH. Connections are cached by machine, user and address.
#[derive(Default)]
pub struct Ssh {
    policy: ConnectPolicy,
    slots: Mutex<BTreeMap<String, Slot>>,
}

impl Ssh {
    /// With time limits other than the default.
    pub fn new(policy: ConnectPolicy) -> Self {
        Self { policy, slots: Mutex::default() }
    }

    fn slot(&self, target: &Target) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(slot_name(target)).or_default())
    }

    /// The cached connection to a machine, or a new one. Boxed, because a jump host needs a connection in turn.
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Arc<SshConnection>, HostError>> {
        Box::pin(async move {
            let slot = self.slot(target);
            let mut slot = slot.lock().await;
            let usable = |c: &&Arc<SshConnection>| {
                !c.is_closed() && target.pinned.as_ref().is_none_or(|pinned| *pinned == c.key)
            };
            if let Some(connection) = slot.as_ref().filter(usable) {
                return Ok(Arc::clone(connection));
            }
            let via = match &target.jump {
                Some(jump) => Some(self.connect(jump).await?),
                None => None,
            };
            let connection = Arc::new(SshConnection::open(target, via, &self.policy).await?);
            *slot = Some(Arc::clone(&connection));
            Ok(connection)
        })
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.policy.initial_pause)
            .with_max_delay(self.policy.max_pause)
            .with_factor(1.5)
            .without_max_times()
            .build()
            .take(self.policy.fast_attempts)
            .chain(std::iter::repeat(self.policy.slow_interval))
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
        timeout: Duration,
        progress: ProgressSink<'_>,
    ) -> Result<HostKey, HostError> {
        let start = Instant::now();
        let deadline = start + timeout;
        let mut rejected_since = None;
        let mut last = HostError::new("connecting to", target, HostErrorKind::NoResponse(timeout));
        for pause in self.pauses() {
            last = match timeout_at(deadline, self.connect(target)).await {
                Ok(Ok(connection)) => return Ok(connection.key.clone()),
                Ok(Err(error)) => error,
                Err(_) => return Err(last),
            };
            let rejected = matches!(last.kind, HostErrorKind::LoginRefused { .. });
            let since = *rejected_since.get_or_insert_with(Instant::now);
            if !rejected {
                rejected_since = None;
            }
            let give_up = rejected && since.elapsed() + pause >= self.policy.login_retry;
            if !last.is_transient() || give_up || Instant::now() + pause >= deadline {
                break;
            }
            progress(&format!("waiting for SSH on `{}`: {}", target.machine, last.kind));
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

/// A session on a shared connection, which closes once the cache and the last session have dropped it.
struct SshSession {
    connection: Arc<SshConnection>,
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
            .map_err(|kind| self.connection.error("running a command on", kind))
    }

    async fn upload(&self, from: &Path, to: &str, files: FileSelection) -> Result<UploadReport, HostError> {
        tree::upload(&self.connection, from, to, files)
            .await
            .map_err(|kind| self.connection.error("uploading files to", kind))
    }

    async fn download(&self, from: &str, to: &Path) -> Result<DownloadReport, HostError> {
        tree::download(&self.connection, from, to)
            .await
            .map_err(|kind| self.connection.error("downloading files from", kind))
    }

    async fn sync_up(&self, from: &Path, to: &str, options: &SyncOptions) -> Result<SyncReport, HostError> {
        tree::sync_up(&self.connection, from, to, options)
            .await
            .map_err(|kind| self.connection.error("syncing files to", kind))
    }

    async fn sync_down(&self, from: &str, to: &Path, options: &SyncOptions) -> Result<SyncReport, HostError> {
        tree::sync_down(&self.connection, from, to, options)
            .await
            .map_err(|kind| self.connection.error("syncing files from", kind))
    }
}
