//! From a tree to a stream.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::list::{Tree, local_path, unreadable};
use super::meta::Meta;
use super::record::{Change, Record};
use super::{RECORD, Trouble};

/// Packs what changed as a tar archive, with the new list of the whole tree in it.
pub(super) fn pack(tree: &Tree, change: &Change, sender: mpsc::Sender<Vec<u8>>) -> Result<(), Trouble> {
    let mut archive = Builder::new(BufWriter::with_capacity(CHUNK, Sender(sender)));
    let gone = |_| Trouble::Lost(None);
    let list = Record::of(tree);
    let mut header = header(EntryType::Regular, 0o644, list.len() as u64);
    archive.append_data(&mut header, format!("{RECORD}/list.next"), list.as_slice()).map_err(gone)?;
    for entry in change.changed.iter().filter_map(|index| tree.entries.get(*index)) {
        let path = local_path(&tree.root, &entry.path);
        let name = local_path(Path::new(""), &entry.path);
        append(&mut archive, &path, &name, &entry.mark).map_err(|source| unreadable(&path, source))?;
    }
    archive.into_inner().and_then(|mut writer| writer.flush()).map_err(gone)
}

/// Packs entries of a directory as they are: their modes, and the times of their last change to the nanosecond.
pub(super) fn pack_as_is<'e>(
    root: &Path,
    entries: impl Iterator<Item = (&'e [u8], &'e Meta)>,
    sender: mpsc::Sender<Vec<u8>>,
) -> Result<(), Trouble> {
    let mut archive = Builder::new(BufWriter::with_capacity(CHUNK, Sender(sender)));
    for (path, meta) in entries {
        let (name, path) = (local_path(Path::new(""), path), local_path(root, path));
        append_as_is(&mut archive, &path, &name, meta).map_err(|source| unreadable(&path, source))?;
    }
    archive.into_inner().and_then(|mut writer| writer.flush()).map_err(|_| Trouble::Lost(None))
}

fn append_as_is<W: Write>(archive: &mut Builder<W>, path: &Path, name: &Path, meta: &Meta) -> io::Result<()> {
    match meta {
        Meta::Directory => archive.append_data(&mut header(EntryType::Directory, 0o755, 0), name, io::empty()),
        Meta::Link { .. } => archive.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, path.read_link()?),
        Meta::File { mode, modified: (seconds, nanoseconds), .. } => {
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
        Some(b'd') => archive.append_data(&mut header(EntryType::Directory, 0o755, 0), name, io::empty()),
        Some(b'l') => archive.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, path.read_link()?),
        kind => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let mode = if kind == Some(&b'x') { 0o755 } else { 0o644 };
            let mut header = header(EntryType::Regular, mode, metadata.len());
            let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            header.set_mtime(modified.unwrap_or_default().as_secs());
            archive.append_data(&mut header, name, Exactly { file, left: metadata.len() })
        }
    }
}

/// A header without owner: what it is unpacked as belongs to whoever unpacks.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header
}

/// Exactly as many bytes as the header said, or an error: an archive can't take back a size.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.file.read(&mut buffer[..room])?;
        if n == 0 && room > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// Sends a file as it is.
pub(super) fn stream(path: &Path, sender: mpsc::Sender<Vec<u8>>) -> Result<(), Trouble> {
    let copy = || -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(CHUNK, Sender(sender));
        io::copy(&mut File::open(path)?, &mut writer)?;
        writer.flush()
    };
    copy().map_err(|source| unreadable(path, source))
}

/// The writing end of a channel's pipe. It waits while the other side is slow: memory stays bounded.
struct Sender(mpsc::Sender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = &bytes[..bytes.len().min(CHUNK)];
        self.0.blocking_send(chunk.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
