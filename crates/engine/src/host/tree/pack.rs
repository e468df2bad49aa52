//! Packs local files into a tar stream.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::list::{LocalTree, RECORD_DIR, directory_mode, file_mode, local_path, unreadable};
use super::meta::EntryMeta;
use super::record::{TreeDiff, UploadRecord};
use crate::host::error::HostErrorKind;

type Archive = Builder<BufWriter<Sender>>;

/// Packs the changed entries as a tar archive. Its last entry is the new list of the tree, so an archive with the list is
/// complete.
pub(super) fn pack(
    tree: &LocalTree,
    change: &TreeDiff,
    list_name: &str,
    to: mpsc::Sender<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    archive(to, |archive| {
        for entry in change.changed.iter().filter_map(|index| tree.entries.get(*index)) {
            let path = local_path(&tree.root, &entry.path);
            let name = local_path(Path::new(""), &entry.path);
            append(archive, &path, &name, &entry.mark).map_err(|source| pack_error(&path, source))?;
        }
        let list = UploadRecord::of(tree);
        let mut header = header(EntryType::Regular, 0o644, list.len() as u64);
        let name = format!("{RECORD_DIR}/{list_name}");
        archive.append_data(&mut header, &name, list.as_slice()).map_err(|source| pack_error(name.as_ref(), source))
    })
}

/// Packs entries with their exact modes, and modification times to the nanosecond.
pub(super) fn pack_exact<'e>(
    root: &Path,
    mut entries: impl Iterator<Item = (&'e [u8], &'e EntryMeta)>,
    to: mpsc::Sender<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    archive(to, |archive| {
        entries.try_for_each(|(path, meta)| {
            let (name, path) = (local_path(Path::new(""), path), local_path(root, path));
            append_exact(archive, &path, &name, meta).map_err(|source| pack_error(&path, source))
        })
    })
}

/// Sends an archive. After a failure it gets no end blocks, so that no receiver takes it for complete.
fn archive(
    to: mpsc::Sender<Vec<u8>>,
    fill: impl FnOnce(&mut Archive) -> Result<(), HostErrorKind>,
) -> Result<(), HostErrorKind> {
    let mut archive = Builder::new(BufWriter::with_capacity(CHUNK, Sender(Some(to))));
    if let Err(kind) = fill(&mut archive) {
        // Dropping a builder writes the end blocks, even in the middle of a file: disconnect it first.
        archive.get_mut().get_mut().0 = None;
        return Err(kind);
    }
    archive.into_inner().and_then(|mut writer| writer.flush()).map_err(|_| HostErrorKind::ConnectionLost(None))
}

/// Classifies a failure while packing: a closed pipe means a lost connection, any other error an unreadable file.
fn pack_error(path: &Path, source: io::Error) -> HostErrorKind {
    if source.kind() == io::ErrorKind::BrokenPipe {
        HostErrorKind::ConnectionLost(None)
    } else {
        unreadable(path, source)
    }
}

fn append_exact<W: Write>(archive: &mut Builder<W>, path: &Path, name: &Path, meta: &EntryMeta) -> io::Result<()> {
    match meta {
        EntryMeta::Directory => append_directory(archive, path, name),
        EntryMeta::Link { .. } => {
            archive.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, path.read_link()?)
        }
        EntryMeta::File { mode, modified: (seconds, nanoseconds), .. } => {
            let file = File::open(path)?;
            let left = file.metadata()?.len();
            if *nanoseconds > 0 {
                let time = format!("{seconds}.{nanoseconds:09}");
                archive.append_pax_extensions([("mtime", time.as_bytes())])?;
            }
            let mut header = header(EntryType::Regular, *mode, left);
            header.set_mtime(u64::try_from(*seconds).unwrap_or(0));
            archive.append_data(&mut header, name, Exactly { file, left })
        }
    }
}

const CHUNK: usize = 64 * 1024;

fn append<W: Write>(archive: &mut Builder<W>, path: &Path, name: &Path, mark: &str) -> io::Result<()> {
    match mark.as_bytes().first() {
        Some(b'd') => append_directory(archive, path, name),
        Some(b'l') => archive.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, path.read_link()?),
        _ => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            // Use the current mode: a file that became private after the listing stays private.
            let mut header = header(EntryType::Regular, file_mode(&metadata), metadata.len());
            let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            header.set_mtime(modified.unwrap_or_default().as_secs());
            archive.append_data(&mut header, name, Exactly { file, left: metadata.len() })
        }
    }
}

