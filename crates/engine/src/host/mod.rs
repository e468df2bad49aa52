//! Access to hosts: the only module of hostler that speaks SSH.
//!
//! [`Hosts`] connects to machines and opens a [`Session`] on each. Both are traits, so that the rest of the engine is
//! tested on simulated hosts. [`Ssh`] is the implementation: one connection per machine with many channels, kept until it
//! is closed or dropped.
//!
//! Invariant: secrets reach a host only through the encrypted standard input of a program, never in an argument, a file
//! name or a file.
//! Invariant: a host key that differs from the pinned one is never accepted.
//!
//! Remote paths are absolute, or relative to the directory in which a login starts; `~/` is that directory, too.

mod command;
mod config;
mod connection;
mod dial;
mod error;
mod exit;
mod key;
mod lines;
mod pins;
mod policy;
mod quote;
mod run;
mod session;
mod ssh;
mod target;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;

pub use command::{Command, OutputSink, ProgressSink, Shell, Stream};
pub use config::{BadSshConfigEntry, SshConfigEntry, known_hosts, ssh_config};
pub use error::{HostError, HostErrorKind};
pub use exit::ProcessExit;
pub use key::{BadKey, HostKey, Identity, Keypair, generate_keypair, write_private};
pub use lines::TRUNCATED;
pub use pins::KnownHosts;
pub use policy::ConnectPolicy;
pub use quote::{quote, remote_path};
pub use session::{Hosts, Session};
pub use ssh::Ssh;
pub use target::Target;
pub use tree::{
    Compare, DownloadReport, ExtraFiles, FINGERPRINT_FILE, FileSelection, SyncMode, SyncOptions, SyncReport,
    UploadReport,
};
