//! Trees of files, there and back.
//!
//! A put directory holds its own record at the other side, in `.hostler/`: `fingerprint` (of the whole tree, written
//! last) and `list` (what we put, NUL-terminated). So a second put of the same tree is one question, a changed tree
//! sends what changed, and only what we put ourselves is ever deleted.

mod list;
mod meta;
mod pack;
mod place;
mod record;
mod rules;
mod sync;
mod unpack;

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};

pub use sync::{Compare, ExtraFiles, SyncMode, SyncOptions, SyncReport};
pub(super) use sync::{down, up};
pub use unpack::DownloadReport;

use super::connection::Connection;
use super::error::HostErrorKind;
use super::quote::remote_path;
use super::run::{Pipe, nonce};
use list::{FileDigest, LocalTree};
use place::{AS_OWNER, DELETE, LOOK, LOOK_FILE, MAKING, PREPARE, UNPACK, WRITE};
use record::{TreeDiff, UploadRecord};

/// The directory in which a put tree keeps its record; never sent, never fetched.
const RECORD_DIR: &str = ".hostler";

/// Where in a put directory the fingerprint of its tree stands.
pub const FINGERPRINT_FILE: &str = ".hostler/fingerprint";

/// What of a local directory is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSelection {
    /// What is source: not `.git`, virtual environments, and what `.gitignore` or `.hostlerignore` (`.skyignore`) leave out.
    Source,
    /// Everything.
    All,
}

/// What a put did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadReport {
    /// The SHA-256 of the whole tree: names, kinds, contents, modes.
    pub fingerprint: String,
    /// How many files, directories and links were sent; none where all was there already.
    pub sent: usize,
    /// How many were deleted over there.
    pub deleted: usize,
}

impl UploadReport {
    /// Whether there was nothing to do.
    pub fn is_unchanged(&self) -> bool {
        self.sent == 0 && self.deleted == 0
    }
}

const PACK: &str = r#"cd "$1" && tar --exclude=./.hostler -cf - ."#;

/// Makes a remote directory or file equal to a local one.
pub(super) async fn put(
    connection: &Connection,
    from: &Path,
    to: &str,
    take: FileSelection,
) -> Result<UploadReport, HostErrorKind> {
    let root = from.canonicalize().map_err(|source| HostErrorKind::LocalFile { path: from.to_owned(), source })?;
    let (tree, dir) = if root.is_dir() {
        (local(move || LocalTree::read(&root, take)).await?, remote_path(to))
    } else {
        let (dir, name) = file_place(from, to);
        return put_file(connection, root, &dir, &name).await;
    };
    let answer = ask("look", AS_OWNER, connection, &[LOOK, &dir, &tree.fingerprint], Vec::new()).await?;
    let Some(old) = answer.strip_prefix(b"differs\n") else {
        return Ok(UploadReport { fingerprint: tree.fingerprint, sent: 0, deleted: 0 });
    };
    let change = TreeDiff::between(&UploadRecord::parse(old), &tree);
    prepare(connection, &dir, tree.mode, change.interim()).await?;
    for (what, paths) in [("files", &change.gone_files), ("directories", &change.gone_directories)] {
        if !paths.is_empty() {
            ask("rm", AS_OWNER, connection, &[DELETE, &dir, what], record::gone_list(paths)).await?;
        }
    }
    send(connection, &dir, tree, change).await
}

/// Makes the directory, and notes what will be there before any of it is.
async fn prepare(connection: &Connection, dir: &str, mode: u32, interim: Vec<u8>) -> Result<(), HostErrorKind> {
    let (mode, length) = (format!("{mode:o}"), interim.len().to_string());
    ask("mkdir", MAKING, connection, &[PREPARE, dir, &mode, &length, &nonce()], interim).await.map(drop)
}

async fn send(
    connection: &Connection,
    dir: &str,
    tree: LocalTree,
    change: TreeDiff,
) -> Result<UploadReport, HostErrorKind> {
    let put = UploadReport {
        fingerprint: tree.fingerprint.clone(),
        sent: change.changed.len(),
        deleted: change.gone_files.len() + change.gone_directories.len(),
    };
    let nonce = nonce();
    let list_name = format!("list.{nonce}");
    let (sender, receiver) = mpsc::channel(16);
    let packing = local(move || pack::pack(&tree, &change, &list_name, sender));
    let args = [UNPACK, dir, &put.fingerprint, &nonce];
    let (packed, unpacked) = tokio::join!(packing, pipe("tar", AS_OWNER, &args, connection, receiver));
    both_ends(packed, unpacked).map(|()| put)
}

/// What came of sending. A file that can't be read here is why the other side got too little; where the other side ended
/// early, sending failed for that reason only.
fn both_ends(sent: Result<(), HostErrorKind>, taken: Result<(), HostErrorKind>) -> Result<(), HostErrorKind> {
    match (sent, taken) {
        (Err(local @ HostErrorKind::LocalFile { .. }), _) => Err(local),
        (_, Err(remote)) => Err(remote),
        (sent, Ok(())) => sent,
    }
}

