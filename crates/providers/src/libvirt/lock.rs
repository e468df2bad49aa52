//! Lock shared by the hostler processes of all users of the host. Held while memory, disk, a subnet or a place in the pool
//! is chosen and claimed.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::ports::Remedy;

use super::error::CallFailure;

/// Time to wait for the lock. Other processes hold it while they upload an image or probe `/dev/kvm`.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// Waits for the lock. It is held until the file is dropped or the process ends.
pub(super) fn acquire(path: &Path, timeout: Duration) -> Result<File, CallFailure> {
    let file = open(path).map_err(|error| unusable(path, &error))?;
    let end = Instant::now() + timeout;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => return Err(busy(path, timeout)),
            Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
        }
    }
}

/// Opens the file for reading, which is enough to lock it: another user's file permits no more.
fn open(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(path),
            created => created,
        },
        opened => opened,
    }
}

/// Makes the file readable by all users, whatever the umask.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))?;
    Ok(file)
}

fn busy(path: &Path, timeout: Duration) -> CallFailure {
    let message = format!(
        "another hostler process on this computer, perhaps another user's, has held `{}` for more than {}s",
        path.display(),
        timeout.as_secs()
    );
    let hint = format!("`sudo fuser --verbose {}` shows which", path.display());
    CallFailure { message, remedy: Remedy::Retry(Duration::from_secs(5)), hint: Some(hint) }
}

/// There is no fallback to another file: a lock that some processes don't share protects nothing.
fn unusable(path: &Path, error: &io::Error) -> CallFailure {
    let shown = path.display();
    let message = format!("the lock `{shown}`, shared by all users' hostler processes, cannot be used: {error}");
    if error.kind() != ErrorKind::PermissionDenied {
        return CallFailure::unexpected(message);
    }
    let hint = format!(
        "create it for all users, now and at every boot:\n\
         echo 'f {shown} 0644' | sudo tee /etc/tmpfiles.d/hostler.conf && sudo systemd-tmpfiles --create hostler.conf\n\
         without systemd: sudo touch {shown} && sudo chmod 644 {shown}"
    );
    CallFailure::needs_user(message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_retried_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = acquire(&path, Duration::ZERO).unwrap();
        let failure = acquire(&path, Duration::ZERO).unwrap_err();
        assert!(failure.message.contains("another hostler process"), "{}", failure.message);
        assert!(matches!(failure.remedy, Remedy::Retry(_)));
        drop(held);
        acquire(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn every_user_can_open_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        acquire(&path, Duration::ZERO).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_lock_that_cannot_be_created_has_a_hint() {
        let failure = unusable(Path::new("/run/lock/l"), &ErrorKind::PermissionDenied.into());
        assert_eq!(failure.remedy, Remedy::Ask);
        assert!(failure.hint.unwrap().contains("'f /run/lock/l 0644'"));
        let directory = tempfile::tempdir().unwrap();
        let failure = acquire(&directory.path().join("none/lock"), Duration::ZERO).unwrap_err();
        assert_eq!(failure.remedy, Remedy::Report);
    }
}
