//! The phase `source`: the code and further files.

use std::path::Path;

use super::error::SetupError;
use super::job::Job;
use crate::host::{Put, Take};

/// Brings the source to the work directory, and each further file or directory to its place.
pub(super) async fn bring(job: &Job<'_>) -> Result<bool, SetupError> {
    let mut already = true;
    match job.context.source {
        Some(source) => already &= put(job, source, &job.context.places.work, Take::Source).await?.already(),
        None => job.must(&job.at_work(":")).await?,
    }
    for (to, from) in &job.context.work.files {
        already &= put(job, Path::new(from), to, Take::Everything).await?.already();
    }
    Ok(already)
}

async fn put(job: &Job<'_>, from: &Path, to: &str, take: Take) -> Result<Put, SetupError> {
    let put = job.session.put_tree(from, to, take).await.map_err(|error| job.host(error))?;
    if !put.already() {
        job.progress(&format!("put `{}` to `{to}`: {} sent, {} deleted", from.display(), put.sent, put.deleted));
    }
    Ok(put)
}
