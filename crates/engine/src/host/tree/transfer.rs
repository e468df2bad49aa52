//! Uploads and downloads of whole trees and single files.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::disk::file_or_tree;
use super::list::{FileDigest, FileSelection, LocalTree};
use super::record::{self, TreeDiff, UploadRecord};
use super::remote::{ask, both_ends, pipe, prepare};
use super::remote_scripts::{AS_OWNER, COMPARE, CREATING, DELETE, INSPECT_FILE, UNPACK, WRITE};
use super::unpack::DownloadReport;
use super::{pack, unpack};
use crate::blocking::blocking;
use crate::host::connection::SshConnection;
use crate::host::error::HostErrorKind;
use crate::host::quote::remote_path;
use crate::host::run::{Pipe, nonce};

/// Result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadReport {
    /// SHA-256 over the whole tree: names, types, contents, modes.
    pub fingerprint: String,
    /// Number of files, directories and links sent; 0 if the host had all of them.
    pub sent: usize,
    /// Number of entries deleted on the host.
    pub deleted: usize,
}

impl UploadReport {
    /// True if the host was up to date.
    pub fn is_unchanged(&self) -> bool {
        self.sent == 0 && self.deleted == 0
    }
}

const PACK: &str = r#"cd "$1" && tar --exclude=./.hostler -cf - ."#;

/// Makes a remote directory or file equal to a local one.
pub(in crate::host) async fn upload(
    connection: &SshConnection,
    from: &Path,
    to: &str,
    files: FileSelection,
) -> Result<UploadReport, HostErrorKind> {
    let path = from.to_owned();
    let (root, tree) = blocking(move || file_or_tree(&path, files)).await?;
    let Some(tree) = tree else {
        let (dir, name) = file_target(from, to);
        return upload_file(connection, root, &dir, &name).await;
    };
    let dir = remote_path(to);
    let answer = ask("sh", AS_OWNER, connection, &[COMPARE, &dir, &tree.fingerprint], Vec::new()).await?;
    let Some(old) = answer.strip_prefix(b"differs\n") else {
        return Ok(UploadReport { fingerprint: tree.fingerprint, sent: 0, deleted: 0 });
    };
    let change = TreeDiff::between(&UploadRecord::parse(old), &tree);
    prepare(connection, &dir, tree.mode, change.interim()).await?;
    for (what, paths) in [("files", &change.deleted_files), ("directories", &change.deleted_directories)] {
        if !paths.is_empty() {
            ask("rm", AS_OWNER, connection, &[DELETE, &dir, what], record::deletion_list(paths)).await?;
        }
    }
    send(connection, &dir, tree, change).await
}

async fn send(
    connection: &SshConnection,
    dir: &str,
    tree: LocalTree,
    change: TreeDiff,
) -> Result<UploadReport, HostErrorKind> {
    let report = UploadReport {
        fingerprint: tree.fingerprint.clone(),
        sent: change.changed.len(),
        deleted: change.deleted_files.len() + change.deleted_directories.len(),
    };
    let nonce = nonce();
    let list_name = format!("list.{nonce}");
    let (sender, receiver) = mpsc::channel(16);
    let packing = blocking(move || pack::pack(&tree, &change, &list_name, sender));
    let args = [UNPACK, dir, &report.fingerprint, &nonce];
    let (packed, unpacked) = tokio::join!(packing, pipe("tar", AS_OWNER, &args, connection, receiver));
    both_ends(packed, unpacked).map(|()| report)
}

/// Uploads one file. It needs no record: its content and mode show whether it is up to date.
async fn upload_file(
    connection: &SshConnection,
    file: PathBuf,
    dir: &str,
    name: &str,
) -> Result<UploadReport, HostErrorKind> {
    let content = {
        let file = file.clone();
        blocking(move || FileDigest::of(&file)).await?
    };
    let mode = format!("{:o}", content.mode);
    let there = ask("sha256sum", AS_OWNER, connection, &[INSPECT_FILE, dir, name], Vec::new()).await?;
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
    let reading = blocking(move || pack::stream(&file, content.length, sender));
    let length = content.length.to_string();
    let nonce = nonce();
    let args = [WRITE, dir, "", name, &mode, &length, &nonce];
    let (read, written) = tokio::join!(reading, pipe("cat", CREATING, &args, connection, receiver));
    both_ends(read, written).map(|()| UploadReport { fingerprint: content.sha256, sent: 1, deleted: 0 })
}

/// Remote directory and name for a file: `~/a/` keeps the file's own name, `~/a/b` renames it.
fn file_target(from: &Path, to: &str) -> (String, String) {
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

/// Remote path of a file, for messages.
fn shown(dir: &str, name: &str) -> String {
    let path = format!("{}/{name}", dir.trim_end_matches('/'));
    path.strip_prefix("./").map_or(path.clone(), |path| format!("~/{path}"))
}

/// Downloads a remote directory into a local one.
pub(in crate::host) async fn download(
    connection: &SshConnection,
    from: &str,
    to: &Path,
) -> Result<DownloadReport, HostErrorKind> {
    let (none, receiver) = mpsc::channel(1);
    drop(none);
    let (sink, source) = mpsc::channel(16);
    let to = to.to_owned();
    let unpacking = blocking(move || unpack::unpack(source, &to));
    let dir = remote_path(from);
    let args = [dir.as_str()];
    let program = Pipe { program: "tar", script: PACK, args: &args };
    let (unpacked, packed) = tokio::join!(unpacking, program.run(connection, receiver, sink));
    // If the archive ends too early, the remote error is the cause.
    match (unpacked, packed) {
        (Err(unsafe_name @ HostErrorKind::UnsafePath(_)), _) => Err(unsafe_name),
        (_, Err(theirs)) => Err(theirs),
        (unpacked, Ok(())) => unpacked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_target_is_split_into_directory_and_name() {
        let place = |to| file_target(Path::new("/x/data.csv"), to);
        let is = |dir: &str, name: &str| (dir.to_owned(), name.to_owned());
        assert_eq!(place("~/in/"), is("./in/", "data.csv"));
        assert_eq!(place("~/in/a.csv"), is("./in", "a.csv"));
        assert_eq!(place("/etc/motd"), is("/etc", "motd"));
        assert_eq!(place("/motd"), is("/", "motd"));
        assert_eq!(place("~"), is(".", "data.csv"));
        assert_eq!(place("b"), is(".", "b"));
    }
}
