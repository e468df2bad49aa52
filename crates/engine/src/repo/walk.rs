//! Walks a directory tree within limits.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::collections::VecDeque;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hostler_core::scan::{FileTree, ScanLimits, ScanProblem, wants};
use hostler_core::size::Bytes;

/// Problems listed one by one; the rest are only counted.
const MAX_PROBLEMS: usize = 200;

/// Reads the names of all files, and the contents that a scan needs, level by level and sorted by name. The order is the
/// same on every computer.
///
/// Leaves out `.git`. Follows links to files inside the tree, never out of it and never to directories. Skipped entries
/// become problems of the tree; the only error is a root directory that can't be read. Blocks on the disk.
pub fn read_tree(dir: &Path, limits: &ScanLimits) -> io::Result<FileTree> {
    let root = dir.canonicalize()?;
    fs::read_dir(&root)?;
    let mut walk =
        Walk { root, limits, tree: FileTree::default(), entries: 0, bytes: 0, listed: 0, unlisted: 0, unread: 0 };
    let mut directories = VecDeque::from([(String::new(), 0)]);
    while let Some((directory, depth)) = directories.pop_front() {
        if !walk.directory(&directory, depth, &mut directories) {
            break;
        }
    }
    Ok(walk.end())
}

/// Total size of the files below a directory, in bytes. Unreadable files count as 0.
pub(super) fn bytes_below(dir: &Path) -> u64 {
    let mut sum = 0_u64;
    let mut directories = vec![dir.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => directories.push(entry.path()),
                Ok(about) => sum = sum.saturating_add(about.len()),
                // Deleted meanwhile, as git's temporary files are.
                Err(_) => {}
            }
        }
    }
    sum
}

struct Walk<'a> {
    root: PathBuf,
    limits: &'a ScanLimits,
    tree: FileTree,
    entries: usize,
    bytes: u64,
    listed: usize,
    unlisted: usize,
    /// Needed files that were not read because of `total_bytes`.
    unread: usize,
}

impl Walk<'_> {
    /// Records the entries of one directory. False once the limit of entries is reached.
    fn directory(&mut self, directory: &str, depth: usize, directories: &mut VecDeque<(String, usize)>) -> bool {
        let entries = match fs::read_dir(self.root.join(directory)) {
            Ok(entries) => entries,
            Err(error) => {
                self.problem(directory, &format!("cannot be read: {error}"));
                return true;
            }
        };
        // Read one entry beyond the limit: it shows that there are more, without listing a directory of millions.
        let left = self.limits.entries - self.entries;
        let mut names: Vec<_> =
            entries.flatten().take(left + 1).map(|entry| (entry.file_name(), entry.file_type())).collect();
        let is_over = names.len() > left;
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names.truncate(left);
        self.entries += names.len();
        for (name, kind) in names {
            let Some(name) = name.to_str() else {
                self.problem(&below(directory, &name.to_string_lossy()), "skipped: its name is not UTF-8");
                continue;
            };
            let path = below(directory, name);
            match kind {
                Ok(kind) if kind.is_dir() && name == ".git" => {}
                Ok(kind) if kind.is_dir() && depth >= self.limits.depth => {
                    self.problem(&path, &format!("skipped: deeper than {} directories", self.limits.depth));
                }
                Ok(kind) if kind.is_dir() => directories.push_back((path, depth + 1)),
                Ok(kind) => self.entry(path, kind),
                Err(error) => self.problem(&path, &format!("cannot be read: {error}")),
            }
        }
        if is_over {
            self.push_problem(".", &format!("more than {} entries: the rest is skipped", self.limits.entries));
        }
        !is_over
    }

    /// Records an entry that is not a directory.
    fn entry(&mut self, path: String, kind: FileType) {
        let full = self.root.join(&path);
        if kind.is_symlink() && !self.is_link_to_file(&path, &full) {
            return;
        }
        match fs::metadata(&full) {
            Ok(about) if about.is_file() => self.file(path, &full, about.len()),
            Ok(_) => self.problem(&path, "skipped: neither a file nor a directory"),
            Err(error) => self.problem(&path, &format!("cannot be read: {error}")),
        }
    }

    /// True for a link to a file of the tree. A link to a directory of the tree is skipped: its files are listed anyway.
    fn is_link_to_file(&mut self, path: &str, full: &Path) -> bool {
        match full.canonicalize() {
            Err(_) => self.problem(path, "skipped: a broken link"),
            Ok(target) if !target.starts_with(&self.root) || target.starts_with(self.root.join(".git")) => {
                self.problem(path, "skipped: a link out of the tree");
            }
            Ok(target) => return !target.is_dir(),
        }
        false
    }

    fn file(&mut self, path: String, full: &Path, size: u64) {
        if wants(&path) {
            if size > self.limits.file_bytes {
                let limit = Bytes(self.limits.file_bytes);
                self.problem(&path, &format!("not read: {} is more than {limit}", Bytes(size)));
            } else if self.bytes + size > self.limits.total_bytes {
                self.unread += 1;
            } else {
                self.read(&path, full);
            }
        }
        self.tree.files.insert(path, size);
    }

    fn read(&mut self, path: &str, full: &Path) {
        let mut contents = Vec::new();
        // The file may have grown since its size was read.
        match File::open(full).and_then(|file| file.take(self.limits.file_bytes).read_to_end(&mut contents)) {
            Ok(_) => {
                self.bytes += contents.len() as u64;
                self.tree.contents.insert(path.to_owned(), contents);
            }
            Err(error) => self.problem(path, &format!("cannot be read: {error}")),
        }
    }

    fn problem(&mut self, path: &str, text: &str) {
        if self.listed < MAX_PROBLEMS {
            self.listed += 1;
            self.push_problem(path, text);
        } else {
            self.unlisted += 1;
        }
    }

    fn push_problem(&mut self, path: &str, text: &str) {
        let path = if path.is_empty() { "." } else { path };
        self.tree.problems.push(ScanProblem::file(path, text));
    }

    fn end(mut self) -> FileTree {
        if self.unread > 0 {
            let limit = Bytes(self.limits.total_bytes);
            self.push_problem(".", &format!("{} files are not read: the limit of {limit} is reached", self.unread));
        }
        if self.unlisted > 0 {
            self.push_problem(".", &format!("{} more entries are skipped", self.unlisted));
        }
        self.tree
    }
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
