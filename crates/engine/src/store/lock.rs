//! One process at a time drives a deployment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::Name;

use super::{StoreError, make_private_dir};

/// How often a lock is tried that others only ask about: each of them has it for a moment.
const TRIES: u32 = 200;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The right to drive the deployment of a name. Ends when dropped, and with the process, however that ends.
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
                Err(TryLockError::WouldBlock) if attempt < TRIES && only_asked(&file) => std::thread::sleep(PAUSE),
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
    /// A program that another thread starts just now has the file too, until it has begun: closing ours is not enough.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Whether a process holds the lock of a name.
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

/// Whether no process has the file for itself: those that have it ask whether one does, which they may do side by side.
fn only_asked(file: &File) -> bool {
    file.try_lock_shared().is_ok() && file.unlock().is_ok()
}

/// Waits until nobody else has a file, on a thread where that may block; it is ours until the answer is dropped.
pub(super) async fn alone(path: PathBuf) -> Result<File, StoreError> {
    let file = open(&path)?;
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(std::io::Error::other).flatten().map_err(|source| StoreError::Files { path, source })
}

/// The file is never removed: removing it would let two processes lock two files of the same name.
fn open(path: &Path) -> Result<File, StoreError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|source| StoreError::Files { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_when_dropped_though_a_child_has_the_file_still() {
        let dir = tempfile::tempdir().unwrap();
        let name = Name::new("web").unwrap();
        let lock = Lock::take(dir.path(), &name).unwrap();
        // As a child has it between its birth and its first instruction.
        let inherited = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(dir.path(), &name), Err(StoreError::Busy { .. })));
        drop(lock);
        Lock::take(dir.path(), &name).unwrap();
        drop(inherited);
    }
}
