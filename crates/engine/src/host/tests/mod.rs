//! Tests against a real SSH server.

mod commands;
mod reaching;
mod syncs;
mod trees;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::ports::Address;

use super::testing::{CapturedOutput, Sshd, quick};
use super::*;

async fn session(server: &Sshd) -> Arc<dyn Session> {
    Ssh::new(quick()).session(&server.target()).await.unwrap()
}

/// Runs a command, and returns its exit status and standard output.
async fn run(session: &dyn Session, command: &Command) -> (ProcessExit, Vec<String>) {
    let kept = CapturedOutput::default();
    let exit = session.run(command, &|stream, line| kept.keep(stream, line)).await.unwrap();
    (exit, kept.lines(Stream::Stdout))
}
