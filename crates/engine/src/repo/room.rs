//! The folders that repositories are fetched into.
//!
//! Each is made in a folder that others may use as well, and goes away with its checkout. A process that is killed at
//! once leaves its own behind: the lock in it is free then, and the next fetch removes it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What the folders' names begin with.
const PREFIX: &str = "repo-";
/// The file in each that is locked for as long as it is in use.
const LOCK: &str = "hostler.lock";

/// A folder for one repository.
#[derive(Debug)]
pub(super) struct ScratchDir {
    dir: TempDir,
    // After the folder, which is to be gone before anybody else can have the lock.
    _lock: File,
}

impl ScratchDir {
    /// Makes one in `scratch`.
    pub(super) fn new(scratch: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(scratch)?;
        // Locked before it has its name: whoever finds it finds it locked.
        let draft = dir.path().join("lock");
        let lock = File::create_new(&draft)?;
        lock.lock()?;
        fs::rename(&draft, dir.path().join(LOCK))?;
        fs::create_dir(dir.path().join("tree"))?;
        Ok(Self { dir, _lock: lock })
    }

    /// Where the repository's files belong; the lock is none of them.
    pub(super) fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }
}

/// Removes what processes that are no more have left in `scratch`. What can't be removed stays, for the next time.
pub(super) fn remove_abandoned(scratch: &Path) {
    for entry in fs::read_dir(scratch).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            // Others' folders can't be looked into, and what is no folder of ours has no such lock.
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(room: &Path) -> io::Result<()> {
    let (about, lock) = (room.symlink_metadata()?, room.join(LOCK));
    let is_ours = about.is_dir() && about.uid() == rustix::process::geteuid().as_raw();
    if !is_ours || !lock.symlink_metadata()?.is_file() {
        return Ok(());
    }
    let lock = File::open(lock)?;
    match lock.try_lock() {
        Ok(()) => fs::remove_dir_all(room),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_uses_any_more_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let used = ScratchDir::new(scratch.path()).unwrap();
        let killed = ScratchDir::new(scratch.path()).unwrap();
        let left = killed.dir.keep();
        drop(killed._lock);
        fs::write(left.join("tree/file"), "").unwrap();
        let foreign = scratch.path().join("repo-of-mine");
        fs::create_dir(&foreign).unwrap();
        std::os::unix::fs::symlink(&foreign, scratch.path().join("repo-link")).unwrap();
        let elsewhere = scratch.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, scratch.path().join("repo-away")).unwrap();
        remove_abandoned(scratch.path());
        assert!(!left.exists());
        assert!(used.tree().exists() && foreign.exists() && elsewhere.join(LOCK).exists());
        remove_abandoned(&scratch.path().join("none"));
    }
}
