//! Metadata of the files on both sides of a sync, without their content.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::record::{PathKind, is_inside};

/// Everything below a directory, by path. A directory precedes its content.
pub(super) type DirListing = BTreeMap<Vec<u8>, EntryMeta>;

/// Metadata of a file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryMeta {
    Directory,
    File {
        size: u64,
        /// Seconds and nanoseconds since the epoch.
        modified: (i64, u32),
        /// Permission bits.
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

    /// True if both have equal metadata. If one side stores whole seconds only, fractions are ignored.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { size, modified, mode }, Self::File { size: its_size, modified: its, mode: its_mode }) => {
                let whole = modified.1 == 0 || its.1 == 0;
                size == its_size && mode == its_mode && modified.0 == its.0 && (whole || modified.1 == its.1)
            }
            (mine, its) => mine == its,
        }
    }

    /// True for two files of equal size and mode, which only their content can tell apart.
    pub(super) fn may_equal(&self, other: &Self) -> bool {
        let (Self::File { size, mode, .. }, Self::File { size: its_size, mode: its_mode, .. }) = (self, other) else {
            return false;
        };
        size == its_size && mode == its_mode
    }

    pub(super) fn of(path: &Path, metadata: &Metadata) -> io::Result<Option<Self>> {
        let kind = metadata.file_type();
        Ok(if kind.is_dir() {
            Some(Self::Directory)
        } else if kind.is_symlink() {
            Some(Self::Link { target: path.read_link()?.as_os_str().as_bytes().to_vec() })
        } else if kind.is_file() {
            let modified = (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0));
            Some(Self::File { size: metadata.len(), modified, mode: metadata.permissions().mode() & 0o777 })
        } else {
            // Sockets, pipes and devices are skipped.
            None
        })
    }
}

/// Lists the remote directory `$1`. Further parameters are names of directories to skip.
///
/// Prints type, mode, size, time, path and link target of each entry, and `record` if an upload record exists.
pub(super) const LIST: &str = r#"cd "$1" 2>/dev/null || exit 0; shift; for name; do set -- "$@" -name "$name" -type d -prune -o; shift; done; exec find . -mindepth 1 -path ./.hostler -prune -printf 'record\0\0' -o "$@" -printf '%y %m %s %T@ %P\0%l\0'"#;

/// Content of a remote directory.
#[derive(Debug, Default)]
pub(super) struct RemoteListing {
    pub(super) listing: DirListing,
    /// True if an upload has left its record in the directory.
    pub(super) has_record: bool,
}

/// Parses the output of [`LIST`]. Entries that can't be parsed are ignored: they are sent again and never deleted.
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
    fn remote_listing_is_parsed_with_any_file_name() {
        let text = b"record\0\0f 644 5 1700000000.5000000000 a b\n\xff\0\0d 755 4096 1.0 d\0\0l 777 1 1.0 d/l\0../x y\0p 1 1 1.0 fifo\0\0";
        let RemoteListing { listing, has_record } = remote(text);
        let file = EntryMeta::File { size: 5, modified: (1_700_000_000, 500_000_000), mode: 0o644 };
        assert_eq!(listing.get(b"a b\n\xff".as_slice()), Some(&file));
        assert_eq!(listing.get(b"d/l".as_slice()), Some(&EntryMeta::Link { target: b"../x y".to_vec() }));
        assert_eq!((listing.len(), has_record), (3, true));
    }

    #[test]
    fn unsafe_paths_are_ignored() {
        let text = b"f 644 5 1.0 ../x\0\0f 644 5 1.0 /etc/passwd\0\0f 644 5 1.0 a//b\0\0nonsense\0\0";
        assert!(remote(text).listing.is_empty());
    }

    #[test]
    fn whole_second_times_compare_equal() {
        let file = |nanoseconds, size| EntryMeta::File { size, modified: (7, nanoseconds), mode: 0o644 };
        assert!(file(5, 1).is_same_as(&file(0, 1)) && file(5, 1).is_same_as(&file(5, 1)));
        assert!(!file(5, 1).is_same_as(&file(6, 1)) && !file(5, 1).is_same_as(&file(5, 2)));
    }
}
