//! Tests of phases, on a real host and on scripted ones.

mod conda;
mod executor;
mod gpu;
mod lock;
mod packages;
mod python;
mod ray;
mod repository;
mod scripts;
mod source;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hostler_core::demand::Workload;
use hostler_core::name::Name;
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;
use secrecy::SecretString;
use tokio::sync::Notify;

use super::*;
use crate::event::Event;
use crate::host::testing::{Sshd, quick};
use crate::host::{HostKey, Hosts as _, Keypair, Ssh};

/// A host, and the inputs of a phase.
struct Bench {
    server: Sshd,
    session: Arc<dyn Session>,
    work: Workload,
    source: Option<PathBuf>,
    secrets: BTreeMap<String, SecretString>,
    peers: Vec<Peer>,
    peer_keypair: Option<Keypair>,
    rerun: bool,
    seen: Seen,
}

fn peer(name: &str, address: &str, gpus: usize) -> Peer {
    let address = Address { host: address.to_owned(), port: 22 };
    Peer { name: name.to_owned(), address, user: "debian".to_owned(), host_key: None, gpus }
}

/// Records all events, and notifies on each output line.
#[derive(Default)]
struct Seen(Mutex<Vec<Event>>, Notify);

impl Report for Seen {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
        if matches!(event, Event::Output { .. }) {
            self.1.notify_one();
        }
    }
}

impl Bench {
    async fn new() -> Self {
        let server = Sshd::start();
        let session = Ssh::new(quick()).session(&server.target()).await.unwrap();
        let peers = vec![peer("digits-1", "10.0.0.1", 2), peer("digits-2", "10.0.0.2", 0)];
        Self {
            server,
            session,
            work: Workload::default(),
            source: None,
            secrets: BTreeMap::new(),
            peers,
            peer_keypair: None,
            rerun: false,
            seen: Seen::default(),
        }
    }

    /// Adds a source with the given files.
    fn with_source(mut self, files: &[(&str, &str)]) -> Self {
        let dir = self.server.dir.path().join("source");
        for (name, text) in files {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.source = Some(dir);
        self
    }

    async fn perform(&self, phase: &Phase) -> Result<Performed, SetupError> {
        self.perform_on(&*self.session, phase).await
    }

    async fn perform_on(&self, session: &dyn Session, phase: &Phase) -> Result<Performed, SetupError> {
        self.perform_with(session, phase, &self.seen).await
    }

    async fn perform_with(
        &self,
        session: &dyn Session,
        phase: &Phase,
        report: &dyn Report,
    ) -> Result<Performed, SetupError> {
        self.in_context(async |context| perform(session, phase, context, report).await).await
    }

    /// Runs code with the context of a phase.
    async fn in_context<R>(&self, act: impl AsyncFnOnce(&Context<'_>) -> R) -> R {
        let paths = HostPaths { work: self.server.path("the work"), state: self.server.path("the state") };
        let context = Context {
            deployment: &Name::new("digits").unwrap(),
            step: &StepId::new("setup-digits").unwrap(),
            work: &self.work,
            source: self.source.as_deref(),
            secrets: &self.secrets,
            peers: &self.peers,
            rank: 0,
            peer_keypair: self.peer_keypair.as_ref(),
            rerun: self.rerun,
            paths: &paths,
            log: &self.server.dir.path().join("logs/digits/phase.log"),
        };
        act(&context).await
    }

    async fn already(&self, phase: &Phase) -> bool {
        self.perform(phase).await.unwrap() == Performed::Already
    }

    fn work_file(&self, name: &str) -> PathBuf {
        self.server.dir.path().join("the work").join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.server.dir.path().join("logs/digits/phase.log")).unwrap()
    }

    /// Output lines.
    fn output(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::Output { line, .. } => Some(line.clone()),
            _ => None,
        };
        self.seen.0.lock().unwrap().iter().filter_map(line).collect()
    }
}

/// One of our scripts, run by a local shell.
fn here(script: &str, args: &[&str]) -> Program {
    let mut program = Program::new("/bin/sh");
    program.args(["-c", script, "sh"]).args(args);
    program
}

/// Exit status and output, of both streams, of a local program.
#[track_caller]
fn said(program: &mut Program) -> (Option<i32>, String) {
    let output = program.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// Writes a local program.
fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn setup(script: &str) -> Phase {
    Phase::Setup { script: script.to_owned() }
}

fn run(script: &str) -> Phase {
    Phase::Run { script: script.to_owned() }
}
