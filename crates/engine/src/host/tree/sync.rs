//! Makes one directory like another: lists both sides, the remote one with a single query, and sends the differences.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::disk::{directory, large_directories_to_skip, remove};
use super::filter::{ProtectedPaths, SyncFilter};
use super::list::{FileDigest, FileSelection, local_path, unreadable};
use super::meta::{self, DirListing, EntryMeta, LIST, RemoteListing};
use super::record::{PathKind, deletion_list, invalidated, nul_list};
use super::remote::{ask, both_ends, pipe, prepare};
use super::remote_scripts::{AS_OWNER, CREATING, DELETE};
use super::{pack, unpack};
use crate::blocking::blocking;
use crate::host::connection::SshConnection;
use crate::host::error::HostErrorKind;
use crate::host::quote::remote_path;
use crate::host::run::{Pipe, nonce};

/// Options of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOptions {
    /// Local files to consider. A sync down considers everything but `.git`.
    pub files: FileSelection,
    /// Patterns as in `.gitignore`: matching files are left alone on both sides.
    pub exclude: Vec<String>,
    /// Comparison of files.
    pub compare: Compare,
    /// Treatment of files that only the changed side has.
    pub extra: ExtraFiles,
    /// Apply or dry run.
    pub mode: SyncMode,
}

/// Comparison of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Size, mode and modification time.
    SizeAndTime,
    /// Mode and content, which both sides read in full.
    Content,
}

/// Treatment of files that only the changed side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraFiles {
    /// Keep them.
    Keep,
    /// Delete them.
    Delete,
}

/// Apply or dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Report the changes only.
    DryRun,
    /// Make the changes.
    Apply,
}

/// Changes that a sync made, or would make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Paths sent, as text for display.
    pub sent: Vec<String>,
    /// Paths deleted.
    pub deleted: Vec<String>,
    /// Number of entries that were equal.
    pub unchanged: usize,
    /// Paths not downloaded: devices, and links that lead out of the directory.
    pub skipped: Vec<String>,
}

const UNPACK: &str = r#"exec tar -C "$1" -xpof -"#;
const RECORDED: &str =
    r#"cd "$1/.hostler" && { test -e list || test -e fingerprint; } && echo recorded && cat list; exit 0"#;
const SET_FINGERPRINT: &str = r#"printf %s "$2" >"$1/.hostler/fingerprint""#;
const PACK: &str = r#"cd "$1" && exec tar --format=posix --null --no-recursion --verbatim-files-from -T - -cf -"#;
const HASH: &str = r#"cd "$1" && exec xargs -0r sha256sum -z --"#;

/// Changes to make.
#[derive(Debug, Default)]
struct SyncDiff {
    changed: Vec<Vec<u8>>,
    deleted_files: Vec<Vec<u8>>,
    deleted_directories: Vec<Vec<u8>>,
    unchanged: usize,
}

/// Makes a remote directory like a local one.
pub(in crate::host) async fn sync_up(
    c: &SshConnection,
    from: &Path,
    to: &str,
    options: &SyncOptions,
) -> Result<SyncReport, HostErrorKind> {
    let dir = remote_path(to);
    let (from, files, exclude) = (from.to_owned(), options.files, options.exclude.clone());
    let (root, mode, filter) = blocking(move || {
        let (root, mode) = directory(&from)?;
        let filter = SyncFilter::new(&root, files, &exclude)?;
        Ok::<_, HostErrorKind>((root, mode, filter))
    })
    .await?;
    let Listings { mine, theirs, has_record, protected } = list_both(c, &root, &dir, filter).await?;
    let mut difference = differ(&mine, &theirs, options, |path, is_directory| protected.contains(path, is_directory))?;
    if options.compare == Compare::Content {
        let same = same_content(c, &root, &dir, &mine, &theirs).await?;
        difference.apply_content(&same);
    }
    if options.mode == SyncMode::Apply && !difference.is_none() {
        let recorded = has_record && invalidate_record(c, &dir, mode, &mine, &difference).await?;
        for (what, paths) in [("files", &difference.deleted_files), ("directories", &difference.deleted_directories)] {
            if !paths.is_empty() {
                ask("rm", AS_OWNER, c, &[DELETE, &dir, what], deletion_list(paths)).await?;
            }
        }
        if !difference.changed.is_empty() {
            send(c, root, &dir, mode, mine, difference.changed.clone()).await?;
        }
        if recorded {
            // A fingerprint of no tree, so that phases that depend on the tree run again, once.
            ask("printf", AS_OWNER, c, &[SET_FINGERPRINT, &dir, &format!("sync-{}", nonce())], Vec::new()).await?;
        }
    }
    Ok(difference.report(Vec::new()))
}

