//! Making one directory like another, by sending what differs: what both sides have is listed first, in one question.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::list::{FileDigest, directory_mode, local_path, unreadable};
use super::meta::{self, DirListing, EntryMeta, LIST, RemoteListing};
use super::place::{AS_OWNER, DELETE, MAKING};
use super::record::{PathKind, gone_list, nul_list, unsettled};
use super::rules::SyncFilter;
use super::{FileSelection, HostErrorKind, ask, both_ends, local, pack, pipe, prepare, unpack};
use crate::host::connection::Connection;
use crate::host::quote::remote_path;
use crate::host::run::{Pipe, nonce};

/// How a directory is made like another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOptions {
    /// Which of the local side's files count. On the way down, everything but `.git`.
    pub files: FileSelection,
    /// Patterns as in `.gitignore`: what they match is left alone at both sides.
    pub exclude: Vec<String>,
    /// How it is told that a file differs.
    pub compare: Compare,
    /// What becomes of what only the other side has.
    pub extra: ExtraFiles,
    /// Whether it is done, or only looked at.
    pub mode: SyncMode,
}

/// How it is told that a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// By its size, its mode and the time of its last change.
    SizeAndTime,
    /// By its mode and its content, which both sides read.
    Content,
}

/// What becomes of what only the side that is changed has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraFiles {
    /// It stays.
    Keep,
    /// It is deleted.
    Delete,
}

/// Whether it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Only looked at.
    DryRun,
    /// Done.
    Apply,
}

/// What a sync did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// What was sent, for the user's eyes.
    pub sent: Vec<String>,
    /// What was deleted.
    pub deleted: Vec<String>,
    /// How many were as they should be.
    pub unchanged: usize,
    /// What was left where it is: devices, and links that lead out of the directory.
    pub skipped: Vec<String>,
}

const UNPACK: &str = r#"exec tar -C "$1" -xpof -"#;
const RECORDED: &str =
    r#"cd "$1/.hostler" && { test -e list || test -e fingerprint; } && echo recorded && cat list; exit 0"#;
const SETTLE: &str = r#"printf %s "$2" >"$1/.hostler/fingerprint""#;
const PACK: &str = r#"cd "$1" && exec tar --format=posix --null --no-recursion --verbatim-files-from -T - -cf -"#;
const HASH: &str = r#"cd "$1" && exec xargs -0r sha256sum -z --"#;

/// Directories of which the other side often has many files, and this one none.
const HEAPS: [&str; 4] = [".git", ".venv", "node_modules", "__pycache__"];

/// What has to be done.
#[derive(Debug, Default)]
struct SyncDiff {
    changed: Vec<Vec<u8>>,
    gone_files: Vec<Vec<u8>>,
    gone_directories: Vec<Vec<u8>>,
    unchanged: usize,
}

/// Makes a remote directory like a local one.
pub(in crate::host) async fn up(
    c: &Connection,
    from: &Path,
    to: &str,
    sync: &SyncOptions,
) -> Result<SyncReport, HostErrorKind> {
    let root = from.canonicalize().map_err(|source| unreadable(from, source))?;
    if !root.is_dir() {
        return Err(unreadable(&root, ErrorKind::NotADirectory.into()));
    }
    let dir = remote_path(to);
    let rules = SyncFilter::new(&root, sync.files, &sync.exclude)?;
    let ((mine, rules), RemoteListing { listing: theirs, has_record }) = both(c, &root, &dir, rules).await?;
    let protected = rules.protected(&mine, &theirs);
    let mut difference = differ(&mine, &theirs, sync, |path, is_directory| protected.contains(path, is_directory))?;
    if sync.compare == Compare::Content {
        let same = same_content(c, &root, &dir, &mine, &theirs).await?;
        difference.settle(&same);
    }
    if sync.mode == SyncMode::Apply && !difference.is_none() {
        let mode = directory_mode(&root).map_err(|source| unreadable(&root, source))?;
        let recorded = has_record && unsettle(c, &dir, mode, &mine, &difference).await?;
        for (what, paths) in [("files", &difference.gone_files), ("directories", &difference.gone_directories)] {
            if !paths.is_empty() {
                ask("rm", AS_OWNER, c, &[DELETE, &dir, what], gone_list(paths)).await?;
            }
        }
        if !difference.changed.is_empty() {
            send(c, root, &dir, mode, mine, difference.changed.clone()).await?;
        }
        if recorded {
            // No tree's fingerprint, so that whatever was made of the tree is made again, once.
            ask("printf", AS_OWNER, c, &[SETTLE, &dir, &format!("sync-{}", nonce())], Vec::new()).await?;
        }
    }
    Ok(difference.told(Vec::new()))
}

