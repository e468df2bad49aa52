//! The phase `source`: the code and further files.

use std::path::{Path, PathBuf};

use super::error::SetupError;
use super::job::PhaseRun;
use crate::host::{FileSelection, UploadReport};
use crate::repo::resolve_inside;
use crate::run::Performed;

/// Brings the source to the work directory, and each further file or directory to its place.
pub(super) async fn bring(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let mut already = true;
    match job.context.source {
        Some(source) => {
            already &= put(job, source, &job.context.paths.work, FileSelection::Source).await?.is_unchanged()
        }
        None => job.run_checked(&job.in_work_dir(":")).await?,
    }
    for (to, from) in &job.context.work.files {
        already &= put(job, &here(job, from)?, to, FileSelection::All).await?.is_unchanged();
    }
    Ok(if already { Performed::Already } else { Performed::Now })
}

/// Where a file to bring lies. A relative path is the repository's own word: it is looked at again right before the
/// file is taken, because a link in there may lead to any file of this computer's user.
pub(super) fn here(job: &PhaseRun<'_>, from: &str) -> Result<PathBuf, SetupError> {
    if Path::new(from).is_absolute() {
        return Ok(from.into());
    }
    let Some(source) = job.context.source else {
        let message = format!("`{from}` is a path of the source, and there is none");
        return Err(job.unsatisfiable(message, "name the file by its absolute path, or name a source"));
    };
    resolve_inside(source, from).map_err(|error| {
        let hint = error.hint().unwrap_or_else(|| "mend `file_mounts` in the demand file".to_owned());
        job.unsatisfiable(format!("a file can't be brought: {error}"), &hint)
    })?;
    // By its own name, which is not that of what a link leads to.
    Ok(source.join(from))
}

async fn put(job: &PhaseRun<'_>, from: &Path, to: &str, take: FileSelection) -> Result<UploadReport, SetupError> {
    let put = job.session.upload(from, to, take).await.map_err(|error| job.host_error(error))?;
    if !put.is_unchanged() {
        job.progress(&format!("put `{}` to `{to}`: {} sent, {} deleted", from.display(), put.sent, put.deleted));
    }
    Ok(put)
}
