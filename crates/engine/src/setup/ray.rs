//! The phases `ray` and `ray-status`: Ray on all machines, as one cluster.
//!
//! Ray has a Python environment of its own, by its version and Python's, so that what a repository installs can't break it.
//! The head is on the machine of rank 0; all others join it there. A host may have Ray of somebody else's, too, which is left
//! alone.

use hostler_core::demand::PythonNeed;
use hostler_core::setup::RayNeed;

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use super::{Context, Peer, ensure, python};
use crate::host::{Command, ProcessExit, remote_path};
use crate::run::Performed;

/// Whether it runs, and the start of it. Both know whose processes are whose.
pub(super) const RUNS: &str = concat!(include_str!("scripts/ray-processes.sh"), include_str!("scripts/runs-ray.sh"));
pub(super) const START: &str = concat!(include_str!("scripts/ray-processes.sh"), include_str!("scripts/start-ray.sh"));

/// Installs it where it is missing.
pub(super) async fn install(job: &PhaseRun<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let home = home(job.context, need);
    let wish = format!("ray[default]=={}", need.version);
    let note = format!("{home}/{}", python::NOTE);
    let check = Command::new(include_str!("scripts/has-ray.sh")).args([home.as_str(), &need.version, &note, &wish]);
    let python = PythonNeed { version: need.python.clone(), requirements: vec![wish.clone()], ..PythonNeed::default() };
    ensure::ensure(job, &check, |_| python::make_at(job, &home, &python, &wish)).await
}

/// Starts it on this machine, where it doesn't run.
pub(super) async fn start(job: &PhaseRun<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let Some((head, own)) = peers(job.context) else {
        return Err(job.unsatisfiable("the machine has no rank in its deployment".to_owned(), "report this"));
    };
    let (home, gcs) = (home(job.context, need), format!("{}:{}", head.address.host, need.port));
    let check = Command::new(RUNS).args([home.as_str(), &gcs, &own.address.host]);
    let role = if job.context.rank == 0 { "head" } else { "worker" };
    let args = [home, gcs, own.address.host.clone(), role.to_owned(), need.dashboard_port.to_string()];
    let begin = Command::new(START).args(args);
    ensure::ensure(job, &check, |_| async { job.run_checked(&begin).await.map_err(choose_ports) }).await
}

/// Ports that another holds aren't free a moment later.
fn choose_ports(error: SetupError) -> SetupError {
    if !matches!(*error.cause, Cause::Exited(ProcessExit::Status(73), _)) {
        return error;
    }
    let hint = "end what runs there, or take other ports: `setup_phases: {ray: {port: …, dashboard_port: …}}`";
    SetupError { hint: Some(hint.to_owned()), ..error }
}

/// Waits until every machine is in the cluster, and shows what Ray says of it.
pub(super) async fn status(job: &PhaseRun<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let count = job.context.peers.len().to_string();
    let gcs = peers(job.context).map(|(head, _)| format!("{}:{}", head.address.host, need.port)).unwrap_or_default();
    let script = Command::new(include_str!("scripts/ray-status.sh"));
    job.run_checked(&script.args([home(job.context, need), gcs, count])).await?;
    Ok(Performed::Now)
}

/// Where Ray's own environment lies. One on another Python is another: a driver on that one is refused by this cluster.
pub(super) fn home(context: &Context<'_>, need: &RayNeed) -> String {
    let python = need.python.as_ref().map(|version| format!("-python{version}")).unwrap_or_default();
    format!("{}/ray-{}{python}", remote_path(&context.paths.state), need.version)
}

/// The head, and this machine.
fn peers<'a>(context: &Context<'a>) -> Option<(&'a Peer, &'a Peer)> {
    Some((context.peers.first()?, context.peers.get(context.rank)?))
}
