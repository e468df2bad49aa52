//! The phase `system`: base packages, under the names of the host's package manager.

use hostler_core::setup::SystemRequest;

use super::error::SetupError;
use super::job::PhaseRun;
use super::packages;
use crate::run::Performed;

/// Installs missing packages.
pub(super) async fn install(job: &PhaseRun<'_>, need: SystemRequest) -> Result<Performed, SetupError> {
    let manager = packages::manager(job).await?;
    let names: Vec<String> = need.packages(manager).iter().map(|name| (*name).to_owned()).collect();
    packages::install(job, &names).await
}
