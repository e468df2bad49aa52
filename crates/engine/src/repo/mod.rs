//! Repositories: from a [`Source`] to a folder on this computer, and from a folder to the [`Tree`] that a scan looks at.
//!
//! A local folder is taken as it lies there. Anything else is fetched by the `git` binary into a fresh folder, within
//! limits of size and time, without hooks, prompts, submodules or programs that the repository could name. Users'
//! own credential helpers, proxies and SSH keys count.

mod error;
mod git;
mod process;
mod room;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_walk;
mod walk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::demand::Source;
use hostler_core::scan::{self, Tree};
use hostler_core::size::Bytes;

pub use error::RepoError;
use room::ScratchDir;
pub use walk::read_tree;

/// How much a repository may cost to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// At most so much on this computer's disk, git's own files among it.
    pub bytes: Bytes,
    /// At most so long until it is there.
    pub time: Duration,
    /// How much of it is read.
    pub tree: scan::Limits,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { bytes: Bytes::gib(4), time: Duration::from_secs(600), tree: scan::Limits::default() }
    }
}

/// A repository's files on this computer. What was fetched is deleted when this is dropped.
#[derive(Debug)]
pub struct Checkout {
    /// The folder that counts: the whole repository, or its subdirectory. Absolute, without links.
    pub path: PathBuf,
    /// The commit that was fetched, as 40 or 64 hexadecimal digits; absent for a local folder.
    pub commit: Option<String>,
    fetched: Option<ScratchDir>,
}

impl Checkout {
    /// Whether it lies in a folder that goes away with this value.
    pub fn is_temporary(&self) -> bool {
        self.fetched.is_some()
    }
}

/// Brings a source to this computer, and reads of it what a scan wants.
///
/// What is fetched goes into a new folder in `scratch`. A source without any file is an error.
pub async fn read_source(source: &Source, scratch: &Path, limits: &FetchLimits) -> Result<(Checkout, Tree), RepoError> {
    let checkout = checkout(source, scratch, limits).await?;
    let (path, tree_limits) = (checkout.path.clone(), limits.tree);
    let read = tokio::task::spawn_blocking(move || read_tree(&path, &tree_limits)).await;
    let tree = read
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
        .map_err(|error| RepoError::Unreadable { path: checkout.path.clone(), error })?;
    if tree.files.is_empty() && tree.problems.is_empty() {
        return Err(RepoError::NoFiles(source.to_string()));
    }
    Ok((checkout, tree))
}

/// Brings a source to this computer: a local folder as it is, a git URL into a new folder in `scratch`.
///
/// Dropping the future kills git with all that it started, and deletes what is there so far.
pub async fn checkout(source: &Source, scratch: &Path, limits: &FetchLimits) -> Result<Checkout, RepoError> {
    if source.is_local() {
        let path = folder(Path::new(&source.from))?;
        let path = within(&path, &source.subdirectory)?;
        return Ok(Checkout { path, commit: None, fetched: None });
    }
    tidy(scratch.to_owned()).await;
    let no_scratch = |error| RepoError::Scratch { path: scratch.to_owned(), error };
    let room = ScratchDir::new(scratch).map_err(no_scratch)?;
    let commit = git::fetch(source, &room.tree(), limits).await?;
    let path = within(&folder(&room.tree())?, &source.subdirectory)?;
    Ok(Checkout { path, commit: Some(commit), fetched: Some(room) })
}

/// The file or folder that a repository means by a relative path, without links.
///
/// # Errors
/// Where there is none, and where the path or a link in it leads out of `top`: nobody else's file may be meant by what
/// somebody else wrote.
pub fn resolve_inside(top: &Path, path: &str) -> Result<PathBuf, RepoError> {
    let unreadable = |error| RepoError::Unreadable { path: top.to_owned(), error };
    let top = top.canonicalize().map_err(unreadable)?;
    let real = top.join(path).canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RepoError::NoPath(path.to_owned()),
        _ => RepoError::Unreadable { path: top.join(path), error },
    })?;
    if real.starts_with(&top) { Ok(real) } else { Err(RepoError::OutsideRepository(path.to_owned())) }
}

/// Removes what killed processes have left, on a thread that may wait for the disk.
async fn tidy(scratch: PathBuf) {
    // It is tried again at the next fetch, whatever came in between.
    let _ = tokio::task::spawn_blocking(move || room::remove_abandoned(&scratch)).await;
}

/// A folder that is there, without links in its path.
fn folder(path: &Path) -> Result<PathBuf, RepoError> {
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RepoError::NoDirectory(path.to_owned()),
        _ => RepoError::Unreadable { path: path.to_owned(), error },
    })?;
    if !real.is_dir() {
        return Err(RepoError::NotADirectory(path.to_owned()));
    }
    // A bare repository has no files to show; what is committed in it can be fetched.
    if real.join("HEAD").is_file() && real.join("objects").is_dir() && real.join("refs").is_dir() {
        return Err(RepoError::Bare(real));
    }
    Ok(real)
}

/// A subdirectory, which a link must not lead out of the repository.
fn within(top: &Path, subdirectory: &str) -> Result<PathBuf, RepoError> {
    let real = top.join(subdirectory).canonicalize().ok();
    real.filter(|real| real.is_dir() && real.starts_with(top))
        .ok_or_else(|| RepoError::NoSubdirectory(subdirectory.to_owned()))
}
