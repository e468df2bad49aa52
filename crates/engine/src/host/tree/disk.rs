//! The local side of uploads and syncs. Everything here blocks on the disk.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::list::{FileSelection, LocalTree, directory_mode, local_path, unreadable};
use crate::host::error::HostErrorKind;

/// Directories that often have many files on the remote side and none on the local one.
const LARGE_DIRECTORIES: [&str; 4] = [".git", ".venv", "node_modules", "__pycache__"];

/// The large directories that the remote listing of a sync skips: those that do not exist at the top of the local side, and
/// git's.
pub(super) fn large_directories_to_skip(root: &Path) -> Vec<&'static str> {
    LARGE_DIRECTORIES.into_iter().filter(|name| *name == ".git" || !root.join(name).exists()).collect()
}

/// Canonical path and mode of a directory.
pub(super) fn directory(path: &Path) -> Result<(PathBuf, u32), HostErrorKind> {
    let root = path.canonicalize().map_err(|source| unreadable(path, source))?;
    if !root.is_dir() {
        return Err(unreadable(&root, ErrorKind::NotADirectory.into()));
    }
    let mode = directory_mode(&root).map_err(|source| unreadable(&root, source))?;
    Ok((root, mode))
}

/// Canonical path of a file or directory, and the content of a directory.
pub(super) fn file_or_tree(path: &Path, files: FileSelection) -> Result<(PathBuf, Option<LocalTree>), HostErrorKind> {
    let root = path.canonicalize().map_err(|source| unreadable(path, source))?;
    let tree = if root.is_dir() { Some(LocalTree::read(&root, files)?) } else { None };
    Ok((root, tree))
}

/// Deletes local files, links and empty directories. Missing paths and non-empty directories are left alone.
pub(super) fn remove(root: &Path, files: &[Vec<u8>], directories: &[Vec<u8>]) -> Result<(), HostErrorKind> {
    let check = |removed: std::io::Result<()>, path: &Path| match removed {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(unreadable(path, error))
        }
        _ => Ok(()),
    };
    for path in files.iter().map(|path| local_path(root, path)) {
        check(fs::remove_file(&path), &path)?;
    }
    for path in directories.iter().map(|path| local_path(root, path)) {
        check(fs::remove_dir(&path), &path)?;
    }
    Ok(())
}
