//! File locks: one process at a time runs a deployment. They lie in directories that only their owner can read.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::Name;

use super::error::StoreError;

/// Attempts to take a lock while other processes only query it: each query holds a shared lock for a moment. With the pause
/// below, 200 attempts wait up to a second.
const ATTEMPTS: u32 = 200;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// The right to run the deployment of a name. Released when dropped, and when the process ends, even by a crash.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path, name: &Name) -> Result<Self, StoreError> {
        make_private_dir(dir)?;
        let path = dir.join(name.as_str());
        let files = |source| StoreError::Files { path: path.clone(), source };
        let mut file = open(&path)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS && is_only_queried(&file) => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    file.read_to_string(&mut pid).map_err(files)?;
                    return Err(StoreError::Busy { name: name.clone(), pid: pid.trim().parse().ok() });
                }
                Err(TryLockError::Error(source)) => return Err(files(source)),
            }
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(files)?;
        writeln!(file, "{}", std::process::id()).map_err(files)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Unlocks explicitly. Closing the file is not enough: a child process that another thread is starting right now has
    /// inherited the file, and keeps the lock until its `exec`.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// True if a process holds the lock of a name.
pub(super) fn is_held(dir: &Path, name: &Name) -> Result<bool, StoreError> {
    let path = dir.join(name.as_str());
    if !path.exists() {
        return Ok(false);
    }
    match open(&path)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(StoreError::Files { path, source }),
    }
}

/// True if no process holds the exclusive lock: the current holders are queries, whose locks are shared.
fn is_only_queried(file: &File) -> bool {
    file.try_lock_shared().is_ok() && file.unlock().is_ok()
}

/// Waits for the exclusive lock of a file. Dropping the returned file releases it.
pub(super) fn wait_exclusive(path: PathBuf) -> Result<File, StoreError> {
    let file = open(&path)?;
    file.lock().map_err(|source| StoreError::Files { path, source })?;
    Ok(file)
}

/// Opens or creates a lock file. Lock files are never deleted: two processes could then lock two files of the same name.
fn open(path: &Path) -> Result<File, StoreError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|source| StoreError::Files { path: path.to_owned(), source })
}

/// Creates a directory with mode 0700, and its parents: it holds keys and journals. An existing one is left unchanged.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), StoreError> {
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.map_err(|source| StoreError::Files { path: dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_a_lock_releases_it_while_a_child_has_the_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let name = Name::new("web").unwrap();
        let lock = Lock::take(dir.path(), &name).unwrap();
        // A child has the file like this between `fork` and `exec`.
        let inherited = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(dir.path(), &name), Err(StoreError::Busy { .. })));
        drop(lock);
        Lock::take(dir.path(), &name).unwrap();
        drop(inherited);
    }
}
