//! The phase `companions`: the deployment's machines know each other by name, and may log in to each other.
//!
//! On each machine: a block of `/etc/hosts`; a key pair of the deployment's own in `~/.ssh`, with a configuration that
//! trusts the host keys that were pinned here and no others; and lists of the machines for `mpirun` and the like. The
//! deployment's login key stays on this computer.

use std::path::PathBuf;
use std::sync::Arc;

use hostler_core::hash::sha256;
use hostler_core::setup::Manager;
use secrecy::ExposeSecret as _;

use super::error::SetupError;
use super::job::PhaseRun;
use super::{Context, Peer, ensure, packages};
use crate::host::{Command, HostKey, Identity, Keypair, SshConfigEntry, Target, known_hosts, remote_path, ssh_config};
use crate::run::Performed;

/// A file for a machine.
struct PeerFile {
    path: String,
    mode: &'static str,
    text: String,
}

/// Writes what is missing.
pub(super) async fn introduce(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let Some(peer_keypair) = job.context.peer_keypair else {
        return Ok(Performed::NotNeeded);
    };
    let parts = parts(job, peer_keypair)?;
    let command = |verb: ScriptMode| command(job, peer_keypair, &parts, verb);
    ensure::ensure(job, &command(ScriptMode::Check), |_| async {
        let names = Command::new(include_str!("scripts/name-machines.sh")).args(name_args(job.context)).as_root();
        if !job.run_logged(&names).await?.is_success() {
            job.progress("the names are not in `/etc/hosts`: that takes the superuser's rights");
        }
        job.run_checked(&command(ScriptMode::Write)).await
    })
    .await
}

/// Logs in from this machine to all others, by the names and the key that all have been given.
pub(super) async fn meet(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let others = job.context.peers.iter().enumerate().filter(|(rank, _)| *rank != job.context.rank);
    let names: Vec<String> = others.map(|(_, peer)| peer.name.clone()).collect();
    if job.query(&Command::new("command -v ssh >/dev/null || echo missing")).await?.concat() == "missing" {
        let client = match packages::manager(job).await? {
            Manager::Apt => "openssh-client",
            Manager::Dnf | Manager::Zypper => "openssh-clients",
        };
        packages::install(job, &[client.to_owned()]).await?;
    }
    ensure::retry(job, || async {
        let met = job.run_logged(&Command::new(include_str!("scripts/meet.sh")).args(names.clone())).await?;
        if met.is_success() { Ok(()) } else { Err(job.exit_error(met, None)) }
    })
    .await
    .map_err(|error| {
        let hint = "do their networks let them reach each other? where they need not, say `companions: false`";
        SetupError { hint: Some(error.hint.clone().unwrap_or_else(|| hint.to_owned())), ..error }
    })?;
    Ok(Performed::Now)
}

/// The private key is in the environment of the script, not among its arguments.
fn command(job: &PhaseRun<'_>, peer_keypair: &Keypair, parts: &[PeerFile], verb: ScriptMode) -> Command {
    let (word, as_sent): (_, fn(&str) -> String) = match verb {
        ScriptMode::Check => ("check", |text| sha256(text)),
        ScriptMode::Write => ("write", str::to_owned),
    };
    let own = [word.to_owned(), job.context.deployment.to_string(), peer_keypair.public.clone()];
    let parts = parts.iter().flat_map(|part| [part.path.clone(), part.mode.to_owned(), as_sent(&part.text)]);
    Command::new(include_str!("scripts/companions.sh"))
        .args(own.into_iter().chain(parts))
        .env("HOSTLER_PRIVATE_KEY", as_sent(peer_keypair.private.expose_secret()))
        .env("HOSTLER_NAMES", lines(job.context.peers, |peer| format!("{} {}", peer.address.host, peer.name)))
}

/// What the script is to do.
#[derive(Debug, Clone, Copy)]
enum ScriptMode {
    /// Says what is missing, by the hashes of the texts: with hundreds of machines each text has a line for each of them.
    Check,
    /// Writes the texts.
    Write,
}

fn parts(job: &PhaseRun<'_>, peer_keypair: &Keypair) -> Result<Vec<PeerFile>, SetupError> {
    let Context { deployment, peers, paths, .. } = *job.context;
    let known = format!(".ssh/hostler-{deployment}.known_hosts");
    let keys: Vec<(&str, &HostKey)> =
        peers.iter().filter_map(|peer| Some((peer.name.as_str(), peer.host_key.as_ref()?))).collect();
    let config = config(job, peer_keypair, &format!("~/{known}"))?;
    let state = format!("{}/{deployment}", remote_path(&paths.state));
    let part = |path: String, mode, text| PeerFile { path, mode, text };
    Ok(vec![
        part(known, "600", known_hosts(keys)),
        part(format!(".ssh/hostler-{deployment}.config"), "600", config),
        part(format!("{state}/hosts"), "644", lines(peers, |peer| peer.name.clone())),
        part(format!("{state}/hostfile"), "644", lines(peers, |peer| format!("{} slots={}", peer.name, slots(peer)))),
    ])
}

/// `mpirun` runs one process for each accelerator; on machines without any, one.
fn slots(peer: &Peer) -> usize {
    peer.gpus.max(1)
}

fn lines(peers: &[Peer], line: impl Fn(&Peer) -> String) -> String {
    peers.iter().map(|peer| format!("{}\n", line(peer))).collect()
}

fn config(job: &PhaseRun<'_>, peer_keypair: &Keypair, known: &str) -> Result<String, SetupError> {
    let unsatisfiable =
        |what: String| job.unsatisfiable(what, "report this: names and addresses come from the plan and the site");
    let identity = Identity::from_text(&peer_keypair.private).map_err(|error| unsatisfiable(error.to_string()))?;
    let identity = Arc::new(identity);
    let target = |peer: &Peer| Target {
        machine: peer.name.clone(),
        address: peer.address.clone(),
        user: peer.user.clone(),
        identity: Arc::clone(&identity),
        pinned: peer.host_key.clone(),
        jump: None,
    };
    let targets: Vec<Target> = job.context.peers.iter().map(target).collect();
    let file = PathBuf::from(format!("~/.ssh/hostler-{}", job.context.deployment));
    let entries: Vec<SshConfigEntry<'_>> =
        targets.iter().map(|target| SshConfigEntry { target, identity: file.clone() }).collect();
    ssh_config(&entries, known.as_ref()).map_err(|error| unsatisfiable(error.to_string()))
}

/// The deployment, then each machine's address and name.
fn name_args(context: &Context<'_>) -> Vec<String> {
    let pairs = context.peers.iter().flat_map(|peer| [peer.address.host.clone(), peer.name.clone()]);
    std::iter::once(context.deployment.to_string()).chain(pairs).collect()
}
