//! Unpacks a tar stream from an untrusted host into a local directory.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};
use tokio::sync::mpsc;

use super::list::unreadable;
use crate::host::error::HostErrorKind;

/// Result of a download.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DownloadReport {
    /// Number of files, directories and links received.
    pub entries: usize,
    /// Paths not downloaded: devices and pipes, and links that lead out of the directory.
    pub skipped: Vec<String>,
}

/// Unpacks a tar archive below a directory, which is created if missing.
pub(super) fn unpack(source: mpsc::Receiver<Vec<u8>>, to: &Path) -> Result<DownloadReport, HostErrorKind> {
    let local = |source| unreadable(to, source);
    fs::create_dir_all(to).map_err(local)?;
    let root = to.canonicalize().map_err(local)?;
    let mut archive = Archive::new(Receiver { source, chunk: Vec::new(), at: 0 });
    archive.set_preserve_permissions(false);
    let mut report = DownloadReport::default();
    for entry in archive.entries().map_err(local)? {
        let mut entry = entry.map_err(local)?;
        let path = safe_path(&entry)?;
        if path.as_os_str().is_empty() {
            continue;
        }
        if is_accepted(&entry, &path) && entry.unpack_in(&root).map_err(|error| unreadable(&root.join(&path), error))? {
            report.entries += 1;
        } else {
            report.skipped.push(path.display().to_string());
        }
    }
    Ok(report)
}

/// The entry's path without `.`, or an error if it leads out of the directory.
fn safe_path<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf, HostErrorKind> {
    let unsafe_name = || HostErrorKind::UnsafePath(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
    let path = entry.path().map_err(|_| unsafe_name())?;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return Err(unsafe_name()),
        }
    }
    Ok(clean)
}

fn is_accepted<R: Read>(entry: &Entry<'_, R>, path: &Path) -> bool {
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory | EntryType::Link => {
            true
        }
        EntryType::Symlink => entry.link_name().ok().flatten().is_some_and(|target| stays_safe_path(path, &target)),
        _ => false,
    }
}

/// True if the text of a link at `path` leads to a path below the same root.
fn stays_safe_path(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Reads from a channel.
struct Receiver {
    source: mpsc::Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Receiver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            let Some(chunk) = self.source.blocking_recv() else { return Ok(0) };
            (self.chunk, self.at) = (chunk, 0);
        }
        let n = buffer.len().min(self.chunk.len() - self.at);
        buffer[..n].copy_from_slice(&self.chunk[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    /// An archive with one entry of any name, including names that no regular tool writes.
    fn archive(kind: EntryType, name: &[u8], target: &str) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o4755);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
        if !target.is_empty() {
            header.set_link_name_literal(target).unwrap();
        }
        header.set_cksum();
        let mut builder = Builder::new(Vec::new());
        builder.append(&header, io::empty()).unwrap();
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: Vec<u8>) -> (tempfile::TempDir, Result<DownloadReport, HostErrorKind>) {
        let dir = tempfile::tempdir().unwrap();
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(bytes).unwrap();
        drop(sender);
        let got = unpack(receiver, &dir.path().join("to"));
        (dir, got)
    }

    #[test]
    fn unsafe_path_aborts_the_download() {
        for name in ["../x", "/x", "a/../../x"] {
            let (dir, got) = unpacked(archive(EntryType::Regular, name.as_bytes(), ""));
            assert!(matches!(got, Err(HostErrorKind::UnsafePath(_))), "{name}: {got:?}");
            assert!(!dir.path().join("x").exists());
        }
    }

    #[test]
    fn unsafe_links_and_devices_are_skipped() {
        for (kind, target) in [(EntryType::Symlink, "/etc"), (EntryType::Symlink, "../.."), (EntryType::Fifo, "")] {
            let (dir, got) = unpacked(archive(kind, b"d/l", target));
            assert_eq!(got.unwrap(), DownloadReport { entries: 0, skipped: vec!["d/l".to_owned()] });
            assert!(dir.path().join("to/d/l").symlink_metadata().is_err());
        }
        assert!(stays_safe_path(Path::new("d/l"), Path::new("../a")));
    }

    #[test]
    fn setuid_bits_are_dropped() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, got) = unpacked(archive(EntryType::Regular, b"su", ""));
        assert_eq!(got.unwrap().entries, 1);
        assert_eq!(dir.path().join("to/su").metadata().unwrap().permissions().mode() & 0o7000, 0);
    }
}
