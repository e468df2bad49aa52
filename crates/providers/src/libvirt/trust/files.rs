//! Files of this computer.

use std::path::Path;

/// Text of a file. `None` if it can't be read.
pub(super) fn text_of(root: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path.trim_start_matches('/'))).ok()
}

/// Names and contents of a directory's files with one of these endings, by name.
pub(super) fn files_of(root: &Path, directory: &str, endings: &[&str]) -> Vec<(String, String)> {
    let directory = root.join(directory.trim_start_matches('/'));
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<(String, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let matches = endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending));
            matches.then(|| std::fs::read_to_string(entry.path()).ok().map(|text| (name, text))).flatten()
        })
        .collect();
    files.sort();
    files
}
