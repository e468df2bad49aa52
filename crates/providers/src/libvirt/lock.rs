//! The lock that all processes of this computer share, whoever's they are: for what takes room.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::ports::Remedy;

use super::trouble::Trouble;

/// How long it is waited for: others upload an image under it, or try `/dev/kvm`.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for the lock. It is held until the file is dropped, or the process ends.
pub(super) fn take(path: &Path, patience: Duration) -> Result<File, Trouble> {
    let file = open(path).map_err(|error| unusable(path, &error))?;
    let end = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => return Err(held(path, patience)),
            Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
        }
    }
}

/// Opened for reading, which is enough to lock it: another user may have made it, and allows no more.
fn open(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match make(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(path),
            made => made,
        },
        opened => opened,
    }
}

/// Readable by all users, whatever this one's umask.
fn make(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))?;
    Ok(file)
}

fn held(path: &Path, patience: Duration) -> Trouble {
    let message = format!(
        "another `hostler` on this computer, perhaps another user's, has held `{}` for more than {}s",
        path.display(),
        patience.as_secs()
    );
    let hint = format!("`sudo fuser --verbose {}` shows which", path.display());
    Trouble { message, remedy: Remedy::Retry(Duration::from_secs(5)), hint: Some(hint) }
}

/// Another file would do for this user alone: a lock that not all share keeps nobody out.
fn unusable(path: &Path, error: &io::Error) -> Trouble {
    let shown = path.display();
    let message = format!("`{shown}`, which all users' `hostler` lock in turn, can't be used: {error}");
    if error.kind() != ErrorKind::PermissionDenied {
        return Trouble::report(message);
    }
    let hint = format!(
        "have it made for all users, now and at each start of the computer:\n\
         echo 'f {shown} 0644' | sudo tee /etc/tmpfiles.d/hostler.conf && sudo systemd-tmpfiles --create hostler.conf\n\
         where there is no systemd: sudo touch {shown} && sudo chmod 644 {shown}"
    );
    Trouble::ask(message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_next_is_told_who_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = take(&path, Duration::ZERO).unwrap();
        let trouble = take(&path, Duration::ZERO).unwrap_err();
        assert!(trouble.message.contains("another `hostler`"), "{}", trouble.message);
        assert!(matches!(trouble.remedy, Remedy::Retry(_)));
        drop(held);
        take(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn every_user_can_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        take(&path, Duration::ZERO).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn where_it_can_t_be_made_it_is_said_what_to_do() {
        let trouble = unusable(Path::new("/run/lock/l"), &ErrorKind::PermissionDenied.into());
        assert_eq!(trouble.remedy, Remedy::Ask);
        assert!(trouble.hint.unwrap().contains("'f /run/lock/l 0644'"));
        let folder = tempfile::tempdir().unwrap();
        let trouble = take(&folder.path().join("none/lock"), Duration::ZERO).unwrap_err();
        assert_eq!(trouble.remedy, Remedy::Report);
    }
}
