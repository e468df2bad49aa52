use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::*;

const UP: SyncOptions = SyncOptions {
    files: FileSelection::Source,
    exclude: Vec::new(),
    compare: Compare::SizeAndTime,
    extra: ExtraFiles::Keep,
    mode: SyncMode::Apply,
};

struct SyncLab {
    server: Sshd,
    session: Arc<dyn Session>,
    here: PathBuf,
    there: PathBuf,
}

async fn lab() -> SyncLab {
    let server = Sshd::start();
    let session = session(&server).await;
    let (here, there) = (server.dir.path().join("here"), server.dir.path().join("there 'it"));
    fs::create_dir(&here).unwrap();
    SyncLab { server, session, here, there }
}

impl SyncLab {
    async fn up(&self, sync: &SyncOptions) -> SyncReport {
        self.session.sync_up(&self.here, self.there.to_str().unwrap(), sync).await.unwrap()
    }

    async fn down(&self, sync: &SyncOptions) -> SyncReport {
        self.session.sync_down(self.there.to_str().unwrap(), &self.here, sync).await.unwrap()
    }
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(dir).standard_filters(false).build();
    let mut names: Vec<String> = walk
        .map(|entry| entry.unwrap().path().strip_prefix(dir).unwrap().display().to_string())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn only_differences_are_sent_with_any_file_name() {
    let lab = lab().await;
    for name in ["a", "-x", "sub/new\nline", "sp ace 'q\" $(x)"] {
        write(&lab.here, name, name);
    }
    std::os::unix::fs::symlink("a", lab.here.join("link")).unwrap();
    fs::set_permissions(lab.here.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
    let first = lab.up(&UP).await;
    assert_eq!((first.sent.len(), first.unchanged), (6, 0), "{first:?}");
    assert_eq!(names(&lab.there), names(&lab.here));
    assert_eq!(lab.there.join("a").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_link(lab.there.join("link")).unwrap(), Path::new("a"));
    let modified = |dir: &Path| dir.join("-x").metadata().unwrap().modified().unwrap();
    assert_eq!(modified(&lab.there), modified(&lab.here), "to the nanosecond");
    assert_eq!(lab.up(&UP).await, SyncReport { unchanged: 6, ..SyncReport::default() });
    write(&lab.here, "sub/new\nline", "changed");
    // A change made on the host: unlike an upload, a sync finds it.
    write(&lab.there, "a", "other");
    assert_eq!(lab.up(&UP).await.sent, ["a", "sub/new\nline"]);
    assert_eq!(fs::read_to_string(lab.there.join("a")).unwrap(), "a");
}

#[tokio::test]
async fn comparison_by_content_finds_changes_of_equal_size_and_time() {
    let lab = lab().await;
    for name in ["a", "b"] {
        write(&lab.here, name, "one");
    }
    lab.up(&UP).await;
    let then = lab.here.join("a").metadata().unwrap().modified().unwrap();
    write(&lab.there, "a", "two");
    fs::File::options().write(true).open(lab.there.join("a")).unwrap().set_modified(then).unwrap();
    // Touched, but unchanged.
    let later = SystemTime::now() + Duration::from_secs(90);
    fs::File::options().write(true).open(lab.here.join("b")).unwrap().set_modified(later).unwrap();
    assert_eq!(lab.up(&SyncOptions { mode: SyncMode::DryRun, ..UP }).await.sent, ["b"]);
    let by_content = lab.up(&SyncOptions { compare: Compare::Content, ..UP }).await;
    assert_eq!((by_content.sent, by_content.unchanged), (vec!["a".to_owned()], 1));
}

#[tokio::test]
async fn ignored_files_are_neither_sent_nor_deleted() {
    let lab = lab().await;
    write(&lab.here, ".gitignore", "*.log\n!keep.log\n");
    write(&lab.here, "sub/.hostlerignore", "data\n");
    for name in ["a", "x.log", "keep.log", "sub/data/big", "sub/b", "tmp/c"] {
        write(&lab.here, name, "x");
    }
    let sync = SyncOptions { extra: ExtraFiles::Delete, exclude: vec!["/tmp".to_owned()], ..UP };
    for name in ["old/file", "y.log", "sub/data/results", "env/pyvenv.cfg", "env/lib/z", ".git/HEAD", "tmp/d", "a/b"] {
        write(&lab.there, name, "x");
    }
    let dry_run = lab.up(&SyncOptions { mode: SyncMode::DryRun, ..sync.clone() }).await;
    assert!(lab.there.join("old/file").exists(), "dry run");
    let done = lab.up(&sync).await;
    assert_eq!(done, dry_run);
    assert_eq!(done.deleted, ["old/file", "a/b", "old", "a"]);
    let expected = ".git .git/HEAD .gitignore a env env/lib env/lib/z env/pyvenv.cfg keep.log sub sub/.hostlerignore \
                    sub/b sub/data sub/data/results tmp tmp/d y.log";
    assert_eq!(names(&lab.there).join(" "), expected);
}

#[tokio::test]
async fn upload_after_a_sync_repairs_the_changes_of_the_sync() {
    let lab = lab().await;
    let there = lab.there.to_str().unwrap();
    let print = || fs::read_to_string(lab.there.join(FINGERPRINT_FILE)).unwrap();
    for name in ["a", "b", "old/x", "same"] {
        write(&lab.here, name, "one");
    }
    let put = async || lab.session.upload(&lab.here, there, FileSelection::Source).await.unwrap();
    put().await;
    let first = print();
    let delete = SyncOptions { extra: ExtraFiles::Delete, ..UP };
    assert_eq!(lab.up(&SyncOptions { compare: Compare::Content, ..delete.clone() }).await.sent, Vec::<String>::new());
    assert_eq!(print(), first, "nothing was changed");

    write(&lab.here, "a", "another");
    write(&lab.here, "data", "not put");
    fs::remove_dir_all(lab.here.join("old")).unwrap();
    let synced = lab.up(&delete).await;
    assert!(synced.sent.iter().any(|name| name == "a") && synced.deleted == ["old/x", "old"], "{synced:?}");
    let second = print();
    assert!(second != first && !second.is_empty());
    lab.up(&delete).await;
    assert_eq!(print(), second, "nothing was changed");

    write(&lab.here, "a", "one");
    write(&lab.here, "old/x", "one");
    fs::remove_file(lab.here.join("data")).unwrap();
    let again = put().await;
    assert!(again.sent >= 3 && again.deleted == 0 && print() == first, "{again:?}");
    assert_eq!(names(&lab.there).iter().filter(|name| !name.starts_with(".hostler")).count(), 6);
    assert_eq!(fs::read_to_string(lab.there.join("a")).unwrap(), "one");
}

#[tokio::test]
async fn conflicting_directory_is_kept_unless_deletion_is_requested() {
    let lab = lab().await;
    write(&lab.here, "a", "x");
    write(&lab.there, "a/b", "x");
    let error = lab.session.sync_up(&lab.here, lab.there.to_str().unwrap(), &UP).await.unwrap_err();
    assert!(matches!(&error.kind, HostErrorKind::KindConflict(name) if name == "a"), "{error}");
    assert!(lab.there.join("a/b").exists());
}

#[tokio::test]
async fn sync_down_deletes_only_if_requested() {
    let lab = lab().await;
    let down = SyncOptions { files: FileSelection::All, ..UP };
    for name in ["-out", "model.bin", "logs/1.log"] {
        write(&lab.there, name, name);
    }
    write(&lab.here, ".gitignore", "*.log\n");
    write(&lab.here, "mine", "x");
    write(&lab.here, ".git/HEAD", "x");
    assert_eq!(lab.down(&down).await.sent, ["-out", "logs", "logs/1.log", "model.bin"]);
    assert_eq!(fs::read_to_string(lab.here.join("logs/1.log")).unwrap(), "logs/1.log");
    assert_eq!(lab.down(&down).await, SyncReport { unchanged: 4, ..SyncReport::default() });
    let done = lab.down(&SyncOptions { extra: ExtraFiles::Delete, ..down.clone() }).await;
    assert_eq!(done.deleted, ["mine", ".gitignore"]);
    assert!(lab.here.join(".git/HEAD").exists());
    let missing = lab.session.sync_down(&lab.server.path("nowhere"), &lab.here, &down).await.unwrap_err();
    assert!(matches!(missing.kind, HostErrorKind::ProgramFailed { .. }), "{missing}");
}
