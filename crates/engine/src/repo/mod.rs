//! Repositories: fetches a [`Source`] to a local directory, and reads a directory into the [`FileTree`] that a scan analyses.
//!
//! A local directory is used in place. Anything else is fetched by the program `git` into a new directory, within limits of
//! size and time, and without hooks, prompts, submodules or programs chosen by the repository. The user's credential
//! helpers, proxies and SSH keys apply.

mod error;
mod git;
mod process;
mod resolve;
mod scratch;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_walk;
mod walk;

use std::path::{Path, PathBuf};

use hostler_core::demand::Source;
use hostler_core::scan::FileTree;

use crate::blocking::blocking;

pub use error::RepoError;
pub use git::FetchLimits;
pub use resolve::resolve_inside;
use resolve::{directory, within};
use scratch::ScratchDir;
pub use walk::read_tree;

/// A repository's files on this computer. Fetched files are deleted when this is dropped, which blocks on the disk.
#[derive(Debug)]
pub struct Checkout {
    /// Directory of the source: the whole repository or its subdirectory. Absolute, without links.
    pub path: PathBuf,
    /// Id of the fetched commit, 40 or 64 hexadecimal digits; `None` for a local directory.
    pub commit: Option<String>,
    fetched: Option<ScratchDir>,
}

impl Checkout {
    /// True if the files are deleted with this value.
    pub fn is_temporary(&self) -> bool {
        self.fetched.is_some()
    }
}

/// Checks out a source, and reads what a scan needs.
///
/// # Errors
/// Those of [`checkout`], and [`RepoError::NoFiles`] for a source without a single file.
pub async fn read_source(
    source: &Source,
    scratch: &Path,
    limits: &FetchLimits,
) -> Result<(Checkout, FileTree), RepoError> {
    let checkout = checkout(source, scratch, limits).await?;
    let (path, tree_limits) = (checkout.path.clone(), limits.tree);
    let read = blocking(move || read_tree(&path, &tree_limits)).await;
    let tree = read.map_err(|error| RepoError::Unreadable { path: checkout.path.clone(), error })?;
    if tree.files.is_empty() && tree.problems.is_empty() {
        return Err(RepoError::NoFiles(source.to_string()));
    }
    Ok((checkout, tree))
}

/// Makes a source available locally: a local directory in place, a git URL by fetching into a new directory in `scratch`.
///
/// Dropping the future kills git with all its children, and deletes the partial checkout.
pub async fn checkout(source: &Source, scratch: &Path, limits: &FetchLimits) -> Result<Checkout, RepoError> {
    let subdirectory = source.subdirectory.clone();
    if source.is_local() {
        let path = PathBuf::from(&source.location);
        let path = blocking(move || within(&directory(&path)?, &subdirectory)).await?;
        return Ok(Checkout { path, commit: None, fetched: None });
    }
    let parent = scratch.to_owned();
    let dir = blocking(move || {
        scratch::remove_abandoned(&parent);
        ScratchDir::new(&parent).map_err(|error| RepoError::Scratch { path: parent, error })
    })
    .await?;
    let commit = git::fetch(source, &dir.tree(), limits).await?;
    let tree = dir.tree();
    let path = blocking(move || within(&directory(&tree)?, &subdirectory)).await?;
    Ok(Checkout { path, commit: Some(commit), fetched: Some(dir) })
}
