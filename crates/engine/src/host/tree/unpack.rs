//! From a stream to a local directory, whatever the other side sends.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};
use tokio::sync::mpsc;

use super::HostErrorKind;
use super::list::unreadable;

/// What a get brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DownloadReport {
    /// How many files, directories and links came.
    pub entries: usize,
    /// What was left over there: devices and pipes, and links that lead out of the directory.
    pub left: Vec<String>,
}

/// Unpacks a tar archive below a directory, which is made where it isn't there.
pub(super) fn unpack(source: mpsc::Receiver<Vec<u8>>, to: &Path) -> Result<DownloadReport, HostErrorKind> {
    let local = |source| unreadable(to, source);
    fs::create_dir_all(to).map_err(local)?;
    let root = to.canonicalize().map_err(local)?;
    let mut archive = Archive::new(Receiver { source, chunk: Vec::new(), at: 0 });
    archive.set_preserve_permissions(false);
    let mut got = DownloadReport::default();
    for entry in archive.entries().map_err(local)? {
        let mut entry = entry.map_err(local)?;
        let path = inside(&entry)?;
        if path.as_os_str().is_empty() {
            continue;
        }
        if is_welcome(&entry, &path) && entry.unpack_in(&root).map_err(|error| unreadable(&root.join(&path), error))? {
            got.entries += 1;
        } else {
            got.left.push(path.display().to_string());
        }
    }
    Ok(got)
}

/// The entry's path, without `.` in it, if it leads nowhere else.
fn inside<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf, HostErrorKind> {
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

fn is_welcome<R: Read>(entry: &Entry<'_, R>, path: &Path) -> bool {
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Directory | EntryType::Link => {
            true
        }
        EntryType::Symlink => entry.link_name().ok().flatten().is_some_and(|target| stays_inside(path, &target)),
        _ => false,
    }
}

/// Whether a link at a path leads to a place below the same root, by its text alone.
fn stays_inside(path: &Path, target: &Path) -> bool {
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

/// The reading end of a channel's pipe.
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

    /// An archive with one entry of any name, as no honest tool writes it.
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
    fn names_that_lead_out_end_it() {
        for name in ["../x", "/x", "a/../../x"] {
            let (dir, got) = unpacked(archive(EntryType::Regular, name.as_bytes(), ""));
            assert!(matches!(got, Err(HostErrorKind::UnsafePath(_))), "{name}: {got:?}");
            assert!(!dir.path().join("x").exists());
        }
    }

    #[test]
    fn links_that_lead_out_and_devices_stay_there() {
        for (kind, target) in [(EntryType::Symlink, "/etc"), (EntryType::Symlink, "../.."), (EntryType::Fifo, "")] {
            let (dir, got) = unpacked(archive(kind, b"d/l", target));
            assert_eq!(got.unwrap(), DownloadReport { entries: 0, left: vec!["d/l".to_owned()] });
            assert!(dir.path().join("to/d/l").symlink_metadata().is_err());
        }
        assert!(stays_inside(Path::new("d/l"), Path::new("../a")));
    }

    #[test]
    fn nothing_comes_with_special_rights() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, got) = unpacked(archive(EntryType::Regular, b"su", ""));
        assert_eq!(got.unwrap().entries, 1);
        assert_eq!(dir.path().join("to/su").metadata().unwrap().permissions().mode() & 0o7000, 0);
    }
}