/// Before a sync changes a put directory: its record says that it is no tree we know, and that what will change is to be
/// put again. Answers whether there is a record.
async fn unsettle(
    c: &Connection,
    dir: &str,
    mode: u32,
    mine: &DirListing,
    difference: &SyncDiff,
) -> Result<bool, HostErrorKind> {
    let answer = ask("cat", AS_OWNER, c, &[RECORDED, dir], Vec::new()).await?;
    let Some(list) = answer.strip_prefix(b"recorded\n") else { return Ok(false) };
    let kind = |path: &Vec<u8>| mine.get(path).map_or(PathKind::Other, EntryMeta::kind);
    let changed = difference.changed.iter().map(|path| (path.as_slice(), kind(path)));
    let gone = difference.gone_files.iter().map(|path| (path.as_slice(), PathKind::Other));
    let gone = gone.chain(difference.gone_directories.iter().map(|path| (path.as_slice(), PathKind::Directory)));
    // What is deleted and sent again as another kind is of that one in the end.
    let interim = unsettled(list, gone.chain(changed));
    prepare(c, dir, mode, interim).await?;
    Ok(true)
}

/// Makes a local directory like a remote one.
pub(in crate::host) async fn down(
    c: &Connection,
    from: &str,
    to: &Path,
    sync: &SyncOptions,
) -> Result<SyncReport, HostErrorKind> {
    let dir = remote_path(from);
    let root = std::path::absolute(to).map_err(|source| unreadable(to, source))?;
    let rules = SyncFilter::new(&root, sync.files, &sync.exclude)?;
    let ((mine, rules), RemoteListing { listing: theirs, .. }) = both(c, &root, &dir, rules).await?;
    if theirs.is_empty() {
        ask("cd", r#"cd "$1""#, c, &[&dir], Vec::new()).await?;
    }
    let protected = rules.protected(&mine, &theirs);
    let theirs: DirListing =
        theirs.into_iter().filter(|(path, meta)| !protected.contains(path, meta.is_directory())).collect();
    let mut difference = differ(&theirs, &mine, sync, |path, is_directory| protected.contains(path, is_directory))?;
    if sync.compare == Compare::Content {
        let same = same_content(c, &root, &dir, &mine, &theirs).await?;
        difference.settle(&same);
    }
    let mut left = Vec::new();
    if sync.mode == SyncMode::Apply {
        remove(&root, &difference)?;
        if !difference.changed.is_empty() {
            left = fetch(c, &dir, &root, &difference.changed).await?;
        }
    }
    Ok(difference.told(left))
}

/// Lists both sides at the same time.
async fn both(
    c: &Connection,
    root: &Path,
    dir: &str,
    rules: SyncFilter,
) -> Result<((DirListing, SyncFilter), RemoteListing), HostErrorKind> {
    let here = root.to_owned();
    let listing = local(move || Ok((meta::local(&here, &rules)?, rules)));
    // What is at the top of our side is asked of the other, too, however full it is.
    let heaps = HEAPS.iter().filter(|name| !root.join(name).exists() || **name == ".git");
    let args: Vec<&str> = std::iter::once(dir).chain(heaps.copied()).collect();
    let (mine, theirs) = tokio::join!(listing, ask("find", LIST, c, &args, Vec::new()));
    Ok((mine?, meta::remote(&theirs?)))
}

/// What the side that is `changed` lacks or has too much of, compared with the `wanted` one.
fn differ(
    wanted: &DirListing,
    changed: &DirListing,
    sync: &SyncOptions,
    is_shielded: impl Fn(&[u8], bool) -> bool,
) -> Result<SyncDiff, HostErrorKind> {
    let mut difference = SyncDiff::default();
    for (path, meta) in wanted {
        match changed.get(path) {
            Some(there) if there.looks_like(meta) => difference.unchanged += 1,
            Some(there) if there.is_directory() != meta.is_directory() && sync.extra == ExtraFiles::Keep => {
                return Err(HostErrorKind::KindConflict(String::from_utf8_lossy(path).into_owned()));
            }
            _ => difference.changed.push(path.clone()),
        }
    }
    let is_gone = |(path, meta): &(&Vec<u8>, &EntryMeta)| match wanted.get(*path) {
        Some(wanted) => wanted.is_directory() != meta.is_directory(),
        None => !is_shielded(path, meta.is_directory()),
    };
    if sync.extra == ExtraFiles::Delete {
        for (path, meta) in changed.iter().rev().filter(is_gone) {
            let gone = if meta.is_directory() { &mut difference.gone_directories } else { &mut difference.gone_files };
            gone.push(path.clone());
        }
    }
    Ok(difference)
}

impl SyncDiff {
    fn is_none(&self) -> bool {
        self.changed.is_empty() && self.gone_files.is_empty() && self.gone_directories.is_empty()
    }

    /// Takes out what was found to hold the same, and adds what looks alike and doesn't.
    fn settle(&mut self, (same, other): &(BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>)) {
        let before = self.changed.len();
        self.changed.retain(|path| !same.contains(path));
        self.unchanged += before - self.changed.len();
        let unseen: Vec<Vec<u8>> = other.iter().filter(|path| !self.changed.contains(path)).cloned().collect();
        self.unchanged -= unseen.len();
        self.changed.extend(unseen);
        self.changed.sort();
    }

    fn told(&self, left: Vec<String>) -> SyncReport {
        let text = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
        SyncReport {
            sent: self.changed.iter().map(text).collect(),
            deleted: self.gone_files.iter().chain(&self.gone_directories).map(text).collect(),
            unchanged: self.unchanged,
            skipped: left,
        }
    }
}

/// Of the files that may hold the same at both sides: those that do, and those that don't.
async fn same_content(
    c: &Connection,
    root: &Path,
    dir: &str,
    mine: &DirListing,
    theirs: &DirListing,
) -> Result<(BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>), HostErrorKind> {
    let alike =
        |(path, meta): &(&Vec<u8>, &EntryMeta)| theirs.get(*path).is_some_and(|its| its.may_hold_the_same(meta));
    let paths: Vec<Vec<u8>> = mine.iter().filter(alike).map(|(path, _)| path.clone()).collect();
    let names = nul_list(&paths);
    let root = root.to_owned();
    let here = local(move || {
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
    c: &Connection,
    root: PathBuf,
    dir: &str,
    mode: u32,
    mine: DirListing,
    changed: Vec<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    let (sender, receiver) = mpsc::channel(16);
    let packing = local(move || {
        let entries = changed.iter().filter_map(|path| Some((path.as_slice(), mine.get(path)?)));
        pack::pack_as_is(&root, entries, sender)
    });
    let mode = format!("{mode:o}");
    let args = [UNPACK, dir, mode.as_str()];
    let (packed, unpacked) = tokio::join!(packing, pipe("tar", MAKING, &args, c, receiver));
    both_ends(packed, unpacked)
}

async fn fetch(c: &Connection, dir: &str, root: &Path, changed: &[Vec<u8>]) -> Result<Vec<String>, HostErrorKind> {
    let (names, receiver) = mpsc::channel(1);
    let (sink, source) = mpsc::channel(16);
    let to = root.to_owned();
    let unpacking = local(move || unpack::unpack(source, &to));
    let args = [dir];
    let program = Pipe { program: "tar", script: PACK, args: &args };
    let feeding = async move {
        // Where nobody reads it, the program has ended, and says why.
        drop(names.send(nul_list(changed)).await);
    };
    let ((), unpacked, packed) = tokio::join!(feeding, unpacking, program.run(c, receiver, sink));
    match (unpacked, packed) {
        (Err(unsafe_name @ HostErrorKind::UnsafePath(_)), _) => Err(unsafe_name),
        (_, Err(theirs)) => Err(theirs),
        (unpacked, Ok(())) => Ok(unpacked?.left),
    }
}

fn remove(root: &Path, difference: &SyncDiff) -> Result<(), HostErrorKind> {
    let gone = |removed: std::io::Result<()>, path: &Path| match removed {
        // In a directory that isn't empty stands something that is left alone.
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(unreadable(path, error))
        }
        _ => Ok(()),
    };
    for path in difference.gone_files.iter().map(|path| root.join(std::ffi::OsStr::from_bytes(path))) {
        gone(fs::remove_file(&path), &path)?;
    }
    for path in difference.gone_directories.iter().map(|path| root.join(std::ffi::OsStr::from_bytes(path))) {
        gone(fs::remove_dir(&path), &path)?;
    }
    Ok(())
}
