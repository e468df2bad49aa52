//! Lists a local directory with hashes of all files.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hostler_core::hash::hexadecimal;
use ignore::{DirEntry, WalkBuilder};
use sha2::{Digest as _, Sha256};

use crate::host::error::HostErrorKind;

/// Directory of the upload record inside an uploaded tree; neither uploaded nor downloaded.
pub(super) const RECORD_DIR: &str = ".hostler";

/// File with the fingerprint of an uploaded tree, relative to its directory.
pub const FINGERPRINT_FILE: &str = ".hostler/fingerprint";

/// Files of a local directory to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSelection {
    /// All but `.git`, virtual environments, and files ignored by `.gitignore` or `.hostlerignore` (`.skyignore`).
    Source,
    /// All files.
    All,
}

/// Content of a local directory.
pub(super) struct LocalTree {
    /// Path of the directory.
    pub(super) root: PathBuf,
    /// Mode of the directory itself.
    pub(super) mode: u32,
    /// Its entries sorted by path: a directory precedes its content.
    pub(super) entries: Vec<TreeEntry>,
    /// SHA-256 over all marks and paths.
    pub(super) fingerprint: String,
}

/// One file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeEntry {
    /// Path relative to the root, as bytes: file names need not be UTF-8.
    pub(super) path: Vec<u8>,
    /// Type and content, without a space: `d`, `f-SHA256`, `x-SHA256` (executable), `l-SHA256` (of the link target).
    ///
    /// These have the modes 755, 644 and 755. Any other mode is part of the mark: `d700`, `f600-SHA256`. Marks are stored on
    /// the hosts: a change of their meaning makes every tree be sent again.
    pub(super) mark: String,
}

impl LocalTree {
    /// Reads a directory and the content of all its files.
    pub(super) fn read(root: &Path, files: FileSelection) -> Result<Self, HostErrorKind> {
        let mode = directory_mode(root).map_err(|source| unreadable(root, source))?;
        let mut entries = Vec::new();
        for found in walker(root, files).build() {
            let found = found.map_err(|error| unreadable(root, io::Error::other(error)))?;
            if let (false, Some(entry)) = (found.depth() == 0, entry(root, &found)?) {
                entries.push(entry);
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut hash = Sha256::new();
        for entry in &entries {
            hash.update(entry.mark.as_bytes());
            hash.update(b" ");
            hash.update(&entry.path);
            hash.update(b"\0");
        }
        Ok(Self { root: root.to_owned(), mode, entries, fingerprint: hexadecimal(&hash.finalize()) })
    }
}

pub(super) fn walker(root: &Path, files: FileSelection) -> WalkBuilder {
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(false).follow_links(false);
    if files == FileSelection::Source {
        walk.git_ignore(true).require_git(false);
        walk.add_custom_ignore_filename(".skyignore").add_custom_ignore_filename(".hostlerignore");
    }
    walk.filter_entry(move |entry| entry.depth() == 0 || is_included(entry, files));
    walk
}

/// The directory with the upload record is not content.
pub(super) fn is_record(entry: &DirEntry) -> bool {
    entry.depth() == 1 && entry.file_name() == RECORD_DIR
}

fn is_included(entry: &DirEntry, files: FileSelection) -> bool {
    // A virtual environment works only at the path where it was created.
    let is_environment = || entry.path().join("pyvenv.cfg").is_file();
    !is_record(entry) && (files == FileSelection::All || (entry.file_name() != ".git" && !is_environment()))
}

fn entry(root: &Path, found: &DirEntry) -> Result<Option<TreeEntry>, HostErrorKind> {
    let path = found.path();
    let relative = path.strip_prefix(root).unwrap_or(path);
    let mark = match found.file_type() {
        Some(kind) if kind.is_dir() => match directory_mode(path).map_err(|source| unreadable(path, source))? {
            DIRECTORY => "d".to_owned(),
            mode => format!("d{mode:o}"),
        },
        Some(kind) if kind.is_symlink() => {
            let target = path.read_link().map_err(|source| unreadable(path, source))?;
            format!("l-{}", hexadecimal(&Sha256::digest(target.as_os_str().as_bytes())))
        }
        Some(kind) if kind.is_file() => match FileDigest::of(path)? {
            FileDigest { sha256, mode: PLAIN, .. } => format!("f-{sha256}"),
            FileDigest { sha256, mode: EXECUTABLE, .. } => format!("x-{sha256}"),
            FileDigest { sha256, mode, .. } => format!("f{mode:o}-{sha256}"),
        },
        // Sockets, pipes and devices are skipped.
        _ => return Ok(None),
    };
    Ok(Some(TreeEntry { path: relative.as_os_str().as_bytes().to_vec(), mark }))
}

const DIRECTORY: u32 = 0o755;
const EXECUTABLE: u32 = 0o755;
const PLAIN: u32 = 0o644;

/// Hash, length and mode of a file.
pub(super) struct FileDigest {
    pub(super) sha256: String,
    /// Number of bytes hashed.
    pub(super) length: u64,
    pub(super) mode: u32,
}

impl FileDigest {
    pub(super) fn of(path: &Path) -> Result<Self, HostErrorKind> {
        let read = || -> io::Result<_> {
            let mut file = File::open(path)?;
            let mode = file_mode(&file.metadata()?);
            let mut hash = Sha256::new();
            let mut length = 0;
            let mut buffer = vec![0; 128 * 1024];
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    return Ok(Self { sha256: hexadecimal(&hash.finalize()), length, mode });
                }
                hash.update(&buffer[..read]);
                length += read as u64;
            }
        };
        read().map_err(|source| unreadable(path, source))
    }
}

