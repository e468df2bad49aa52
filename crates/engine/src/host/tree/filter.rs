//! Selects the files that a sync considers.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{Match, Walk};

use super::list::{FileSelection, is_record, unreadable, walker};
use super::meta::{DirListing, EntryMeta};
use crate::host::error::HostErrorKind;

/// Files with ignore patterns.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".hostlerignore", ".skyignore"];

/// Excludes local files from a sync; matching files on the other side are left alone.
pub(super) struct SyncFilter {
    files: FileSelection,
    root: PathBuf,
    excluded: Override,
}

impl SyncFilter {
    pub(super) fn new(root: &Path, files: FileSelection, exclude: &[String]) -> Result<Self, HostErrorKind> {
        let bad =
            |glob: &str, error| HostErrorKind::InvalidCommand(format!("`{glob}` is not a valid pattern: {error}"));
        let mut builder = OverrideBuilder::new(root);
        for glob in exclude {
            builder.add(&format!("!{glob}")).map_err(|error| bad(glob, error))?;
        }
        let excluded = builder.build().map_err(|error| bad("", error))?;
        Ok(Self { files, root: root.to_owned(), excluded })
    }

    /// Lists a local directory; a missing one is empty. Blocks on the disk.
    pub(super) fn list(&self, root: &Path) -> Result<DirListing, HostErrorKind> {
        let mut listing = DirListing::new();
        if !root.exists() {
            return Ok(listing);
        }
        for found in self.walk(root) {
            let found = found.map_err(|error| unreadable(root, io::Error::other(error)))?;
            let path = found.path();
            let relative = path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes().to_vec();
            let metadata = found.metadata().map_err(|error| unreadable(path, io::Error::other(error)))?;
            let meta = EntryMeta::of(path, &metadata).map_err(|source| unreadable(path, source))?;
            if let (false, Some(meta)) = (relative.is_empty(), meta) {
                listing.insert(relative, meta);
            }
        }
        Ok(listing)
    }

    fn walk(&self, root: &Path) -> Walk {
        let mut walk = walker(root, self.files);
        if self.files == FileSelection::All {
            // A sync into this directory must not touch git's files.
            walk.filter_entry(|entry| entry.depth() == 0 || (entry.file_name() != ".git" && !is_record(entry)));
        }
        walk.overrides(self.excluded.clone());
        walk.build()
    }

    /// Paths to leave alone, by the ignore files of the listed local directory. Reads those files: blocks on the disk.
    pub(super) fn protected(&self, local: &DirListing, remote: &DirListing) -> ProtectedPaths {
        let named = |path: &&Vec<u8>| IGNORE_FILES.iter().any(|name| name_of(path) == name.as_bytes());
        let files = local.keys().filter(named).filter(|_| self.files == FileSelection::Source);
        let mut ignores: Vec<Gitignore> = files.map(|path| self.read(path)).collect();
        // The deepest ignore file takes precedence.
        ignores.sort_by_key(|ignore| std::cmp::Reverse(ignore.path().components().count()));
        let environments = remote.keys().filter(|path| name_of(path) == b"pyvenv.cfg");
        let environments = environments.map(|path| path[..path.len() - b"pyvenv.cfg".len()].to_vec()).collect();
        ProtectedPaths { root: self.root.clone(), excluded: self.excluded.clone(), ignores, environments }
    }

    fn read(&self, path: &[u8]) -> Gitignore {
        let file = self.root.join(OsStr::from_bytes(path));
        let mut builder = GitignoreBuilder::new(file.parent().unwrap_or(&self.root));
        // Invalid lines were ignored when the directory was listed, too.
        let _ = builder.add(&file);
        builder.build().unwrap_or_else(|_| Gitignore::empty())
    }
}

/// Paths that a sync neither compares nor deletes.
pub(super) struct ProtectedPaths {
    root: PathBuf,
    excluded: Override,
    ignores: Vec<Gitignore>,
    environments: BTreeSet<Vec<u8>>,
}

impl ProtectedPaths {
    pub(super) fn contains(&self, path: &[u8], is_directory: bool) -> bool {
        let inside = |dir: &Vec<u8>| path.starts_with(dir) || (is_directory && [path, b"/"].concat() == *dir);
        if path.split(|byte| *byte == b'/').any(|part| part == b".git") || self.environments.iter().any(inside) {
            return true;
        }
        let whole = self.root.join(OsStr::from_bytes(path));
        let parents = whole.ancestors().take_while(|parent| *parent != self.root);
        if parents.enumerate().any(|(up, part)| self.excluded.matched(part, up > 0 || is_directory).is_ignore()) {
            return true;
        }
        for ignore in self.ignores.iter().filter(|ignore| whole.starts_with(ignore.path())) {
            match ignore.matched_path_or_any_parents(&whole, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
