//! Hosts: the only place of hostler that speaks SSH.
//!
//! [`Hosts`] reaches machines and hands out a [`Session`] for each; both are traits so that the rest of the engine is
//! tested on simulated hosts. [`Ssh`] is the real thing: one connection a machine, many channels on it, kept until it
//! is closed or dropped.
//!
//! Invariant: what is secret goes to a host through an encrypted stream only (a program's standard input), never in an
//! argument, a file name or a file.
//! Invariant: a host key that differs from the pinned one is never accepted.
//!
//! Remote paths are absolute, or relative to the directory that the login starts in; `~/` means the same.

mod command;
mod config;
mod connection;
mod dial;
mod error;
mod key;
mod lines;
mod pins;
mod quote;
mod run;
mod ssh;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::ports::Address;

pub use command::{Command, ProcessExit, RunAs, Shell, Stream};
pub use config::{BadSshConfigEntry, SshConfigEntry, known_hosts, ssh_config};
pub use error::{HostError, HostErrorKind};
pub use key::{BadKey, HostKey, Identity, Keypair, generate_keypair, write_private};
pub use lines::TRUNCATED;
pub use pins::KnownHosts;
pub use quote::{quote, remote_path};
pub use ssh::{ConnectPolicy, Ssh};
pub use tree::{
    Compare, DownloadReport, ExtraFiles, FINGERPRINT_FILE, FileSelection, SyncMode, SyncOptions, SyncReport,
    UploadReport,
};

/// Takes lines as they come: called often, so it must be quick.
pub type OutputSink<'a> = &'a (dyn Fn(Stream, &str) + Send + Sync);

/// Takes what is being waited for, for the user's eyes.
pub type ProgressSink<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A machine, and all that it takes to log in to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The machine's name, unique among those that are reached at one time.
    pub machine: String,
    /// Where its SSH server listens, as seen from the jump host if there is one.
    pub address: Address,
    /// Whom to log in as.
    pub user: String,
    /// The key to log in with.
    pub identity: Arc<Identity>,
    /// The host key seen at the first contact; `None` before it.
    pub pinned: Option<HostKey>,
    /// The machine to go through.
    pub jump: Option<Box<Target>>,
}

/// Reaches machines.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Waits until a machine can be logged in to, for at most `patience`, and answers with its host key, which the
    /// caller stores and gives as [`Target::pinned`] from then on.
    ///
    /// # Errors
    /// The last reason, once patience is at an end; at once where waiting can't help (a changed host key).
    async fn wait_for_ssh(
        &self,
        target: &Target,
        patience: Duration,
        note: ProgressSink<'_>,
    ) -> Result<HostKey, HostError>;

    /// A session on a machine. One that is there already is used again.
    async fn session(&self, target: &Target) -> Result<Arc<dyn Session>, HostError>;

    /// Closes the connection to a machine once the sessions on it are dropped.
    async fn close(&self, target: &Target);
}

/// A logged-in machine.
#[async_trait]
pub trait Session: Send + Sync {
    /// The machine's name.
    fn machine(&self) -> &str;

    /// The key that the host showed when it was logged in to; a simulated one shows none.
    fn host_key(&self) -> Option<HostKey>;

    /// Runs a command to its end, and gives each line that it writes to `output` as it comes.
    ///
    /// Dropping the future stops the command and all its children that stayed in its process group. A program that it
    /// left behind in the background does not delay the answer.
    ///
    /// # Errors
    /// [`HostErrorKind::Lost`] where the connection broke (the command is then stopped as soon as the host notices),
    /// [`HostErrorKind::TimedOut`], or what was wrong with the command's parts. That it failed is no error here.
    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, HostError>;

    /// Makes a remote directory (or file) equal to a local one; see [`UploadReport`] for what was done.
    ///
    /// Only what differs from the last put is sent, and what was put then and is gone here is deleted there. Files
    /// that were made over there are left alone. Links are put as links.
    async fn upload(&self, from: &Path, to: &str, take: FileSelection) -> Result<UploadReport, HostError>;

    /// Brings a remote directory into a local one.
    ///
    /// # Errors
    /// A name that is absolute or leads out of the directory ends it.
    async fn download(&self, from: &str, to: &Path) -> Result<DownloadReport, HostError>;

    /// Makes a remote directory like a local one, whoever changed it since; see [`SyncOptions`].
    async fn sync_up(&self, from: &Path, to: &str, sync: &SyncOptions) -> Result<SyncReport, HostError>;

    /// Makes a local directory like a remote one.
    ///
    /// # Errors
    /// A name that is absolute or leads out of the directory ends it.
    async fn sync_down(&self, from: &str, to: &Path, sync: &SyncOptions) -> Result<SyncReport, HostError>;
}
