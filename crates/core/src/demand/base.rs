//! Resolution of the paths in a demand file, and the files that its author may use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source::normalize;

/// Directory from which relative paths of a demand file start, and the author of the file.
#[derive(Debug, Clone, Copy)]
pub struct PathBase<'a> {
    /// Absolute path: the caller's working directory, or the top of the repository that contains the file.
    pub directory: &'a Path,
    /// Author of the file.
    pub author: FileAuthor<'a>,
}

/// Author of a demand file, which decides what the file may read on this computer.
#[derive(Debug, Clone, Copy)]
pub enum FileAuthor<'a> {
    /// The user, who may name every path.
    User {
        /// Absolute path that `~` stands for. `None` if unknown.
        home: Option<&'a Path>,
    },
    /// The repository being deployed. Its file may use paths inside the repository only, and no environment variable
    /// of the user that the user does not name as well.
    Repository,
}

impl PathBase<'_> {
    /// Resolves a path of the file to an absolute path. Works on the text alone and reads no file.
    ///
    /// # Errors
    /// A lower-case fragment if the path leaves the repository or starts with a `~` that can't be resolved.
    pub fn resolve(&self, text: &str) -> Result<PathBuf, String> {
        let path = match (text.strip_prefix('~'), self.author) {
            (Some(rest), FileAuthor::User { home: Some(home) }) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            (Some(_), FileAuthor::User { .. }) => return Err(format!("`{text}`: the home directory is unknown")),
            (Some(_), FileAuthor::Repository) => return Err(outside(text)),
            (None, _) => self.directory.join(text),
        };
        let path = normalize(&path);
        match self.author {
            FileAuthor::Repository if !path.starts_with(normalize(self.directory)) => Err(outside(text)),
            _ => Ok(path),
        }
    }

    /// Path in the form that a demand stores: absolute if the user wrote it, and relative to the top of the repository
    /// (`.` for all of it) if the repository did.
    ///
    /// A checkout is temporary, so its path is not stored. To read the file, join the stored path to that of the
    /// current checkout, and check that no link leads out of the repository.
    ///
    /// # Errors
    /// As for [`PathBase::resolve`].
    pub fn stored_path(&self, text: &str) -> Result<PathBuf, String> {
        let path = self.resolve(text)?;
        match (self.author, path.strip_prefix(normalize(self.directory))) {
            (FileAuthor::User { .. }, _) => Ok(path),
            (FileAuthor::Repository, Ok(inner)) if inner.as_os_str().is_empty() => Ok(PathBuf::from(".")),
            (FileAuthor::Repository, Ok(inner)) => Ok(inner.to_owned()),
            (FileAuthor::Repository, Err(_)) => Err(outside(text)),
        }
    }
}

fn outside(text: &str) -> String {
    format!("`{text}` is outside the repository: its own demand file may use paths inside it only")
}

/// Replaces `${NAME}` and `$NAME` by the values of variables. Unknown names are left unchanged.
pub(super) fn substitute(text: &str, envs: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let (name, len) = variable_at(after);
        match envs.get(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[start..start + 1 + len]),
        }
        rest = &after[len..];
    }
    out + rest
}

/// Name after a `$`, and its length in bytes including braces.
fn variable_at(after: &str) -> (&str, usize) {
    if let Some(inner) = after.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (&inner[..end], end + 2),
            None => ("", 0),
        };
    }
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
    (&after[..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user() -> PathBase<'static> {
        let home = Some(Path::new("/home/ann"));
        PathBase { directory: Path::new("/work/project"), author: FileAuthor::User { home } }
    }

    fn repository() -> PathBase<'static> {
        PathBase { directory: Path::new("/tmp/clone"), author: FileAuthor::Repository }
    }

    #[test]
    fn relative_paths_start_at_the_base() {
        for (text, path) in [
            (".", "/work/project"),
            ("data/../src", "/work/project/src"),
            ("../other", "/work/other"),
            ("/srv/x", "/srv/x"),
            ("~/data", "/home/ann/data"),
            ("~", "/home/ann"),
        ] {
            assert_eq!(user().resolve(text), Ok(PathBuf::from(path)), "{text}");
        }
        assert!(user().resolve("~bob/data").is_err());
    }

    #[test]
    fn repository_file_resolves_paths_inside_the_repository_only() {
        assert_eq!(repository().resolve("data/x"), Ok(PathBuf::from("/tmp/clone/data/x")));
        for text in ["~/.ssh", "~", "/etc/passwd", "../clone-2", "data/../../x", "/tmp/clone/../x"] {
            assert!(repository().resolve(text).is_err(), "{text}");
        }
    }

    #[test]
    fn stored_paths_of_a_repository_are_relative_to_it() {
        for (text, stored) in [("data/./x", "data/x"), ("./a/../b", "b"), (".", "."), ("/tmp/clone/b", "b")] {
            assert_eq!(repository().stored_path(text), Ok(PathBuf::from(stored)), "{text}");
        }
        assert!(repository().stored_path("../x").is_err());
        assert_eq!(user().stored_path("data"), Ok(PathBuf::from("/work/project/data")));
    }

    #[test]
    fn known_variables_are_substituted() {
        let envs = BTreeMap::from([("SIZE".to_owned(), "13b".to_owned()), ("A".to_owned(), "$SIZE".to_owned())]);
        for (text, expected) in [
            ("/m/${SIZE}/x", "/m/13b/x"),
            ("/m/$SIZE-x", "/m/13b-x"),
            ("$SIZES ${OTHER} $", "$SIZES ${OTHER} $"),
            ("${SIZE", "${SIZE"),
            ("$A", "$SIZE"),
            ("$$SIZE", "$13b"),
        ] {
            assert_eq!(substitute(text, &envs), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_known_variables_is_unchanged(text in "\\PC*") {
            prop_assert_eq!(substitute(&text, &BTreeMap::new()), text);
        }
    }
}
