use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::*;

/// A directory with awkward file names.
fn odd_tree(server: &Sshd) -> PathBuf {
    let dir = server.dir.path().join("from");
    fs::create_dir_all(dir.join("a dir/it's \"quoted\"")).unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    for name in ["-rf", "$(touch x)", "new\nline", "a dir/it's \"quoted\"/ü", &"n".repeat(200)] {
        fs::write(dir.join(name), name).unwrap();
    }
    fs::write(dir.join(OsStr::from_bytes(b"no-text-\xff")), "").unwrap();
    fs::write(dir.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(dir.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a dir", dir.join("inside")).unwrap();
    symlink("/etc/passwd", dir.join("outside")).unwrap();
    dir
}

async fn put(session: &dyn Session, from: &Path, to: &str) -> UploadReport {
    session.upload(from, to, FileSelection::Source).await.unwrap()
}

#[tokio::test]
async fn tree_survives_upload_and_download() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (from, to) = (odd_tree(&server), server.path("an odd 'place'/to"));
    let first = put(&*session, &from, &to).await;
    assert_eq!(first.sent, 12);
    let there = Path::new(&to);
    assert_eq!(there.join("run.sh").metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(there.join("outside").read_link().unwrap(), Path::new("/etc/passwd"));

    let back = server.dir.path().join("back");
    let got = session.download(&to, &back).await.unwrap();
    assert_eq!(got, DownloadReport { entries: 11, skipped: vec!["outside".to_owned()] });
    symlink("/etc/passwd", back.join("outside")).unwrap();
    let again = put(&*session, &back, &to).await;
    assert!(again.is_unchanged() && again.fingerprint == first.fingerprint, "{again:?}");
}

#[tokio::test]
async fn second_upload_sends_changes_and_deletes_only_uploaded_files() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (from, to) = (odd_tree(&server), server.path("to"));
    put(&*session, &from, &to).await;
    let there = Path::new(&to);
    fs::write(there.join("result.txt"), "created on the host").unwrap();
    fs::write(there.join("empty/result.txt"), "created on the host").unwrap();
    fs::remove_dir_all(from.join("a dir")).unwrap();
    fs::remove_dir(from.join("empty")).unwrap();
    fs::remove_file(from.join("-rf")).unwrap();
    fs::create_dir(from.join("-rf")).unwrap();
    fs::write(from.join("new\nline"), "changed").unwrap();
    let second = put(&*session, &from, &to).await;
    assert_eq!((second.sent, second.deleted), (2, 5));
    assert!(!there.join("a dir").exists() && there.join("-rf").is_dir());
    assert_eq!(fs::read_to_string(there.join("new\nline")).unwrap(), "changed");
    assert!(there.join("result.txt").exists() && there.join("empty/result.txt").exists());
    assert!(put(&*session, &from, &to).await.is_unchanged());
}

#[tokio::test]
async fn deleted_remote_tree_is_uploaded_again() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (from, to) = (odd_tree(&server), server.path("to"));
    put(&*session, &from, &to).await;
    fs::remove_dir_all(&to).unwrap();
    assert!(!put(&*session, &from, &to).await.is_unchanged());
    assert!(Path::new(&to).join("run.sh").exists());
}

#[tokio::test]
async fn single_file_is_uploaded_to_a_path_or_a_directory() {
    let server = Sshd::start();
    let session = session(&server).await;
    let file = server.dir.path().join("data.csv");
    fs::write(&file, "1,2\n").unwrap();
    assert!(!put(&*session, &file, &server.path("in/new name.csv")).await.is_unchanged());
    assert!(put(&*session, &file, &server.path("in/new name.csv")).await.is_unchanged());
    assert_eq!(fs::read_to_string(server.path("in/new name.csv")).unwrap(), "1,2\n");
    put(&*session, &file, &format!("{}/", server.path("in"))).await;
    assert_eq!(fs::read_to_string(server.path("in/data.csv")).unwrap(), "1,2\n");
}

#[tokio::test]
async fn modes_are_kept() {
    let server = Sshd::start();
    let session = session(&server).await;
    let (from, to) = (server.dir.path().join("from"), server.path("to"));
    fs::create_dir_all(from.join("closed")).unwrap();
    let set = |name: &str, mode| fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).unwrap();
    for name in ["key", "closed/known"] {
        fs::write(from.join(name), "secret").unwrap();
    }
    for (name, mode) in [("key", 0o600), ("closed/known", 0o640), ("closed", 0o500), ("", 0o711)] {
        set(name, mode);
    }
    put(&*session, &from, &to).await;
    let mode = |name: &str| Path::new(&to).join(name).metadata().unwrap().permissions().mode() & 0o777;
    // The owner can always write to an uploaded directory.
    assert_eq!(["key", "closed/known", "closed", "."].map(mode), [0o600, 0o640, 0o700, 0o711]);
    set("key", 0o400);
    assert_eq!((put(&*session, &from, &to).await.sent, mode("key")), (1, 0o400));
    assert!(put(&*session, &from, &to).await.is_unchanged());

    let (file, alone) = (from.join("key"), server.path("alone"));
    put(&*session, &file, &alone).await;
    let mode = || Path::new(&alone).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o400);
    set("key", 0o700);
    assert_eq!((put(&*session, &file, &alone).await.sent, mode()), (1, 0o700));
    assert!(put(&*session, &file, &alone).await.is_unchanged());
}

#[tokio::test]
async fn file_does_not_replace_a_directory() {
    let server = Sshd::start();
    let session = session(&server).await;
    let file = server.dir.path().join("data.csv");
    fs::write(&file, "1,2\n").unwrap();
    fs::create_dir(server.path("in")).unwrap();
    let error = session.upload(&file, &server.path("in"), FileSelection::All).await.unwrap_err();
    assert!(matches!(&error.kind, HostErrorKind::IsDirectory(path) if *path == server.path("in")), "{error}");
    assert!(error.hint().unwrap().contains("end the path with `/`"));
    assert_eq!(fs::read_dir(server.path("in")).unwrap().count(), 0);
}

#[tokio::test]
async fn missing_paths_are_named_in_errors() {
    let server = Sshd::start();
    let session = session(&server).await;
    let missing = server.dir.path().join("missing");
    let error = session.upload(&missing, &server.path("to"), FileSelection::Source).await.unwrap_err();
    assert!(matches!(&error.kind, HostErrorKind::LocalFile { path, .. } if *path == missing), "{error}");
    let error = session.download(&server.path("missing"), &server.dir.path().join("back")).await.unwrap_err();
    assert!(matches!(&error.kind, HostErrorKind::ProgramFailed { program: "tar", .. }), "{error}");
    let error = put_over_a_file(&*session, &server).await;
    assert!(matches!(&error.kind, HostErrorKind::ProgramFailed { program: "mkdir", .. }), "{error}");
}

async fn put_over_a_file(session: &dyn Session, server: &Sshd) -> HostError {
    let to = server.path("a file");
    fs::write(&to, "").unwrap();
    session.upload(&odd_tree(server), &to, FileSelection::Source).await.unwrap_err()
}
