//! The phase `source`: the code and further files.

use std::path::{Path, PathBuf};

use super::error::SetupError;
use super::job::Job;
use crate::host::{Put, Take};
use crate::repo::inside;
use crate::run::Performed;

/// Brings the source to the work directory, and each further file or directory to its place.
pub(super) async fn bring(job: &Job<'_>) -> Result<Performed, SetupError> {
    let mut already = true;
    match job.context.source {
        Some(source) => already &= put(job, source, &job.context.places.work, Take::Source).await?.already(),
        None => job.must(&job.at_work(":")).await?,
    }
    for (to, from) in &job.context.work.files {
        already &= put(job, &here(job, from)?, to, Take::Everything).await?.already();
    }
    Ok(if already { Performed::Already } else { Performed::Now })
}

/// Where a file to bring lies. A relative path is the repository's own word: it is looked at again right before the
/// file is taken, because a link in there may lead to any file of this computer's user.
pub(super) fn here(job: &Job<'_>, from: &str) -> Result<PathBuf, SetupError> {
    if Path::new(from).is_absolute() {
        return Ok(from.into());
    }
    let Some(source) = job.context.source else {
        let message = format!("`{from}` is a path of the source, and there is none");
        return Err(job.refuse(message, "name the file by its absolute path, or name a source"));
    };
    inside(source, from).map_err(|error| {
        let hint = error.hint().unwrap_or_else(|| "mend `file_mounts` in the demand file".to_owned());
        job.refuse(format!("a file can't be brought: {error}"), &hint)
    })?;
    // By its own name, which is not that of what a link leads to.
    Ok(source.join(from))
}

async fn put(job: &Job<'_>, from: &Path, to: &str, take: Take) -> Result<Put, SetupError> {
    let put = job.session.put_tree(from, to, take).await.map_err(|error| job.host(error))?;
    if !put.already() {
        job.progress(&format!("put `{}` to `{to}`: {} sent, {} deleted", from.display(), put.sent, put.deleted));
    }
    Ok(put)
}