/// Invalidates the upload record of a directory before a sync changes it: the changed paths will be uploaded again. False if
/// there is no record.
async fn invalidate_record(
    c: &SshConnection,
    dir: &str,
    mode: u32,
    mine: &DirListing,
    difference: &SyncDiff,
) -> Result<bool, HostErrorKind> {
    let answer = ask("cat", AS_OWNER, c, &[RECORDED, dir], Vec::new()).await?;
    let Some(list) = answer.strip_prefix(b"recorded\n") else { return Ok(false) };
    let kind = |path: &Vec<u8>| mine.get(path).map_or(PathKind::Other, EntryMeta::kind);
    let changed = difference.changed.iter().map(|path| (path.as_slice(), kind(path)));
    let deleted = difference.deleted_files.iter().map(|path| (path.as_slice(), PathKind::Other));
    let deleted =
        deleted.chain(difference.deleted_directories.iter().map(|path| (path.as_slice(), PathKind::Directory)));
    // An entry deleted and sent again as another type ends up with the latter.
    let interim = invalidated(list, deleted.chain(changed));
    prepare(c, dir, mode, interim).await?;
    Ok(true)
}

/// Makes a local directory like a remote one.
pub(in crate::host) async fn sync_down(
    c: &SshConnection,
    from: &str,
    to: &Path,
    options: &SyncOptions,
) -> Result<SyncReport, HostErrorKind> {
    let dir = remote_path(from);
    let root = std::path::absolute(to).map_err(|source| unreadable(to, source))?;
    let filter = SyncFilter::new(&root, options.files, &options.exclude)?;
    let Listings { mine, theirs, protected, .. } = list_both(c, &root, &dir, filter).await?;
    if theirs.is_empty() {
        // An empty directory and a missing one look alike: fail on the latter.
        ask("cd", r#"cd "$1""#, c, &[&dir], Vec::new()).await?;
    }
    let theirs: DirListing =
        theirs.into_iter().filter(|(path, meta)| !protected.contains(path, meta.is_directory())).collect();
    let mut difference = differ(&theirs, &mine, options, |path, is_directory| protected.contains(path, is_directory))?;
    if options.compare == Compare::Content {
        let same = same_content(c, &root, &dir, &mine, &theirs).await?;
        difference.apply_content(&same);
    }
    let mut skipped = Vec::new();
    if options.mode == SyncMode::Apply {
        let (files, directories) = (difference.deleted_files.clone(), difference.deleted_directories.clone());
        let here = root.clone();
        blocking(move || remove(&here, &files, &directories)).await?;
        if !difference.changed.is_empty() {
            skipped = fetch(c, &dir, &root, &difference.changed).await?;
        }
    }
    Ok(difference.report(skipped))
}

/// Both sides of a sync.
struct Listings {
    mine: DirListing,
    theirs: DirListing,
    /// True if an upload has left its record on the host.
    has_record: bool,
    protected: ProtectedPaths,
}

/// Lists both sides concurrently.
async fn list_both(c: &SshConnection, root: &Path, dir: &str, filter: SyncFilter) -> Result<Listings, HostErrorKind> {
    let here = root.to_owned();
    // List a large directory on the other side only if it exists at the top of this one.
    let skipped = blocking(move || large_directories_to_skip(&here)).await;
    let here = root.to_owned();
    let listing = blocking(move || Ok::<_, HostErrorKind>((filter.list(&here)?, filter)));
    let args: Vec<&str> = std::iter::once(dir).chain(skipped).collect();
    let (mine, theirs) = tokio::join!(listing, ask("find", LIST, c, &args, Vec::new()));
    let ((mine, filter), RemoteListing { listing: theirs, has_record }) = (mine?, meta::remote(&theirs?));
    blocking(move || {
        let protected = filter.protected(&mine, &theirs);
        Ok(Listings { mine, theirs, has_record, protected })
    })
    .await
}

/// Differences that make the `changed` side like the `wanted` one.
fn differ(
    wanted: &DirListing,
    changed: &DirListing,
    options: &SyncOptions,
    is_protected: impl Fn(&[u8], bool) -> bool,
) -> Result<SyncDiff, HostErrorKind> {
    let mut difference = SyncDiff::default();
    for (path, meta) in wanted {
        match changed.get(path) {
            Some(existing) if existing.is_same_as(meta) => difference.unchanged += 1,
            Some(existing) if existing.is_directory() != meta.is_directory() && options.extra == ExtraFiles::Keep => {
                return Err(HostErrorKind::KindConflict(String::from_utf8_lossy(path).into_owned()));
            }
            _ => difference.changed.push(path.clone()),
        }
    }
    let is_extra = |(path, meta): &(&Vec<u8>, &EntryMeta)| match wanted.get(*path) {
        Some(wanted) => wanted.is_directory() != meta.is_directory(),
        None => !is_protected(path, meta.is_directory()),
    };
    if options.extra == ExtraFiles::Delete {
        for (path, meta) in changed.iter().rev().filter(is_extra) {
            let deleted =
                if meta.is_directory() { &mut difference.deleted_directories } else { &mut difference.deleted_files };
            deleted.push(path.clone());
        }
    }
    Ok(difference)
}

impl SyncDiff {
    fn is_none(&self) -> bool {
        self.changed.is_empty() && self.deleted_files.is_empty() && self.deleted_directories.is_empty()
    }

    /// Removes files found to have equal content, and adds files with equal metadata but different content.
    fn apply_content(&mut self, (same, other): &(BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>)) {
        let before = self.changed.len();
        self.changed.retain(|path| !same.contains(path));
        self.unchanged += before - self.changed.len();
        let unseen: Vec<Vec<u8>> = other.iter().filter(|path| !self.changed.contains(path)).cloned().collect();
        self.unchanged -= unseen.len();
        self.changed.extend(unseen);
        self.changed.sort();
    }

    fn report(&self, skipped: Vec<String>) -> SyncReport {
        let text = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
        SyncReport {
            sent: self.changed.iter().map(text).collect(),
            deleted: self.deleted_files.iter().chain(&self.deleted_directories).map(text).collect(),
            unchanged: self.unchanged,
            skipped,
        }
    }
}

/// Splits the files that may be equal into those with equal and those with different content.
async fn same_content(
    c: &SshConnection,
    root: &Path,
    dir: &str,
    mine: &DirListing,
    theirs: &DirListing,
) -> Result<(BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>), HostErrorKind> {
    let alike = |(path, meta): &(&Vec<u8>, &EntryMeta)| theirs.get(*path).is_some_and(|its| its.may_equal(meta));
    let paths: Vec<Vec<u8>> = mine.iter().filter(alike).map(|(path, _)| path.clone()).collect();
    let names = nul_list(&paths);
    let root = root.to_owned();
    let here = blocking(move || {
        let digest = |path: Vec<u8>| Ok((FileDigest::of(&local_path(&root, &path))?.sha256, path));
        paths.into_iter().map(digest).collect::<Result<Vec<(String, Vec<u8>)>, HostErrorKind>>()
    });
    let args = [dir];
    let (here, there) = tokio::join!(here, ask("sha256sum", HASH, c, &args, names));
    let there = there?;
    let there: BTreeSet<&[u8]> = there.split(|byte| *byte == 0).collect();
    let is_same = |(hash, path): &(String, Vec<u8>)| {
        there.contains([hash.as_bytes(), b"  ./", path.as_slice()].concat().as_slice())
    };
    let (same, other): (Vec<_>, Vec<_>) = here?.into_iter().partition(is_same);
    let paths = |pairs: Vec<(String, Vec<u8>)>| pairs.into_iter().map(|(_, path)| path).collect();
    Ok((paths(same), paths(other)))
}

async fn send(
    c: &SshConnection,
    root: PathBuf,
    dir: &str,
    mode: u32,
    mine: DirListing,
    changed: Vec<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    let (sender, receiver) = mpsc::channel(16);
    let packing = blocking(move || {
        let entries = changed.iter().filter_map(|path| Some((path.as_slice(), mine.get(path)?)));
        pack::pack_exact(&root, entries, sender)
    });
    let mode = format!("{mode:o}");
    let args = [UNPACK, dir, mode.as_str()];
    let (packed, unpacked) = tokio::join!(packing, pipe("tar", CREATING, &args, c, receiver));
    both_ends(packed, unpacked)
}

async fn fetch(c: &SshConnection, dir: &str, root: &Path, changed: &[Vec<u8>]) -> Result<Vec<String>, HostErrorKind> {
    let (names, receiver) = mpsc::channel(1);
    let (sink, source) = mpsc::channel(16);
    let to = root.to_owned();
    let unpacking = blocking(move || unpack::unpack(source, &to));
    let args = [dir];
    let program = Pipe { program: "tar", script: PACK, args: &args };
    let feeding = async move {
        // A program that ended early reads no input: its exit status says why.
        drop(names.send(nul_list(changed)).await);
    };
    let ((), unpacked, packed) = tokio::join!(feeding, unpacking, program.run(c, receiver, sink));
    match (unpacked, packed) {
        (Err(unsafe_name @ HostErrorKind::UnsafePath(_)), _) => Err(unsafe_name),
        (_, Err(theirs)) => Err(theirs),
        (unpacked, Ok(())) => Ok(unpacked?.skipped),
    }
}
