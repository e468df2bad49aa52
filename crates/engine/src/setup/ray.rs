//! The phases `ray`, `ray-start` and `ray-status`: a Ray cluster of all machines.
//!
//! Ray has a Python environment of its own, named after its version and Python's, so that a repository's packages can't break
//! it. The head runs on the machine of rank 0, and the others join it. Other Ray processes on a host are left alone.

use hostler_core::demand::PythonRequest;
use hostler_core::setup::RayRequest;

use super::context::{Context, Peer};
use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use super::{ensure, python};
use crate::host::{Command, ProcessExit, remote_path};
use crate::run::Performed;

/// Scripts that check for and start Ray. Both tell our Ray processes from others.
pub(super) const RUNS: &str = concat!(include_str!("scripts/ray-processes.sh"), include_str!("scripts/runs-ray.sh"));
pub(super) const START: &str = concat!(include_str!("scripts/ray-processes.sh"), include_str!("scripts/start-ray.sh"));

/// Installs Ray if missing.
pub(super) async fn install(job: &PhaseRun<'_>, need: &RayRequest) -> Result<Performed, SetupError> {
    let home = home(job.context, need);
    let requirement = format!("ray[default]=={}", need.version);
    let marker = format!("{home}/{}", python::MARKER);
    let check =
        Command::new(include_str!("scripts/has-ray.sh")).args([home.as_str(), &need.version, &marker, &requirement]);
    let python = PythonRequest {
        version: need.python.clone(),
        requirements: vec![requirement.clone()],
        ..PythonRequest::default()
    };
    ensure::ensure(job, &check, |_| python::create_in(job, &home, &python, &requirement)).await
}

/// Starts Ray on this machine unless it runs.
pub(super) async fn start(job: &PhaseRun<'_>, need: &RayRequest) -> Result<Performed, SetupError> {
    let Some((head, own)) = peers(job.context) else {
        return Err(job.unsatisfiable("the machine has no rank in its deployment".to_owned(), "report this as a bug"));
    };
    let (home, gcs) = (home(job.context, need), format!("{}:{}", head.address.host, need.port));
    let check = Command::new(RUNS).args([home.as_str(), &gcs, &own.address.host]);
    let role = if job.context.rank == 0 { "head" } else { "worker" };
    let args = [home, gcs, own.address.host.clone(), role.to_owned(), need.dashboard_port.to_string()];
    let begin = Command::new(START).args(args);
    ensure::ensure(job, &check, |_| async { job.run_checked(&begin).await.map_err(port_hint) }).await
}

/// Adds a hint to the failure of a port in use, which stops retries: the port will not be free a moment later.
fn port_hint(error: SetupError) -> SetupError {
    if !matches!(*error.cause, Cause::Exited(ProcessExit::Status(73), _)) {
        return error;
    }
    let hint =
        "end the program that uses it, or choose other ports: `setup_phases: {ray: {port: …, dashboard_port: …}}`";
    SetupError { hint: Some(hint.to_owned()), ..error }
}

/// Waits until all machines have joined the cluster, and prints Ray's status.
pub(super) async fn status(job: &PhaseRun<'_>, need: &RayRequest) -> Result<Performed, SetupError> {
    let count = job.context.peers.len().to_string();
    let gcs = peers(job.context).map(|(head, _)| format!("{}:{}", head.address.host, need.port)).unwrap_or_default();
    let script = Command::new(include_str!("scripts/ray-status.sh"));
    job.run_checked(&script.args([home(job.context, need), gcs, count])).await?;
    Ok(Performed::Now)
}

/// Directory of Ray's environment. It depends on the Python version: a cluster rejects drivers on another one.
pub(super) fn home(context: &Context<'_>, need: &RayRequest) -> String {
    let python = need.python.as_ref().map(|version| format!("-python{version}")).unwrap_or_default();
    format!("{}/ray-{}{python}", remote_path(&context.paths.state), need.version)
}

/// The head and this machine.
fn peers<'a>(context: &Context<'a>) -> Option<(&'a Peer, &'a Peer)> {
    Some((context.peers.first()?, context.peers.get(context.rank)?))
}
