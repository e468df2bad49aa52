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
use super::job::Job;
use super::{Context, Node, packages, recipe};
use crate::host::{Command, Entry, HostKey, Identity, Keypair, Target, known_hosts, remote_path, ssh_config};
use crate::run::Performed;

/// A file for a machine.
struct Part {
    path: String,
    mode: &'static str,
    text: String,
}

/// Writes what is missing.
pub(super) async fn introduce(job: &Job<'_>) -> Result<Performed, SetupError> {
    let Some(between) = job.context.between else {
        return Ok(Performed::NotNeeded);
    };
    let parts = parts(job, between)?;
    let command = |verb: Verb| command(job, between, &parts, verb);
    recipe::settle(job, &command(Verb::Check), |_| async {
        let names = Command::new(include_str!("scripts/name-machines.sh")).args(name_args(job.context)).as_root();
        if !job.follow(&names).await?.is_success() {
            job.progress("the names are not in `/etc/hosts`: that takes the superuser's rights");
        }
        job.must(&command(Verb::Write)).await
    })
    .await
}

/// Logs in from this machine to all others, by the names and the key that all have been given.
pub(super) async fn meet(job: &Job<'_>) -> Result<Performed, SetupError> {
    let others = job.context.nodes.iter().enumerate().filter(|(rank, _)| *rank != job.context.rank);
    let names: Vec<String> = others.map(|(_, node)| node.name.clone()).collect();
    if job.ask(&Command::new("command -v ssh >/dev/null || echo missing")).await?.concat() == "missing" {
        let client = match packages::manager(job).await? {
            Manager::Apt => "openssh-client",
            Manager::Dnf | Manager::Zypper => "openssh-clients",
        };
        packages::install(job, &[client.to_owned()]).await?;
    }
    recipe::persist(job, || async {
        let met = job.follow(&Command::new(include_str!("scripts/meet.sh")).args(names.clone())).await?;
        if met.is_success() { Ok(()) } else { Err(job.ended(met, None)) }
    })
    .await
    .map_err(|error| {
        let hint = "do their networks let them reach each other? where they need not, say `companions: false`";
        SetupError { hint: Some(error.hint.clone().unwrap_or_else(|| hint.to_owned())), ..error }
    })?;
    Ok(Performed::Now)
}

/// The private key is in the environment of the script, not among its arguments.
fn command(job: &Job<'_>, between: &Keypair, parts: &[Part], verb: Verb) -> Command {
    let (word, as_sent): (_, fn(&str) -> String) = match verb {
        Verb::Check => ("check", |text| sha256(text)),
        Verb::Write => ("write", str::to_owned),
    };
    let own = [word.to_owned(), job.context.deployment.to_string(), between.public.clone()];
    let parts = parts.iter().flat_map(|part| [part.path.clone(), part.mode.to_owned(), as_sent(&part.text)]);
    Command::new(include_str!("scripts/companions.sh"))
        .args(own.into_iter().chain(parts))
        .env("HOSTLER_PRIVATE_KEY", as_sent(between.private.expose_secret()))
        .env("HOSTLER_NAMES", lines(job.context.nodes, |node| format!("{} {}", node.address.host, node.name)))
}

/// What the script is to do.
#[derive(Debug, Clone, Copy)]
enum Verb {
    /// Says what is missing, by the hashes of the texts: with hundreds of machines each text has a line for each of them.
    Check,
    /// Writes the texts.
    Write,
}

fn parts(job: &Job<'_>, between: &Keypair) -> Result<Vec<Part>, SetupError> {
    let Context { deployment, nodes, places, .. } = *job.context;
    let known = format!(".ssh/hostler-{deployment}.known_hosts");
    let keys: Vec<(&str, &HostKey)> =
        nodes.iter().filter_map(|node| Some((node.name.as_str(), node.host_key.as_ref()?))).collect();
    let config = config(job, between, &format!("~/{known}"))?;
    let state = format!("{}/{deployment}", remote_path(&places.state));
    let part = |path: String, mode, text| Part { path, mode, text };
    Ok(vec![
        part(known, "600", known_hosts(keys)),
        part(format!(".ssh/hostler-{deployment}.config"), "600", config),
        part(format!("{state}/hosts"), "644", lines(nodes, |node| node.name.clone())),
        part(format!("{state}/hostfile"), "644", lines(nodes, |node| format!("{} slots={}", node.name, slots(node)))),
    ])
}

/// `mpirun` runs one process for each accelerator; on machines without any, one.
fn slots(node: &Node) -> usize {
    node.gpus.max(1)
}

fn lines(nodes: &[Node], line: impl Fn(&Node) -> String) -> String {
    nodes.iter().map(|node| format!("{}\n", line(node))).collect()
}

fn config(job: &Job<'_>, between: &Keypair, known: &str) -> Result<String, SetupError> {
    let refuse = |what: String| job.refuse(what, "report this: names and addresses come from the plan and the site");
    let identity = Identity::from_text(&between.private).map_err(|error| refuse(error.to_string()))?;
    let identity = Arc::new(identity);
    let target = |node: &Node| Target {
        machine: node.name.clone(),
        address: node.address.clone(),
        user: node.user.clone(),
        identity: Arc::clone(&identity),
        pinned: node.host_key.clone(),
        jump: None,
    };
    let targets: Vec<Target> = job.context.nodes.iter().map(target).collect();
    let file = PathBuf::from(format!("~/.ssh/hostler-{}", job.context.deployment));
    let entries: Vec<Entry<'_>> = targets.iter().map(|target| Entry { target, identity: file.clone() }).collect();
    ssh_config(&entries, known.as_ref()).map_err(|error| refuse(error.to_string()))
}

/// The deployment, then each machine's address and name.
fn name_args(context: &Context<'_>) -> Vec<String> {
    let pairs = context.nodes.iter().flat_map(|node| [node.address.host.clone(), node.name.clone()]);
    std::iter::once(context.deployment.to_string()).chain(pairs).collect()
}
