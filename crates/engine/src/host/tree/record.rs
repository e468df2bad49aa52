//! The record of the last upload, and the difference to a local tree.

use std::collections::{BTreeMap, BTreeSet};

use super::list::LocalTree;

/// The list stored on the host: marks by path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UploadRecord(BTreeMap<Vec<u8>, String>);

/// Mark of an entry that may be incomplete because an upload was cut short. It differs from the mark of every real entry.
fn uncertain(mark: &str) -> &'static str {
    if is_directory(mark) { "?d" } else { "?f" }
}

impl UploadRecord {
    /// Parses a list. Lines that can't be parsed are ignored: those entries are sent again and never deleted.
    pub(super) fn parse(list: &[u8]) -> Self {
        let read = |line: &[u8]| {
            let space = line.iter().position(|b| *b == b' ')?;
            let mark = std::str::from_utf8(&line[..space]).ok()?;
            let path = &line[space + 1..];
            is_inside(path).then(|| (path.to_vec(), mark.to_owned()))
        };
        Self(list.split(|b| *b == 0).filter_map(read).collect())
    }

    fn write<'a>(marks: impl IntoIterator<Item = (&'a [u8], &'a str)>) -> Vec<u8> {
        let mut list = Vec::new();
        for (path, mark) in marks {
            list.extend_from_slice(mark.as_bytes());
            list.push(b' ');
            list.extend_from_slice(path);
            list.push(0);
        }
        list
    }

    /// List of a whole tree.
    pub(super) fn of(tree: &LocalTree) -> Vec<u8> {
        Self::write(tree.entries.iter().map(|entry| (entry.path.as_slice(), entry.mark.as_str())))
    }
}

/// True for a relative path without `.` and `..`. The list decides what is deleted, so no other path is accepted from it.
pub(super) fn is_inside(path: &[u8]) -> bool {
    !path.is_empty() && path.split(|b| *b == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// Work of an upload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TreeDiff {
    /// Entries to send, as indexes into the tree's entries.
    pub(super) changed: Vec<usize>,
    /// Files and links to delete.
    pub(super) deleted_files: Vec<Vec<u8>>,
    /// Directories to delete, deepest first.
    pub(super) deleted_directories: Vec<Vec<u8>>,
    /// All entries that may exist while the upload runs.
    interim: Vec<u8>,
}

impl TreeDiff {
    /// Compares a record with a tree. An entry that changed between file and directory is deleted and sent.
    pub(super) fn between(old: &UploadRecord, tree: &LocalTree) -> Self {
        let mut change = Self::default();
        let mut stays = BTreeSet::new();
        let mut interim: BTreeMap<&[u8], &str> = old.0.iter().map(|(path, mark)| (&**path, &**mark)).collect();
        for (index, entry) in tree.entries.iter().enumerate() {
            let before = old.0.get(&entry.path).map(String::as_str);
            if before != Some(entry.mark.as_str()) {
                interim.insert(&entry.path, uncertain(&entry.mark));
                change.changed.push(index);
            }
            if before.is_none_or(|before| is_directory(before) == is_directory(&entry.mark)) {
                stays.insert(entry.path.as_slice());
            }
        }
        for (path, mark) in old.0.iter().rev().filter(|(path, _)| !stays.contains(path.as_slice())) {
            let deleted = if is_directory(mark) { &mut change.deleted_directories } else { &mut change.deleted_files };
            deleted.push(path.clone());
        }
        change.interim = UploadRecord::write(interim);
        change
    }

    /// List to store on the host before anything changes.
    pub(super) fn interim(&self) -> Vec<u8> {
        self.interim.clone()
    }
}

/// List to store on the host before a sync changes these paths, with the type that each has afterwards. Paths that no upload
/// created are not added: no upload may delete them.
pub(super) fn invalidated<'a>(list: &[u8], changed: impl IntoIterator<Item = (&'a [u8], PathKind)>) -> Vec<u8> {
    let mut record = UploadRecord::parse(list);
    for (path, kind) in changed {
        if let Some(mark) = record.0.get_mut(path) {
            *mark = match kind {
                PathKind::Directory => "?d".to_owned(),
                PathKind::Other => "?f".to_owned(),
            };
        }
    }
    UploadRecord::write(record.0.iter().map(|(path, mark)| (path.as_slice(), mark.as_str())))
}