/// Puts one file. It needs no record: its content and its mode say whether it is there.
async fn put_file(
    connection: &Connection,
    file: PathBuf,
    dir: &str,
    name: &str,
) -> Result<UploadReport, HostErrorKind> {
    let content = {
        let file = file.clone();
        local(move || FileDigest::of(&file)).await?
    };
    let mode = format!("{:o}", content.mode);
    let there = ask("sha256sum", AS_OWNER, connection, &[LOOK_FILE, dir, name], Vec::new()).await?;
    let there = String::from_utf8_lossy(&there);
    let mut there = there.lines();
    match there.next() {
        Some("directory") => return Err(HostErrorKind::IsDirectory(shown(dir, name))),
        Some(hash) if hash.starts_with(&content.sha256) && there.next() == Some(&*mode) => {
            return Ok(UploadReport { fingerprint: content.sha256, sent: 0, deleted: 0 });
        }
        _ => {}
    }
    let (sender, receiver) = mpsc::channel(16);
    let reading = local(move || pack::stream(&file, content.length, sender));
    let length = content.length.to_string();
    let nonce = nonce();
    let args = [WRITE, dir, "", name, &mode, &length, &nonce];
    let (read, written) = tokio::join!(reading, pipe("cat", MAKING, &args, connection, receiver));
    both_ends(read, written).map(|()| UploadReport { fingerprint: content.sha256, sent: 1, deleted: 0 })
}

/// The directory and the name of a file's place: `~/a/` takes the file's own name, `~/a/b` is its new one.
fn file_place(from: &Path, to: &str) -> (String, String) {
    let own = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = remote_path(to);
    match path.rsplit_once('/') {
        _ if path == "." => (path, own),
        Some((dir, "")) => (format!("{dir}/"), own),
        Some(("", name)) => ("/".to_owned(), name.to_owned()),
        Some((dir, name)) => (dir.to_owned(), name.to_owned()),
        None => (".".to_owned(), path),
    }
}

/// A file's place for the user's eyes.
fn shown(dir: &str, name: &str) -> String {
    let path = format!("{}/{name}", dir.trim_end_matches('/'));
    path.strip_prefix("./").map_or(path.clone(), |path| format!("~/{path}"))
}

/// Brings a remote directory into a local one.
pub(super) async fn get(connection: &Connection, from: &str, to: &Path) -> Result<DownloadReport, HostErrorKind> {
    let (none, receiver) = mpsc::channel(1);
    drop(none);
    let (sink, source) = mpsc::channel(16);
    let to = to.to_owned();
    let unpacking = local(move || unpack::unpack(source, &to));
    let dir = remote_path(from);
    let args = [dir.as_str()];
    let program = Pipe { program: "tar", script: PACK, args: &args };
    let (unpacked, packed) = tokio::join!(unpacking, program.run(connection, receiver, sink));
    // An archive that ends too early is the other side's failure, not ours.
    match (unpacked, packed) {
        (Err(unsafe_name @ HostErrorKind::UnsafePath(_)), _) => Err(unsafe_name),
        (_, Err(theirs)) => Err(theirs),
        (unpacked, Ok(())) => unpacked,
    }
}

async fn ask(
    program: &'static str,
    script: &str,
    connection: &Connection,
    args: &[&str],
    input: Vec<u8>,
) -> Result<Vec<u8>, HostErrorKind> {
    Pipe { program, script, args }.ask(connection, input).await
}

/// Runs a program that is fed and says nothing.
async fn pipe(
    program: &'static str,
    script: &str,
    args: &[&str],
    connection: &Connection,
    input: mpsc::Receiver<Vec<u8>>,
) -> Result<(), HostErrorKind> {
    let (sink, _unread) = mpsc::channel(1);
    Pipe { program, script, args }.run(connection, input, sink).await
}

/// Work on local files, off the threads that drive connections.
async fn local<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostErrorKind> + Send + 'static,
) -> Result<T, HostErrorKind> {
    let stopped =
        |error: JoinError| HostErrorKind::ConnectionLost(Some(russh::Error::IO(std::io::Error::other(error))));
    spawn_blocking(work).await.unwrap_or_else(|error| Err(stopped(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_file() {
        let place = |to| file_place(Path::new("/x/data.csv"), to);
        let is = |dir: &str, name: &str| (dir.to_owned(), name.to_owned());
        assert_eq!(place("~/in/"), is("./in/", "data.csv"));
        assert_eq!(place("~/in/a.csv"), is("./in", "a.csv"));
        assert_eq!(place("/etc/motd"), is("/etc", "motd"));
        assert_eq!(place("/motd"), is("/", "motd"));
        assert_eq!(place("~"), is(".", "data.csv"));
        assert_eq!(place("b"), is(".", "b"));
    }
}
