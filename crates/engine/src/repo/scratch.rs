//! Temporary directories that repositories are fetched into.
//!
//! Each is created in a shared parent directory and deleted with its checkout. A killed process leaves its directory
//! behind with the lock released; the next fetch removes it.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Prefix of the directories' names.
const PREFIX: &str = "repo-";
/// Lock file inside each directory, locked while it is in use.
const LOCK: &str = "hostler.lock";

/// Temporary directory for one repository. Deleted when dropped.
#[derive(Debug)]
pub(super) struct ScratchDir {
    dir: TempDir,
    // Dropped after the directory: it must be gone before another process can take the lock.
    _lock: File,
}

impl ScratchDir {
    /// Creates one in `parent`.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Lock the file before giving it its name, so that no other process finds it unlocked.
        let draft = dir.path().join("lock");
        let lock = File::create_new(&draft)?;
        lock.lock()?;
        fs::rename(&draft, dir.path().join(LOCK))?;
        fs::create_dir(dir.path().join("tree"))?;
        Ok(Self { dir, _lock: lock })
    }

    /// Directory for the repository's files, next to the lock file.
    pub(super) fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }
}

/// Removes the directories that dead processes left in `scratch`. Those that can't be removed stay for the next call.
pub(super) fn remove_abandoned(scratch: &Path) {
    for entry in fs::read_dir(scratch).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            // Errors are expected: another user's directory can't be opened, and an unrelated one has no lock file.
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(dir: &Path) -> io::Result<()> {
    let (about, lock) = (dir.symlink_metadata()?, dir.join(LOCK));
    let is_ours = about.is_dir() && about.uid() == rustix::process::geteuid().as_raw();
    if !is_ours || !lock.symlink_metadata()?.is_file() {
        return Ok(());
    }
    let lock = File::open(lock)?;
    match lock.try_lock() {
        Ok(()) => fs::remove_dir_all(dir),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_abandoned_directories_are_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let used = ScratchDir::new(scratch.path()).unwrap();
        let killed = ScratchDir::new(scratch.path()).unwrap();
        let left = killed.dir.keep();
        drop(killed._lock);
        fs::write(left.join("tree/file"), "").unwrap();
        let unrelated = scratch.path().join("repo-of-mine");
        fs::create_dir(&unrelated).unwrap();
        std::os::unix::fs::symlink(&unrelated, scratch.path().join("repo-link")).unwrap();
        let elsewhere = scratch.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, scratch.path().join("repo-away")).unwrap();
        remove_abandoned(scratch.path());
        assert!(!left.exists());
        assert!(used.tree().exists() && unrelated.exists() && elsewhere.join(LOCK).exists());
        remove_abandoned(&scratch.path().join("none"));
    }
}