/// Type of a path, as far as deletion differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    Directory,
    Other,
}

fn is_directory(mark: &str) -> bool {
    mark.starts_with('d') || mark == "?d"
}

/// Paths to delete, for [`super::remote_scripts::DELETE`]. The last item is an end marker: in a list that was cut short, the
/// last item may be a prefix that names another file, so `DELETE` always drops it.
pub(super) fn deletion_list(paths: &[Vec<u8>]) -> Vec<u8> {
    [nul_list(paths).as_slice(), b"end\0"].concat()
}

/// Paths for `xargs -0`, prefixed with `./` so that none looks like an option.
pub(super) fn nul_list(paths: &[Vec<u8>]) -> Vec<u8> {
    paths.iter().flat_map(|path| [b"./".as_slice(), path, b"\0"].concat()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::list::TreeEntry;
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> LocalTree {
        let entry =
            |(path, mark): &(&str, &str)| TreeEntry { path: path.as_bytes().to_vec(), mark: (*mark).to_owned() };
        LocalTree {
            root: PathBuf::new(),
            mode: 0o755,
            entries: entries.iter().map(entry).collect(),
            fingerprint: String::new(),
        }
    }

    fn text(paths: &[Vec<u8>]) -> Vec<&str> {
        paths.iter().map(|path| std::str::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn only_differences_are_sent_and_only_uploaded_paths_deleted() {
        let old =
            UploadRecord::parse(&UploadRecord::of(&tree(&[("a", "f-1"), ("d", "d"), ("d/b", "f-2"), ("same", "f-3")])));
        let change = TreeDiff::between(&old, &tree(&[("a", "f-9"), ("new\nline", "f-4"), ("same", "f-3")]));
        assert_eq!(change.changed, [0, 1]);
        assert_eq!(text(&change.deleted_files), ["d/b"]);
        assert_eq!(text(&change.deleted_directories), ["d"]);
    }

    #[test]
    fn entry_of_changed_type_is_deleted_first() {
        let old = UploadRecord::parse(b"f-1 a\0d b\0");
        let change = TreeDiff::between(&old, &tree(&[("a", "d"), ("b", "f-2")]));
        assert_eq!((text(&change.deleted_files), text(&change.deleted_directories)), (vec!["a"], vec!["b"]));
        assert_eq!(change.changed, [0, 1]);
    }

    #[test]
    fn interrupted_upload_is_recovered_from_its_interim_list() {
        let old = UploadRecord::parse(b"f-1 a\0f-2 b\0");
        let first = TreeDiff::between(&old, &tree(&[("a", "f-1"), ("c", "f-3")]));
        let after_crash = UploadRecord::parse(&first.interim());
        let second = TreeDiff::between(&after_crash, &tree(&[("a", "f-1"), ("d", "f-4")]));
        assert_eq!(second.changed, [1]);
        assert_eq!(text(&second.deleted_files), ["c", "b"]);
    }

    #[test]
    fn synced_paths_are_uploaded_again_and_new_ones_not_recorded() {
        let list = b"d700 d\0f-1 d/a\0f-2 same\0";
        let changed = [("d", PathKind::Directory), ("d/a", PathKind::Other), ("theirs", PathKind::Other)];
        let after = invalidated(list, changed.map(|(path, kind)| (path.as_bytes(), kind)));
        assert_eq!(after, b"?d d\0?f d/a\0f-2 same\0");
        let tree = tree(&[("d", "d700"), ("d/a", "f-1"), ("same", "f-2")]);
        assert_eq!(TreeDiff::between(&UploadRecord::parse(&after), &tree).changed, [0, 1]);
    }

    #[test]
    fn list_never_deletes_outside_its_directory() {
        for bad in ["f-1 ../x\0", "f-1 /etc/passwd\0", "f-1 a/../../x\0", "f-1 \0", "nonsense\0"] {
            assert_eq!(UploadRecord::parse(bad.as_bytes()), UploadRecord::default(), "{bad:?}");
        }
    }
}
