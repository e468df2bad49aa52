//! Walking trees of files, within limits.

use std::collections::VecDeque;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hostler_core::scan::{Limits, Problem, Tree, wants};
use hostler_core::size::Bytes;

/// At most so many problems are told one by one; of the rest, how many there are.
const TOLD: usize = 200;

/// Reads of a folder what a scan wants, in an order that is the same everywhere: level by level, by name.
///
/// `.git` is left out. Links are followed to files of the tree itself, never out of it and never to folders. What is
/// skipped is a problem in the tree; the only error is a folder that cannot be read at all.
pub fn read_tree(dir: &Path, limits: &Limits) -> io::Result<Tree> {
    let root = dir.canonicalize()?;
    fs::read_dir(&root)?;
    let mut walk = Walk { root, limits, tree: Tree::default(), entries: 0, bytes: 0, told: 0, untold: 0, unread: 0 };
    let mut folders = VecDeque::from([(String::new(), 0)]);
    while let Some((folder, depth)) = folders.pop_front() {
        if !walk.folder(&folder, depth, &mut folders) {
            break;
        }
    }
    Ok(walk.end())
}

/// How many bytes the files below a folder have together. What cannot be read counts nothing.
pub(super) fn bytes_below(dir: &Path) -> u64 {
    let mut sum = 0_u64;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                Ok(about) => sum = sum.saturating_add(about.len()),
                // It went away while we looked, as git's temporary files do.
                Err(_) => {}
            }
        }
    }
    sum
}

struct Walk<'a> {
    root: PathBuf,
    limits: &'a Limits,
    tree: Tree,
    entries: usize,
    bytes: u64,
    told: usize,
    untold: usize,
    /// Wanted files that were left out because enough was read.
    unread: usize,
}

impl Walk<'_> {
    /// Looks at the entries of one folder. Says whether to go on.
    fn folder(&mut self, folder: &str, depth: usize, folders: &mut VecDeque<(String, usize)>) -> bool {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                self.problem(folder, &format!("cannot be read: {error}"));
                return true;
            }
        };
        // One more than is left shows that there are more, without reading a folder of millions.
        let left = self.limits.entries - self.entries;
        let mut names: Vec<_> =
            entries.flatten().take(left + 1).map(|entry| (entry.file_name(), entry.file_type())).collect();
        let is_over = names.len() > left;
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names.truncate(left);
        self.entries += names.len();
        for (name, kind) in names {
            let Some(name) = name.to_str() else {
                self.problem(&below(folder, &name.to_string_lossy()), "its name is not UTF-8, so it is not looked at");
                continue;
            };
            let path = below(folder, name);
            match kind {
                Ok(kind) if kind.is_dir() && name == ".git" => {}
                Ok(kind) if kind.is_dir() && depth >= self.limits.depth => {
                    self.problem(&path, &format!("deeper than {} folders, so it is not looked at", self.limits.depth));
                }
                Ok(kind) if kind.is_dir() => folders.push_back((path, depth + 1)),
                Ok(kind) => self.entry(path, kind),
                Err(error) => self.problem(&path, &format!("cannot be read: {error}")),
            }
        }
        if is_over {
            self.tell(".", &format!("more than {} entries: the rest is not looked at", self.limits.entries));
        }
        !is_over
    }

    /// Looks at what is no folder.
    fn entry(&mut self, path: String, kind: FileType) {
        let full = self.root.join(&path);
        if kind.is_symlink() && !self.leads_to_a_file(&path, &full) {
            return;
        }
        match fs::metadata(&full) {
            Ok(about) if about.is_file() => self.file(path, &full, about.len()),
            Ok(_) => self.problem(&path, "neither a file nor a folder, so it is not looked at"),
            Err(error) => self.problem(&path, &format!("cannot be read: {error}")),
        }
    }

    /// Whether a link leads to a file of the tree. One to a folder of the tree is left out: its files are there anyway.
    fn leads_to_a_file(&mut self, path: &str, full: &Path) -> bool {
        match full.canonicalize() {
            Err(_) => self.problem(path, "a link to nothing"),
            Ok(target) if !target.starts_with(&self.root) || target.starts_with(self.root.join(".git")) => {
                self.problem(path, "a link out of the tree, so it is not followed");
            }
            Ok(target) => return !target.is_dir(),
        }
        false
    }

    fn file(&mut self, path: String, full: &Path, size: u64) {
        if wants(&path) {
            if size > self.limits.file_bytes {
                let limit = Bytes(self.limits.file_bytes);
                self.problem(&path, &format!("{} is more than {limit}, so it is not read", Bytes(size)));
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
        // A file may grow after its size was looked at.
        match File::open(full).and_then(|file| file.take(self.limits.file_bytes).read_to_end(&mut contents)) {
            Ok(_) => {
                self.bytes += contents.len() as u64;
                self.tree.contents.insert(path.to_owned(), contents);
            }
            Err(error) => self.problem(path, &format!("cannot be read: {error}")),
        }
    }

    fn problem(&mut self, path: &str, text: &str) {
        if self.told < TOLD {
            self.told += 1;
            self.tell(path, text);
        } else {
            self.untold += 1;
        }
    }

    fn tell(&mut self, path: &str, text: &str) {
        let path = if path.is_empty() { "." } else { path };
        self.tree.problems.push(Problem::file(path, text));
    }

    fn end(mut self) -> Tree {
        if self.unread > 0 {
            let limit = Bytes(self.limits.total_bytes);
            self.tell(".", &format!("{} files are not read, because {limit} were read before them", self.unread));
        }
        if self.untold > 0 {
            self.tell(".", &format!("{} more entries are not looked at", self.untold));
        }
        self.tree
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
