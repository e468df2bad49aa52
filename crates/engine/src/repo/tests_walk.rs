//! Walks of large, odd and hostile trees.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use hostler_core::scan::{FileTree, ScanLimits, scan};
use tempfile::TempDir;

use super::read_tree;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn read(dir: &Path, limits: ScanLimits) -> FileTree {
    read_tree(dir, &limits).unwrap()
}

fn problems(tree: &FileTree) -> Vec<String> {
    tree.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn all_names_and_needed_contents_are_read() {
    let dir = directory(&[
        ("requirements.txt", "a"),
        ("src/x.cu", "b"),
        ("README.md", "c"),
        (".git/config", "d"),
        ("sub/.git/HEAD", "e"),
    ]);
    let tree = read(dir.path(), ScanLimits::default());
    assert_eq!(tree.files.keys().collect::<Vec<_>>(), ["README.md", "requirements.txt", "src/x.cu"]);
    assert_eq!(tree.contents.keys().collect::<Vec<_>>(), ["requirements.txt"]);
    assert!(tree.problems.is_empty());
}

#[test]
fn only_links_to_files_of_the_tree_are_followed() {
    let outside = directory(&[("secret", "s3cret")]);
    let dir = directory(&[("requirements/base.txt", "torch"), (".git/config", "s3cret")]);
    let link = |target: &Path, name: &str| symlink(target, dir.path().join(name)).unwrap();
    link(Path::new("requirements/base.txt"), "requirements.txt");
    link(&outside.path().join("secret"), "setup.py");
    link(outside.path(), "directory");
    link(Path::new(".git/config"), "setup.cfg");
    link(Path::new("nothing"), "Pipfile");
    link(Path::new("."), "loop");
    link(Path::new("self"), "self");
    let tree = read(dir.path(), ScanLimits::default());
    assert_eq!(tree.contents["requirements.txt"], b"torch");
    assert_eq!(tree.files.keys().collect::<Vec<_>>(), ["requirements.txt", "requirements/base.txt"]);
    insta::assert_snapshot!(problems(&tree).join("\n"), @r"
    Pipfile: skipped: a broken link
    directory: skipped: a link out of the tree
    self: skipped: a broken link
    setup.cfg: skipped: a link out of the tree
    setup.py: skipped: a link out of the tree
    ");
}

#[test]
fn odd_entries_become_problems() {
    let dir = directory(&[("requirements.txt", "torch")]);
    fs::write(dir.path().join(OsStr::from_bytes(b"b\xffd.txt")), "").unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(dir.path().join("Dockerfile")).status().unwrap();
    assert!(fifo.success());
    let tree = read(dir.path(), ScanLimits::default());
    assert_eq!(tree.contents.len(), 1);
    insta::assert_snapshot!(problems(&tree).join("\n"), @r"
    Dockerfile: skipped: neither a file nor a directory
    b�d.txt: skipped: its name is not UTF-8
    ");
}

#[test]
fn limits_hold_and_are_reported() {
    let dir = directory(&[
        ("a/b/c/requirements.txt", "x"),
        ("a/setup.py", "0123456789"),
        ("setup.cfg", "01234"),
        ("setup.py", "01234"),
    ]);
    let tight = ScanLimits { entries: 100, depth: 2, file_bytes: 5, total_bytes: 8 };
    let tree = read(dir.path(), tight);
    assert_eq!(tree.contents.keys().collect::<Vec<_>>(), ["setup.cfg"]);
    insta::assert_snapshot!(problems(&tree).join("\n"), @r"
    a/setup.py: not read: 10B is more than 5B
    a/b/c: skipped: deeper than 2 directories
    .: 1 files are not read: the limit of 8B is reached
    ");
    let few = read(dir.path(), ScanLimits { entries: 4, ..ScanLimits::default() });
    assert_eq!(few.files.keys().collect::<Vec<_>>(), ["setup.cfg", "setup.py"]);
    assert_eq!(problems(&few), [".: more than 4 entries: the rest is skipped"]);
}

#[test]
fn twenty_thousand_files_are_read() {
    let dir = directory(&[("requirements.txt", "torch==2.1.0+cu118\n"), ("data/one.yaml", "resources:\n")]);
    for directory in 0..20 {
        let directory = dir.path().join(format!("data/{directory}"));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..1000 {
            // Some file systems need half a millisecond for a new file, and next to nothing for a link.
            fs::hard_link(dir.path().join("data/one.yaml"), directory.join(format!("{file}.yaml"))).unwrap();
        }
        symlink("/nowhere", directory.join("link")).unwrap();
    }
    let tree = read(dir.path(), ScanLimits::default());
    assert_eq!((tree.files.len(), tree.contents.len(), tree.problems.len()), (20_002, 20_002, 20));
    let found = scan(&tree);
    assert_eq!(found.suggestions().gpus.unwrap().value.to_string(), "any:1");
    let narrow = read(dir.path(), ScanLimits { entries: 5_000, ..ScanLimits::default() });
    assert!(narrow.files.len() < 5_000 && narrow.contents.contains_key("requirements.txt"));
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..250 {
        symlink("/nowhere", dir.path().join(format!("{number:03}"))).unwrap();
    }
    let problems = problems(&read(dir.path(), ScanLimits::default()));
    assert_eq!((problems.len(), problems[200].as_str()), (201, ".: 50 more entries are skipped"));
}

#[test]
fn missing_directory_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read_tree(&dir.path().join("none"), &ScanLimits::default()).is_err());
}