fn append_directory<W: Write>(archive: &mut Builder<W>, path: &Path, name: &Path) -> io::Result<()> {
    archive.append_data(&mut header(EntryType::Directory, directory_mode(path)?, 0), name, io::empty())
}

/// A header without owner: unpacked files belong to the unpacking user.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header
}

/// Reads exactly as many bytes as the header announced, or fails: the size in an archive can't be corrected afterwards.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.file.read(&mut buffer[..wanted])?;
        if n == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// Sends the first `length` bytes of a file.
pub(super) fn stream(path: &Path, length: u64, to: mpsc::Sender<Vec<u8>>) -> Result<(), HostErrorKind> {
    let copy = || -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(CHUNK, Sender(Some(to)));
        io::copy(&mut Exactly { file: File::open(path)?, left: length }, &mut writer)?;
        writer.flush()
    };
    copy().map_err(|source| pack_error(path, source))
}

/// Writes to a channel, and blocks while the receiver is slow, which bounds memory. `None` once disconnected.
struct Sender(Option<mpsc::Sender<Vec<u8>>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let chunk = &bytes[..bytes.len().min(CHUNK)];
        let pipe = self.0.as_ref().ok_or_else(closed)?;
        pipe.blocking_send(chunk.to_vec()).map_err(|_| closed())?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use super::super::list::FileSelection;
    use super::super::remote_scripts::{AS_OWNER, UNPACK};
    use super::*;

    fn packed(tree: &LocalTree) -> (Result<(), HostErrorKind>, Vec<u8>) {
        let (sender, mut receiver) = mpsc::channel(100);
        let result = pack(tree, &TreeDiff::between(&UploadRecord::default(), tree), "list.once", sender);
        let mut bytes = Vec::new();
        while let Ok(chunk) = receiver.try_recv() {
            bytes.extend(chunk);
        }
        (result, bytes)
    }

    /// True if a directory unpacked from these bytes counts as completely uploaded.
    fn completes(bytes: &[u8]) -> bool {
        let to = tempfile::tempdir().unwrap();
        fs::create_dir(to.path().join(RECORD_DIR)).unwrap();
        let args = ["-c", AS_OWNER, "hostler", UNPACK, to.path().to_str().unwrap(), "print", "once"];
        let mut shell = Command::new("sh").args(args).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // `tar` may fail before it has read all input.
        let _ = shell.stdin.take().unwrap().write_all(bytes);
        let done = shell.wait().unwrap().success();
        assert_eq!(to.path().join(RECORD_DIR).join("fingerprint").exists(), done);
        assert!(!done || (0..3).all(|n| fs::read(to.path().join(n.to_string())).unwrap() == [n; 700]));
        done
    }

    fn three_files() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..3 {
            fs::write(dir.path().join(n.to_string()), [n; 700]).unwrap();
        }
        let root = dir.path().to_owned();
        (dir, root)
    }

    #[test]
    fn truncated_archive_never_counts_as_complete() {
        let (_dir, root) = three_files();
        let (result, bytes) = packed(&LocalTree::read(&root, FileSelection::Source).unwrap());
        result.unwrap();
        assert!(completes(&bytes));
        // The archive ends with the list in one block and two empty blocks.
        let whole = bytes.len() - 2 * 512;
        for cut in (0..whole).step_by(256) {
            assert!(!completes(&bytes[..cut]), "{cut} of {whole}");
        }
    }

    #[test]
    fn archive_with_a_missing_file_gets_no_end() {
        let (_dir, root) = three_files();
        let tree = LocalTree::read(&root, FileSelection::Source).unwrap();
        fs::remove_file(root.join("2")).unwrap();
        let (result, bytes) = packed(&tree);
        assert!(matches!(result, Err(HostErrorKind::LocalFile { path, .. }) if path == root.join("2")));
        assert!(!bytes.ends_with(&[0; 1024]) && !completes(&bytes));
    }
}
