//! What stands at both sides of a sync, by what is told of files without reading them.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::HostErrorKind;
use super::list::unreadable;
use super::record::{PathKind, is_inside};
use super::rules::SyncFilter;

/// Everything below a directory, by path. A directory stands before what it holds.
pub(super) type DirListing = BTreeMap<Vec<u8>, EntryMeta>;

/// What a file, directory or link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryMeta {
    Directory,
    File {
        size: u64,
        /// In seconds and nanoseconds.
        modified: (i64, u32),
        /// Who may read, write and execute it.
        mode: u32,
    },
    Link {
        target: Vec<u8>,
    },
}

impl EntryMeta {
    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Self::Directory)
    }

    pub(super) fn kind(&self) -> PathKind {
        if self.is_directory() { PathKind::Directory } else { PathKind::Other }
    }

    /// Whether both look the same from outside. A side whose clock has whole seconds only doesn't differ by a fraction.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { size, modified, mode }, Self::File { size: its_size, modified: its, mode: its_mode }) => {
                let whole = modified.1 == 0 || its.1 == 0;
                size == its_size && mode == its_mode && modified.0 == its.0 && (whole || modified.1 == its.1)
            }
            (mine, its) => mine == its,
        }
    }

    /// Whether both are files of one size, so that only their content can tell them apart.
    pub(super) fn may_hold_the_same(&self, other: &Self) -> bool {
        let (Self::File { size, mode, .. }, Self::File { size: its_size, mode: its_mode, .. }) = (self, other) else {
            return false;
        };
        size == its_size && mode == its_mode
    }

    fn of(path: &Path, metadata: &Metadata) -> io::Result<Option<Self>> {
        let kind = metadata.file_type();
        Ok(if kind.is_dir() {
            Some(Self::Directory)
        } else if kind.is_symlink() {
            Some(Self::Link { target: path.read_link()?.as_os_str().as_bytes().to_vec() })
        } else if kind.is_file() {
            let modified = (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0));
            Some(Self::File { size: metadata.len(), modified, mode: metadata.permissions().mode() & 0o777 })
        } else {
            // Sockets, pipes and devices are no content.
            None
        })
    }
}

/// Lists a local directory; one that isn't there is empty.
pub(super) fn local(root: &Path, rules: &SyncFilter) -> Result<DirListing, HostErrorKind> {
    let mut listing = DirListing::new();
    if !root.exists() {
        return Ok(listing);
    }
    for found in rules.walk(root)? {
        let found = found.map_err(|error| unreadable(root, io::Error::other(error)))?;
        let path = found.path();
        let relative = path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes().to_vec();
        let metadata = found.metadata().map_err(|error| unreadable(path, io::Error::other(error)))?;
        let meta = EntryMeta::of(path, &metadata).map_err(|source| unreadable(path, source))?;
        if let (false, Some(meta)) = (relative.is_empty(), meta) {
            listing.insert(relative, meta);
        }
    }
    Ok(listing)
}

/// Lists a remote directory: `$1`. Further parameters are names of directories that nothing is asked of.
///
/// Of each thing: kind, mode, size, time, path, and a link's target. Of a put's record only that there is one.
pub(super) const LIST: &str = r#"cd "$1" 2>/dev/null || exit 0; shift; for name; do set -- "$@" -name "$name" -type d -prune -o; shift; done; exec find . -mindepth 1 -path ./.hostler -prune -printf 'record\0\0' -o "$@" -printf '%y %m %s %T@ %P\0%l\0'"#;

/// A remote directory.
#[derive(Debug, Default)]
pub(super) struct RemoteListing {
    pub(super) listing: DirListing,
    /// Whether a put may have left its record there.
    pub(super) has_record: bool,
}

/// Reads what [`LIST`] says. What isn't understood is passed over: it is sent again, and never deleted.
pub(super) fn remote(text: &[u8]) -> RemoteListing {
    let mut remote = RemoteListing::default();
    let mut parts = text.split(|byte| *byte == 0);
    while let (Some(line), Some(target)) = (parts.next(), parts.next()) {
        if line == b"record" {
            remote.has_record = true;
        } else if let Some((path, meta)) = read(line, target)
            && is_inside(path)
        {
            remote.listing.insert(path.to_vec(), meta);
        }
    }
    remote
}

fn read<'l>(line: &'l [u8], target: &[u8]) -> Option<(&'l [u8], EntryMeta)> {
    let mut words = line.splitn(5, |byte| *byte == b' ');
    let mut text = || std::str::from_utf8(words.next()?).ok();
    let (kind, mode, size, time) = (text()?, text()?, text()?, text()?);
    let path = words.next()?;
    let meta = match kind {
        "d" => EntryMeta::Directory,
        "l" => EntryMeta::Link { target: target.to_vec() },
        "f" => {
            let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
            let nanoseconds: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
            let modified = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
            let mode = u32::from_str_radix(mode, 8).ok()? & 0o777;
            EntryMeta::File { size: size.parse().ok()?, modified, mode }
        }
        _ => return None,
    };
    Some((path, meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_listing_is_read_whatever_files_are_called() {
        let text = b"record\0\0f 644 5 1700000000.5000000000 a b\n\xff\0\0d 755 4096 1.0 d\0\0l 777 1 1.0 d/l\0../x y\0p 1 1 1.0 fifo\0\0";
        let RemoteListing { listing, has_record } = remote(text);
        let file = EntryMeta::File { size: 5, modified: (1_700_000_000, 500_000_000), mode: 0o644 };
        assert_eq!(listing.get(b"a b\n\xff".as_slice()), Some(&file));
        assert_eq!(listing.get(b"d/l".as_slice()), Some(&EntryMeta::Link { target: b"../x y".to_vec() }));
        assert_eq!((listing.len(), has_record), (3, true));
    }

    #[test]
    fn names_that_lead_out_are_not_in_the_list() {
        let text = b"f 644 5 1.0 ../x\0\0f 644 5 1.0 /etc/passwd\0\0f 644 5 1.0 a//b\0\0nonsense\0\0";
        assert!(remote(text).listing.is_empty());
    }

    #[test]
    fn a_clock_of_whole_seconds_makes_no_difference() {
        let file = |nanoseconds, size| EntryMeta::File { size, modified: (7, nanoseconds), mode: 0o644 };
        assert!(file(5, 1).looks_like(&file(0, 1)) && file(5, 1).looks_like(&file(5, 1)));
        assert!(!file(5, 1).looks_like(&file(6, 1)) && !file(5, 1).looks_like(&file(5, 2)));
    }
}
