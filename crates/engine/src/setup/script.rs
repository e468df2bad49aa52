//! The phases `setup`, `run` and `check`: the user's scripts.

use std::collections::BTreeMap;

use hostler_core::hash::sha256;

use super::error::SetupError;
use super::job::PhaseRun;
use super::{python, ray};
use crate::host::{Command, FINGERPRINT_FILE, Shell, remote_path};
use crate::run::Performed;

/// Activates the Python environment.
const ACTIVATE: &str = include_str!("scripts/activate.sh");

/// Runs a script unconditionally.
pub(super) async fn run(job: &PhaseRun<'_>, script: &str) -> Result<Performed, SetupError> {
    job.run_checked(&command(job, script)).await?;
    Ok(Performed::Now)
}

/// Runs a script unless it has succeeded before with the same variables, source and Python environment. The values of secrets
/// are left out of the comparison: a hash of them on the host could be brute-forced.
pub(super) async fn run_once(job: &PhaseRun<'_>, script: &str) -> Result<Performed, SetupError> {
    let paths = &job.context.paths;
    let marker = format!("{}/{}/setup", remote_path(&paths.state), job.context.deployment);
    let work_file = |name: &str| format!("{}/{name}", remote_path(&paths.work));
    let markers = [marker.clone(), work_file(FINGERPRINT_FILE), work_file(python::MARKER)];
    let question = "for file; do printf '%s\\n' \"$(head -n 1 \"$file\" 2>/dev/null)\"; done";
    let answer = job.query(&Command::new(question).args(markers)).await?;
    let done = fingerprint(job, script, answer.get(1..).unwrap_or_default());
    if answer.first() == Some(&done) && !job.context.rerun {
        return Ok(Performed::Already);
    }
    job.remove_marker(&marker).await?;
    run(job, script).await?;
    job.write_marker(&marker, &done).await?;
    Ok(Performed::Now)
}

fn fingerprint(job: &PhaseRun<'_>, script: &str, found: &[String]) -> String {
    let work = job.context.work;
    let all = serde_json::json!([script, work.envs, work.secrets, found]);
    sha256(all.to_string())
}

pub(super) fn command(job: &PhaseRun<'_>, script: &str) -> Command {
    let mut command = job.in_work_dir(&format!("{ACTIVATE}\n{script}")).shell(Shell::LoginBash);
    command.env = deployment_env(job);
    command.env.extend(job.user_env());
    command
}

/// Variables for programs that start processes on all machines: the list of machines, and Ray's address.
fn cluster_env(job: &PhaseRun<'_>) -> BTreeMap<String, String> {
    let context = job.context;
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
    if let Some(head) = context.peers.first() {
        set("HOSTLER_HEAD_IP", head.address.host.clone());
        if let Some(ray) = &context.work.phases.ray {
            set("RAY_ADDRESS", format!("{}:{}", head.address.host, ray.port));
            set("HOSTLER_RAY_HOME", format!("{}/.venv", ray::home(context, ray)));
        }
    }
    if context.peers.len() > 1 {
        let state = remote_path(&context.paths.state);
        set("HOSTLER_HOSTFILE", format!("{state}/{}/hostfile", context.deployment));
    }
    all
}

/// Variables that describe the deployment, under hostler's and SkyPilot's names.
fn deployment_env(job: &PhaseRun<'_>) -> BTreeMap<String, String> {
    let peers = job.context.peers;
    let addresses: Vec<&str> = peers.iter().map(|peer| peer.address.host.as_str()).collect();
    let gpus = peers.get(job.context.rank).map_or(0, |peer| peer.gpus);
    let facts = [
        ("NODE_RANK", job.context.rank.to_string()),
        ("NUM_NODES", peers.len().to_string()),
        ("NODE_IPS", addresses.join("\n")),
        ("NUM_GPUS_PER_NODE", gpus.to_string()),
    ];
    let mut all = cluster_env(job);
    for (name, value) in facts {
        all.insert(format!("HOSTLER_{name}"), value.clone());
        all.insert(format!("SKYPILOT_{name}"), value);
    }
    all.insert("HOSTLER_DEPLOYMENT".to_owned(), job.context.deployment.to_string());
    // Without this, Python buffers output that should appear at once.
    all.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
    all
}
