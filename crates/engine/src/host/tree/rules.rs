//! What of a directory a sync sees.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::overrides::{Override, OverrideBuilder};
use ignore::{Match, Walk};

use super::list::{is_record, walker};
use super::meta::DirListing;
use super::{FileSelection, HostErrorKind};

/// What a directory's own files may say about what is left out.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".hostlerignore", ".skyignore"];

/// What is left out at the local side; at the other side the same is left alone.
pub(super) struct SyncFilter {
    take: FileSelection,
    root: PathBuf,
    excluded: Override,
}

impl SyncFilter {
    pub(super) fn new(root: &Path, take: FileSelection, exclude: &[String]) -> Result<Self, HostErrorKind> {
        let bad = |glob: &str, error| HostErrorKind::InvalidCommand(format!("`{glob}` is no pattern: {error}"));
        let mut builder = OverrideBuilder::new(root);
        for glob in exclude {
            builder.add(&format!("!{glob}")).map_err(|error| bad(glob, error))?;
        }
        let excluded = builder.build().map_err(|error| bad("", error))?;
        Ok(Self { take, root: root.to_owned(), excluded })
    }

    pub(super) fn walk(&self, root: &Path) -> Result<Walk, HostErrorKind> {
        let mut walk = walker(root, self.take);
        if self.take == FileSelection::All {
            // What is brought here must not touch what git keeps.
            walk.filter_entry(|entry| entry.depth() == 0 || (entry.file_name() != ".git" && !is_record(entry)));
        }
        walk.overrides(self.excluded.clone());
        Ok(walk.build())
    }

    /// Tells what at the other side is none of ours, by the rules that lie in the listed local directory.
    pub(super) fn protected(&self, local: &DirListing, remote: &DirListing) -> ProtectedPaths {
        let named = |path: &&Vec<u8>| IGNORE_FILES.iter().any(|name| name_of(path) == name.as_bytes());
        let files = local.keys().filter(named).filter(|_| self.take == FileSelection::Source);
        let mut ignores: Vec<Gitignore> = files.map(|path| self.read(path)).collect();
        // The deepest has the last word.
        ignores.sort_by_key(|ignore| std::cmp::Reverse(ignore.path().components().count()));
        let environments = remote.keys().filter(|path| name_of(path) == b"pyvenv.cfg");
        let environments = environments.map(|path| path[..path.len() - b"pyvenv.cfg".len()].to_vec()).collect();
        ProtectedPaths { root: self.root.clone(), excluded: self.excluded.clone(), ignores, environments }
    }

    fn read(&self, path: &[u8]) -> Gitignore {
        let file = self.root.join(OsStr::from_bytes(path));
        let mut builder = GitignoreBuilder::new(file.parent().unwrap_or(&self.root));
        // A line that is no pattern was passed over when the directory was listed, too.
        let _ = builder.add(&file);
        builder.build().unwrap_or_else(|_| Gitignore::empty())
    }
}

/// What of the other side is neither looked at nor deleted.
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
