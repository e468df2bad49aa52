//! Remote programs shared by uploads, downloads and syncs.

use tokio::sync::mpsc;

use super::remote_scripts::{CREATING, PREPARE};
use crate::host::connection::SshConnection;
use crate::host::error::HostErrorKind;
use crate::host::run::{Pipe, nonce};

/// Creates the directory, and records the entries that the upload will create before it creates any.
pub(super) async fn prepare(
    connection: &SshConnection,
    dir: &str,
    mode: u32,
    interim: Vec<u8>,
) -> Result<(), HostErrorKind> {
    let (mode, length) = (format!("{mode:o}"), interim.len().to_string());
    ask("mkdir", CREATING, connection, &[PREPARE, dir, &mode, &length, &nonce()], interim).await.map(drop)
}

/// Combines the results of the sending and the receiving side into the cause of the failure. An unreadable local file
/// makes the receiver fail, too; a receiver that ended early makes the sender fail, too.
pub(super) fn both_ends(
    sent: Result<(), HostErrorKind>,
    taken: Result<(), HostErrorKind>,
) -> Result<(), HostErrorKind> {
    match (sent, taken) {
        (Err(local @ HostErrorKind::LocalFile { .. }), _) => Err(local),
        (_, Err(remote)) => Err(remote),
        (sent, Ok(())) => sent,
    }
}

/// Runs a program with a short input, and returns its output.
pub(super) async fn ask(
    program: &'static str,
    script: &str,
    connection: &SshConnection,
    args: &[&str],
    input: Vec<u8>,
) -> Result<Vec<u8>, HostErrorKind> {
    Pipe { program, script, args }.output(connection, input).await
}

/// Runs a program that reads input and writes no output.
pub(super) async fn pipe(
    program: &'static str,
    script: &str,
    args: &[&str],
    connection: &SshConnection,
    input: mpsc::Receiver<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    let (sink, _unread) = mpsc::channel(1);
    Pipe { program, script, args }.run(connection, input, sink).await
}
