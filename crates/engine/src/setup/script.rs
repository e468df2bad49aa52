//! The phases `setup`, `run` and `check`: the user's own scripts.

use std::collections::BTreeMap;

use hostler_core::hash::sha256;

use super::error::SetupError;
use super::job::Job;
use super::{python, ray};
use crate::host::{Command, Shell, TREE_NOTE, remote_path};
use crate::run::Performed;

/// Makes the environment active.
const ACTIVATE: &str = include_str!("scripts/activate.sh");

/// Runs a script, each time.
pub(super) async fn run(job: &Job<'_>, script: &str) -> Result<Performed, SetupError> {
    job.must(&command(job, script)).await?;
    Ok(Performed::Now)
}

/// Runs a script, unless the same was done with the same variables, source and Python environment, and once is enough. The values of
/// secrets don't count: a hash of them on the host could be guessed at.
pub(super) async fn prepare(job: &Job<'_>, script: &str) -> Result<Performed, SetupError> {
    let places = &job.context.places;
    let note = format!("{}/{}/setup", remote_path(&places.state), job.context.deployment);
    let at_work = |name: &str| format!("{}/{name}", remote_path(&places.work));
    let notes = [note.clone(), at_work(TREE_NOTE), at_work(python::NOTE)];
    let question = "for note; do printf '%s\\n' \"$(head -n 1 \"$note\" 2>/dev/null)\"; done";
    let answer = job.ask(&Command::new(question).args(notes)).await?;
    let done = fingerprint(job, script, answer.get(1..).unwrap_or_default());
    if answer.first() == Some(&done) && !job.context.again {
        return Ok(Performed::Already);
    }
    job.forget(&note).await?;
    run(job, script).await?;
    job.note(&note, &done).await?;
    Ok(Performed::Now)
}

fn fingerprint(job: &Job<'_>, script: &str, found: &[String]) -> String {
    let work = job.context.work;
    let all = serde_json::json!([script, work.envs, work.secrets, found]);
    sha256(all.to_string())
}

pub(super) fn command(job: &Job<'_>, script: &str) -> Command {
    let mut command = job.at_work(&format!("{ACTIVATE}\n{script}")).shell(Shell::LoginBash);
    command.env = companions(job);
    command.env.extend(job.variables());
    command
}

/// What those need who start processes on all machines: the lists of machines, and Ray's address.
fn cluster(job: &Job<'_>) -> BTreeMap<String, String> {
    let context = job.context;
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
    if let Some(head) = context.nodes.first() {
        set("HOSTLER_HEAD_IP", head.address.host.clone());
        if let Some(ray) = &context.work.phases.ray {
            set("RAY_ADDRESS", format!("{}:{}", head.address.host, ray.port));
            set("HOSTLER_RAY_HOME", format!("{}/.venv", ray::home(context, ray)));
        }
    }
    if context.nodes.len() > 1 {
        let state = remote_path(&context.places.state);
        set("HOSTLER_HOSTFILE", format!("{state}/{}/hostfile", context.deployment));
    }
    all
}

/// What a script learns of its deployment, by our names and by SkyPilot's.
fn companions(job: &Job<'_>) -> BTreeMap<String, String> {
    let nodes = job.context.nodes;
    let addresses: Vec<&str> = nodes.iter().map(|node| node.address.host.as_str()).collect();
    let gpus = nodes.get(job.context.rank).map_or(0, |node| node.gpus);
    let facts = [
        ("NODE_RANK", job.context.rank.to_string()),
        ("NUM_NODES", nodes.len().to_string()),
        ("NODE_IPS", addresses.join("\n")),
        ("NUM_GPUS_PER_NODE", gpus.to_string()),
    ];
    let mut all = cluster(job);
    for (name, value) in facts {
        all.insert(format!("HOSTLER_{name}"), value.clone());
        all.insert(format!("SKYPILOT_{name}"), value);
    }
    all.insert("HOSTLER_DEPLOYMENT".to_owned(), job.context.deployment.to_string());
    // Output that is passed on live must not wait in a buffer.
    all.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
    all
}