pub(super) fn file_mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o777
}

/// Mode of a directory on the host. The owner may always write, or the next file could not be created in it.
pub(super) fn directory_mode(path: &Path) -> io::Result<u32> {
    Ok(path.symlink_metadata()?.mode() & 0o777 | 0o700)
}

/// Local path of an entry.
pub(super) fn local_path(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> HostErrorKind {
    HostErrorKind::LocalFile { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(root: &Path, files: FileSelection) -> Vec<String> {
        let tree = LocalTree::read(root, files).unwrap();
        tree.entries.iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect()
    }

    #[test]
    fn ignored_files_are_not_source() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for path in [".git/HEAD", "a.py", "out.log", ".hidden", "env/pyvenv.cfg", "env/lib/x.py", "sub/secret.txt"] {
            write(path, "x");
        }
        write(".gitignore", "*.log\n");
        write("sub/.hostlerignore", "secret.txt\n");
        write(".hostler/list", "x");
        assert_eq!(
            names(dir.path(), FileSelection::Source),
            [".gitignore", ".hidden", "a.py", "sub", "sub/.hostlerignore"]
        );
        assert_eq!(names(dir.path(), FileSelection::All).len(), 13);
    }

    #[test]
    fn fingerprint_covers_contents_links_and_modes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        let print = || LocalTree::read(dir.path(), FileSelection::Source).unwrap().fingerprint;
        let mut seen = vec![print()];
        let mut differs = |print: String| {
            assert!(!seen.contains(&print));
            seen.push(print);
        };
        fs::write(&file, "1").unwrap();
        differs(print());
        fs::write(&file, "2").unwrap();
        differs(print());
        for mode in [0o755, 0o700, 0o600, 0o444] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            differs(print());
        }
        fs::create_dir(dir.path().join("d")).unwrap();
        for mode in [0o755, 0o700] {
            fs::set_permissions(dir.path().join("d"), Permissions::from_mode(mode)).unwrap();
            differs(print());
        }
        std::os::unix::fs::symlink("/etc", dir.path().join("l")).unwrap();
        differs(print());
        assert_eq!(print(), print());
    }

    #[test]
    fn marks_of_common_modes_stay_compatible() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("a", 0o644), ("b", 0o755), ("c", 0o600)] {
            fs::write(dir.path().join(name), "").unwrap();
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::set_permissions(dir.path().join("d"), Permissions::from_mode(0o755)).unwrap();
        let tree = LocalTree::read(dir.path(), FileSelection::Source).unwrap();
        let empty = hexadecimal(&Sha256::digest(b""));
        let marks: Vec<&str> = tree.entries.iter().map(|entry| entry.mark.as_str()).collect();
        assert_eq!(marks, [&format!("f-{empty}"), &format!("x-{empty}"), &format!("f600-{empty}"), "d"]);
    }
}
