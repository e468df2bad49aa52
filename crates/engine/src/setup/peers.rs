//! The phases `peer-names` and `peer-ssh`: the machines of a deployment resolve each other's names and can log in to each
//! other.
//!
//! Each machine gets lines in `/etc/hosts`; a key pair for logins between peers in `~/.ssh`, with a configuration that trusts
//! exactly the host keys pinned here; and lists of the machines for `mpirun` and similar tools. The deployment's login key
//! stays on this computer.

use std::path::PathBuf;
use std::sync::Arc;

use hostler_core::hash::sha256;
use hostler_core::setup::PackageManager;
use secrecy::ExposeSecret as _;

use super::context::{Context, Peer};
use super::error::SetupError;
use super::job::PhaseRun;
use super::{ensure, packages};
use crate::host::{Command, HostKey, Identity, Keypair, SshConfigEntry, Target, known_hosts, remote_path, ssh_config};
use crate::run::Performed;

/// A file to write on a machine.
struct PeerFile {
    path: String,
    mode: &'static str,
    text: String,
}

/// Writes missing names, keys and lists. Not needed for a single machine.
pub(super) async fn write_names(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let Some(peer_keypair) = job.context.peer_keypair else {
        return Ok(Performed::NotNeeded);
    };
    let files = files(job, peer_keypair)?;
    let command = |mode: ScriptMode| command(job, peer_keypair, &files, mode);
    ensure::ensure(job, &command(ScriptMode::Check), |_| async {
        let names = Command::new(include_str!("scripts/write-hosts.sh")).args(name_args(job.context)).as_root();
        if !job.run_logged(&names).await?.is_success() {
            job.progress("continuing without names in `/etc/hosts`: only root can write it");
        }
        job.run_checked(&command(ScriptMode::Write)).await
    })
    .await
}

/// Logs in from this machine to every peer, by name and with the peer key pair.
pub(super) async fn check_ssh(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let others = job.context.peers.iter().enumerate().filter(|(rank, _)| *rank != job.context.rank);
    let names: Vec<String> = others.map(|(_, peer)| peer.name.clone()).collect();
    if job.query(&Command::new("command -v ssh >/dev/null || echo missing")).await?.concat() == "missing" {
        let client = match packages::manager(job).await? {
            PackageManager::Apt => "openssh-client",
            PackageManager::Dnf | PackageManager::Zypper => "openssh-clients",
        };
        packages::install(job, &[client.to_owned()]).await?;
    }
    ensure::retry(job, || async {
        let exit = job.run_logged(&Command::new(include_str!("scripts/peer-ssh.sh")).args(names.clone())).await?;
        if exit.is_success() { Ok(()) } else { Err(job.exit_error(exit, None)) }
    })
    .await
    .map_err(|error| {
        let hint = "check that the network lets the machines reach each other; if they need not, set `peers: false` in the demand";
        SetupError { hint: Some(error.hint.clone().unwrap_or_else(|| hint.to_owned())), ..error }
    })?;
    Ok(Performed::Now)
}

/// Command that checks or writes. The private key is passed in the environment, not as an argument.
fn command(job: &PhaseRun<'_>, peer_keypair: &Keypair, files: &[PeerFile], mode: ScriptMode) -> Command {
    let (mode, encode): (_, fn(&str) -> String) = match mode {
        ScriptMode::Check => ("check", |text| sha256(text)),
        ScriptMode::Write => ("write", str::to_owned),
    };
    let own = [mode.to_owned(), job.context.deployment.to_string(), peer_keypair.public.clone()];
    let files = files.iter().flat_map(|part| [part.path.clone(), part.mode.to_owned(), encode(&part.text)]);
    Command::new(include_str!("scripts/peers.sh"))
        .args(own.into_iter().chain(files))
        .env("HOSTLER_PRIVATE_KEY", encode(peer_keypair.private.expose_secret()))
        .env("HOSTLER_NAMES", lines(job.context.peers, |peer| format!("{} {}", peer.address.host, peer.name)))
}

/// Mode of the script.
#[derive(Debug, Clone, Copy)]
enum ScriptMode {
    /// Prints what is missing. Receives hashes of the texts, which have a line per machine and are long for hundreds of them.
    Check,
    /// Writes the files.
    Write,
}

fn files(job: &PhaseRun<'_>, peer_keypair: &Keypair) -> Result<Vec<PeerFile>, SetupError> {
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

/// Slots for `mpirun`: one process per GPU, or one on a machine without GPUs.
fn slots(peer: &Peer) -> usize {
    peer.gpus.max(1)
}

fn lines(peers: &[Peer], line: impl Fn(&Peer) -> String) -> String {
    peers.iter().map(|peer| format!("{}\n", line(peer))).collect()
}

fn config(job: &PhaseRun<'_>, peer_keypair: &Keypair, known: &str) -> Result<String, SetupError> {
    let unsatisfiable = |what: String| {
        job.unsatisfiable(what, "report this as a bug: names and addresses come from the plan and the site")
    };
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

/// Arguments of the script: the deployment, then address and name of each machine.
fn name_args(context: &Context<'_>) -> Vec<String> {
    let pairs = context.peers.iter().flat_map(|peer| [peer.address.host.clone(), peer.name.clone()]);
    std::iter::once(context.deployment.to_string()).chain(pairs).collect()
}
