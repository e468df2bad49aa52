//! The phase `source`: uploads the code and further files.

use std::path::{Path, PathBuf};

use super::error::SetupError;
use super::job::PhaseRun;
use crate::blocking::blocking;
use crate::host::{FileSelection, UploadReport};
use crate::repo::resolve_inside;
use crate::run::Performed;

/// Uploads the source to the work directory, and each further file or directory to its target.
pub(super) async fn upload(job: &PhaseRun<'_>) -> Result<Performed, SetupError> {
    let mut already = true;
    match job.context.source {
        Some(source) => {
            already &= upload_one(job, source, &job.context.paths.work, FileSelection::Source).await?.is_unchanged();
        }
        None => job.run_checked(&job.in_work_dir(":")).await?,
    }
    for (to, from) in &job.context.work.files {
        already &= upload_one(job, &local_path(job, from).await?, to, FileSelection::All).await?.is_unchanged();
    }
    Ok(if already { Performed::Already } else { Performed::Now })
}

/// Local path of a file to upload. A relative path is chosen by the repository, so it is resolved again right before the upload:
/// a link in the repository may lead to any file that this computer's user can read.
pub(super) async fn local_path(job: &PhaseRun<'_>, from: &str) -> Result<PathBuf, SetupError> {
    if Path::new(from).is_absolute() {
        return Ok(from.into());
    }
    let Some(source) = job.context.source else {
        let message = format!("`{from}` is relative to the source, but the demand has no source");
        return Err(job.unsatisfiable(message, "use an absolute path, or set a source"));
    };
    let (top, path) = (source.to_owned(), from.to_owned());
    let resolved = blocking(move || resolve_inside(&top, &path)).await;
    resolved.map_err(|error| {
        let hint = error.hint().unwrap_or_else(|| "correct `file_mounts` in the demand file".to_owned());
        job.unsatisfiable(format!("can't upload a file: {error}"), &hint)
    })?;
    // Keep the file's own name, which differs from the name of a link's target.
    Ok(source.join(from))
}

async fn upload_one(
    job: &PhaseRun<'_>,
    from: &Path,
    to: &str,
    files: FileSelection,
) -> Result<UploadReport, SetupError> {
    let report = job.session.upload(from, to, files).await.map_err(|error| job.host_error(error))?;
    if !report.is_unchanged() {
        job.progress(&format!(
            "uploaded `{}` to `{to}`: {} sent, {} deleted",
            from.display(),
            report.sent,
            report.deleted
        ));
    }
    Ok(report)
}
