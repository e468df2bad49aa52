//! The phases `ray` and `ray-status`: Ray on all machines, as one cluster.
//!
//! Ray has a Python environment of its own, by its version, so that what a repository installs can't break it. The head is
//! on the machine of rank 0; all others join it there.

use hostler_core::demand::PythonNeed;
use hostler_core::setup::RayNeed;

use super::error::SetupError;
use super::job::Job;
use super::{Context, Node, python, recipe};
use crate::host::{Command, remote_path};
use crate::run::Performed;

/// Installs it where it is missing.
pub(super) async fn install(job: &Job<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let home = home(job.context, need);
    let check = Command::new(include_str!("scripts/has-ray.sh")).args([home.as_str(), &need.version]);
    let python = PythonNeed {
        version: need.python.clone(),
        requirements: vec![format!("ray[default]=={}", need.version)],
        ..PythonNeed::default()
    };
    recipe::settle(job, &check, |_| python::make_at(job, &home, &python)).await
}

/// Starts it on this machine, where it doesn't run.
pub(super) async fn start(job: &Job<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let Some((head, own)) = nodes(job.context) else {
        return Err(job.refuse("the machine has no rank in its deployment".to_owned(), "report this"));
    };
    let (home, gcs) = (home(job.context, need), format!("{}:{}", head.address.host, need.port));
    let check = Command::new(include_str!("scripts/runs-ray.sh")).args([gcs.as_str(), &own.address.host]);
    let role = if job.context.rank == 0 { "head" } else { "worker" };
    let args = [home, gcs, own.address.host.clone(), role.to_owned(), need.dashboard_port.to_string()];
    let begin = Command::new(include_str!("scripts/start-ray.sh")).args(args);
    recipe::settle(job, &check, |_| job.must(&begin)).await
}

/// Waits until every machine is in the cluster, and shows what Ray says of it.
pub(super) async fn status(job: &Job<'_>, need: &RayNeed) -> Result<Performed, SetupError> {
    let count = job.context.nodes.len().to_string();
    let gcs = nodes(job.context).map(|(head, _)| format!("{}:{}", head.address.host, need.port)).unwrap_or_default();
    let script = Command::new(include_str!("scripts/ray-status.sh"));
    job.must(&script.args([home(job.context, need), gcs, count])).await?;
    Ok(Performed::Now)
}

/// Where Ray's own environment lies.
pub(super) fn home(context: &Context<'_>, need: &RayNeed) -> String {
    format!("{}/ray-{}", remote_path(&context.places.state), need.version)
}

/// The head, and this machine.
fn nodes<'a>(context: &Context<'a>) -> Option<(&'a Node, &'a Node)> {
    Some((context.nodes.first()?, context.nodes.get(context.rank)?))
}
