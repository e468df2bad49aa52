//! The traits of hosts: [`Hosts`] opens a [`Session`] on a machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::command::{Command, OutputSink, ProgressSink};
use super::error::HostError;
use super::exit::ProcessExit;
use super::key::HostKey;
use super::target::Target;
use super::tree::{DownloadReport, FileSelection, SyncOptions, SyncReport, UploadReport};

/// Connects to machines.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Waits until a login succeeds, for at most `timeout`, and returns the machine's host key. The caller stores the key
    /// and passes it as [`Target::pinned`] from then on.
    ///
    /// # Errors
    /// The error of the last attempt after the timeout; at once if waiting can't help (a changed host key).
    async fn wait_for_ssh(
        &self,
        target: &Target,
        timeout: Duration,
        progress: ProgressSink<'_>,
    ) -> Result<HostKey, HostError>;

    /// Opens a session on a machine, on its existing connection if there is one.
    async fn session(&self, target: &Target) -> Result<Arc<dyn Session>, HostError>;

    /// Forgets the connection to a machine. It closes once all sessions on it are dropped.
    async fn close(&self, target: &Target);
}

/// A session on a machine.
#[async_trait]
pub trait Session: Send + Sync {
    /// Name of the machine.
    fn machine(&self) -> &str;

    /// Host key presented at the login; `None` on a simulated host.
    fn host_key(&self) -> Option<HostKey>;

    /// Runs a command to its end, and passes each output line to `output` as it arrives.
    ///
    /// Dropping the future kills the command and all children in its process group. A background program left behind by
    /// the command does not delay the return.
    ///
    /// # Errors
    /// [`HostErrorKind::ConnectionLost`](crate::host::HostErrorKind::ConnectionLost) (the host kills the command once it notices), [`HostErrorKind::TimedOut`](crate::host::HostErrorKind::TimedOut), or
    /// [`HostErrorKind::InvalidCommand`](crate::host::HostErrorKind::InvalidCommand). A non-zero exit status is not an error.
    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, HostError>;

    /// Makes a remote directory (or file) equal to a local one.
    ///
    /// Sends only what differs from the last upload, and deletes remote files that the last upload created and that no
    /// longer exist here. Files created on the host are left alone. Links are uploaded as links.
    async fn upload(&self, from: &Path, to: &str, files: FileSelection) -> Result<UploadReport, HostError>;

    /// Downloads a remote directory into a local one.
    ///
    /// # Errors
    /// [`HostErrorKind::UnsafePath`](crate::host::HostErrorKind::UnsafePath) for a path that is absolute or leads out of the directory; nothing after it is written.
    async fn download(&self, from: &str, to: &Path) -> Result<DownloadReport, HostError>;

    /// Makes a remote directory like a local one. Compares the actual files, so changes made on the host are found, too.
    async fn sync_up(&self, from: &Path, to: &str, options: &SyncOptions) -> Result<SyncReport, HostError>;

    /// Makes a local directory like a remote one.
    ///
    /// # Errors
    /// [`HostErrorKind::UnsafePath`](crate::host::HostErrorKind::UnsafePath) for a path that is absolute or leads out of the directory; nothing after it is written.
    async fn sync_down(&self, from: &str, to: &Path, options: &SyncOptions) -> Result<SyncReport, HostError>;
}
