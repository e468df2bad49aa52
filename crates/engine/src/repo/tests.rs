//! Tests with real repositories in temporary directories, and with misbehaving servers.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener as BlockingListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use hostler_core::demand::source::parse_source;
use hostler_core::size::Bytes;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Runs git as a user would, without this computer's settings, and returns its output.
#[track_caller]
fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A directory with a repository `work` of two commits, a tag `v1` on the first, a branch `side/way`, and a bare clone.
struct World {
    dir: TempDir,
    first: String,
    second: String,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        fs::create_dir_all(work.join("part/deep")).unwrap();
        git(&work, &["init", "--quiet", "-b", "main"]);
        fs::write(work.join("requirements.txt"), "numpy\n").unwrap();
        fs::write(work.join("part/requirements.txt"), "torch\n").unwrap();
        std::os::unix::fs::symlink("/etc", work.join("out")).unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "-m", "first"]);
        git(&work, &["tag", "v1"]);
        let first = git(&work, &["rev-parse", "HEAD"]);
        git(&work, &["branch", "side/way"]);
        fs::write(work.join("second.txt"), "2\n").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "-m", "second"]);
        let second = git(&work, &["rev-parse", "HEAD"]);
        git(dir.path(), &["clone", "--quiet", "--bare", "work", "bare.git"]);
        fs::create_dir(dir.path().join("scratch")).unwrap();
        Self { dir, first, second }
    }

    fn scratch(&self) -> PathBuf {
        self.dir.path().join("scratch")
    }

    /// Parses a source; `BARE` stands for the URL of the bare clone, and paths are relative to this directory.
    fn source(&self, text: &str) -> Source {
        let bare = format!("file://{}/bare.git", self.dir.path().display());
        parse_source(&text.replace("BARE", &bare), self.dir.path()).unwrap()
    }

    async fn read_source(&self, text: &str) -> Result<(Checkout, FileTree), RepoError> {
        read_source(&self.source(text), &self.scratch(), &FetchLimits::default()).await
    }

    async fn refused(&self, text: &str) -> RepoError {
        let error = self.read_source(text).await.expect_err(text);
        self.nothing_is_left();
        error
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        assert_eq!(fs::read_dir(self.scratch()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn branches_tags_and_commits_are_fetched() {
    let world = World::new();
    let (first, second) = (world.first.as_str(), world.second.as_str());
    let by_commit = format!("BARE@{first}");
    for (text, commit) in
        [("BARE", second), ("BARE@main", second), ("BARE@side/way", first), ("BARE@v1", first), (&by_commit, first)]
    {
        let (checkout, tree) = world.read_source(text).await.unwrap();
        assert_eq!(checkout.commit.as_deref(), Some(commit), "{text}");
        assert_eq!(tree.files.contains_key("second.txt"), commit == second, "{text}");
        assert_eq!(git(&checkout.path, &["rev-list", "--count", "HEAD"]), "1", "{text} is fetched without its history");
    }
    world.nothing_is_left();
}

#[tokio::test]
async fn subdirectory_is_checked_out() {
    let world = World::new();
    let (checkout, tree) = world.read_source("BARE#subdirectory=part").await.unwrap();
    assert!(checkout.path.ends_with("part") && checkout.is_temporary());
    assert_eq!(tree.contents["requirements.txt"], b"torch\n");
    drop(checkout);
    assert!(matches!(world.refused("BARE#subdirectory=none").await, RepoError::NoSubdirectory(_)));
    assert!(
        matches!(world.refused("BARE#subdirectory=out").await, RepoError::NoSubdirectory(_)),
        "a link out of the tree"
    );
}

#[tokio::test]
async fn local_directory_is_used_in_place() {
    let world = World::new();
    fs::write(world.dir.path().join("work/uncommitted.txt"), "").unwrap();
    let (checkout, tree) = world.read_source("work").await.unwrap();
    assert_eq!((checkout.commit.as_deref(), checkout.is_temporary()), (None, false));
    assert!(tree.files.contains_key("uncommitted.txt") && !tree.files.keys().any(|path| path.starts_with(".git/")));
    drop(checkout);
    assert!(world.dir.path().join("work/uncommitted.txt").exists());
}

/// All files below a directory with their contents; links with their targets.
fn everything(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            all.extend(everything(&path));
        } else if kind.is_symlink() {
            all.insert(path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

/// Directories are not named after repositories, so no repository name can remove or share another's files.
#[tokio::test]
async fn equal_names_do_not_collide_and_other_files_stay() {
    let world = World::new();
    let other = world.dir.path().join("other");
    git(world.dir.path(), &["clone", "--quiet", "--bare", "-b", "side/way", "work", "other/bare.git"]);
    for name in ["bare", "bare.git", ".git", "work"] {
        fs::create_dir(world.scratch().join(name)).unwrap();
        fs::write(world.scratch().join(name).join("mine"), "").unwrap();
    }
    let before = everything(world.dir.path());
    let second = format!("file://{}/bare.git", other.display());
    let (a, b) = tokio::join!(world.read_source("BARE"), world.read_source(&second));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.1.files.contains_key("second.txt") && !b.1.files.contains_key("second.txt"));
    assert_ne!(a.0.path, b.0.path);
    drop((a, b));
    let work = world.dir.path().join("work");
    for text in [".", "..", "../work", "file://./.git"] {
        // Some of these are valid sources, others are rejected; none may change a file.
        let Ok(source) = parse_source(text, &work) else { continue };
        drop(read_source(&source, &world.scratch(), &FetchLimits::default()).await);
    }
    let inside = format!("file://{}/.git", work.display());
    assert_eq!(world.read_source(&inside).await.unwrap().0.commit.as_deref(), Some(world.second.as_str()));
    assert_eq!(everything(world.dir.path()), before);
}

#[tokio::test]
async fn invalid_sources_are_reported() {
    let world = World::new();
    fs::create_dir_all(world.dir.path().join("hollow/inner")).unwrap();
    fs::write(world.dir.path().join("file"), "").unwrap();
    git(world.dir.path(), &["init", "--quiet", "--bare", "empty.git"]);
    let empty = format!("file://{}/empty.git", world.dir.path().display());
    assert!(matches!(world.refused("none").await, RepoError::NoDirectory(_)));
    assert!(matches!(world.refused("file").await, RepoError::NotADirectory(_)));
    assert!(matches!(world.refused("hollow").await, RepoError::NoFiles(_)));
    assert!(matches!(world.refused("bare.git").await, RepoError::Bare(_)));
    assert!(matches!(world.refused("file:///none/at/all").await, RepoError::NoRepository(_)));
    assert!(matches!(world.refused(&empty).await, RepoError::NoCommits(_)));
    assert!(matches!(world.refused("BARE@nowhere").await, RepoError::NoRef { .. }));
    let short = world.refused(&format!("BARE@{}", &world.first[..8])).await;
    assert!(short.hint().unwrap().contains("40 digits"));
}

/// Without our settings, the user's settings would run a hook on every checkout.
#[tokio::test]
async fn hooks_do_not_run() {
    let world = World::new();
    let hooks = world.dir.path().join("template/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let marker = world.dir.path().join("ran");
    fs::write(hooks.join("post-checkout"), format!("#!/bin/sh\ntouch '{}'\n", marker.display())).unwrap();
    fs::set_permissions(hooks.join("post-checkout"), fs::Permissions::from_mode(0o755)).unwrap();
    let config = world.dir.path().join("config");
    let text = "[core]\n hooksPath = HOOKS\n[init]\n templateDir = TEMPLATE\n";
    let text =
        text.replace("HOOKS", hooks.to_str().unwrap()).replace("TEMPLATE", hooks.parent().unwrap().to_str().unwrap());
    fs::write(&config, text).unwrap();
    let steps: [&[&str]; 3] = [
        &["init", "--quiet", "--template=", "."],
        &["fetch", "--quiet", "../work", "HEAD"],
        &["checkout", "--quiet", "FETCH_HEAD"],
    ];

    let ours = world.dir.path().join("ours");
    fs::create_dir(&ours).unwrap();
    for step in steps {
        let mut command = git::command(&ours, step);
        command.env("GIT_CONFIG_GLOBAL", &config);
        assert!(process::run(command).await.unwrap().status.success(), "{step:?}");
    }
    assert!(ours.join("second.txt").exists() && !marker.exists());

    let plain = world.dir.path().join("plain");
    fs::create_dir(&plain).unwrap();
    for step in steps {
        let status =
            Command::new("git").current_dir(&plain).args(step).env("GIT_CONFIG_GLOBAL", &config).status().unwrap();
        assert!(status.success(), "{step:?}");
    }
    assert!(marker.exists(), "the hook is one that would run");
}

#[tokio::test]
async fn password_request_is_reported() {
    let world = World::new();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/o/p", server.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let error = world.refused(&url).await;
    assert!(matches!(error, RepoError::AuthenticationRequired(_)), "{error}");
    assert!(error.to_string().contains(&url) && error.hint().unwrap().contains("credential helper"));
}

#[tokio::test]
async fn unresponsive_host_is_reported() {
    let world = World::new();
    let server = BlockingListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/o/p", server.local_addr().unwrap());
    let limits = FetchLimits { time: Duration::from_millis(200), ..FetchLimits::default() };
    let error = read_source(&world.source(&url), &world.scratch(), &limits).await.unwrap_err();
    assert!(matches!(error, RepoError::TimedOut { .. }), "{error}");
    world.nothing_is_left();
    drop(server);
    let error = world.refused(&url).await;
    assert!(matches!(error, RepoError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn dropped_checkout_leaves_no_process_and_no_file() {
    let world = World::new();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = world.source(&format!("http://{}/o/p", server.local_addr().unwrap()));
    let (scratch, limits) = (world.scratch(), FetchLimits::default());
    let asked = async {
        let mut stream = server.accept().await.unwrap().0;
        let mut head = [0; 18];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"GET /o/p/info/refs");
        stream
    };
    let mut stream = tokio::select! {
        fetched = checkout(&source, &scratch, &limits) => panic!("{fetched:?}"),
        stream = asked => stream,
    };
    // The connection belongs to a child of git and ends with the process group.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    world.nothing_is_left();
}

#[tokio::test]
async fn too_large_repository_is_rejected() {
    let world = World::new();
    let work = world.dir.path().join("work");
    let mut seed = 1_u64;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    });
    fs::write(work.join("large"), noise.take(1 << 20).collect::<Vec<u8>>()).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "large"]);
    let source = world.source(&format!("file://{}", work.display()));
    let limits = FetchLimits { bytes: Bytes::mib(1), ..FetchLimits::default() };
    let error = checkout(&source, &world.scratch(), &limits).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`{}` is larger than 1MiB", source.location));
    world.nothing_is_left();
}
