//! Paths of a source on this computer.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::path::{Path, PathBuf};

use super::error::RepoError;

/// Resolves a relative path written in a repository to a file or directory inside it, without links. Blocks on the disk.
///
/// # Errors
/// [`RepoError::NoPath`] if it does not exist, and [`RepoError::OutsideRepository`] if the path or a link in it leads out of
/// `top`: a repository must not name other files of this computer.
pub fn resolve_inside(top: &Path, path: &str) -> Result<PathBuf, RepoError> {
    let unreadable = |error| RepoError::Unreadable { path: top.to_owned(), error };
    let top = top.canonicalize().map_err(unreadable)?;
    let real = top.join(path).canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RepoError::NoPath(path.to_owned()),
        _ => RepoError::Unreadable { path: top.join(path), error },
    })?;
    if real.starts_with(&top) { Ok(real) } else { Err(RepoError::OutsideRepository(path.to_owned())) }
}

/// Canonical path of an existing directory.
pub(super) fn directory(path: &Path) -> Result<PathBuf, RepoError> {
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RepoError::NoDirectory(path.to_owned()),
        _ => RepoError::Unreadable { path: path.to_owned(), error },
    })?;
    if !real.is_dir() {
        return Err(RepoError::NotADirectory(path.to_owned()));
    }
    // A bare repository has no files, but its commits can be fetched.
    if real.join("HEAD").is_file() && real.join("objects").is_dir() && real.join("refs").is_dir() {
        return Err(RepoError::Bare(real));
    }
    Ok(real)
}

/// Canonical path of a subdirectory, which must not lead out of the repository.
pub(super) fn within(top: &Path, subdirectory: &str) -> Result<PathBuf, RepoError> {
    let real = top.join(subdirectory).canonicalize().ok();
    real.filter(|real| real.is_dir() && real.starts_with(top))
        .ok_or_else(|| RepoError::NoSubdirectory(subdirectory.to_owned()))
}
