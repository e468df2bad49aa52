//! Where a demand file's paths start, and how far they may reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source::normal;

/// The directory that relative paths of a demand file start from, and whose file it is.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    /// An absolute path: where the command was called, or the top of the repository that the file is part of.
    pub directory: &'a Path,
    /// Whose file it is.
    pub author: Author<'a>,
}

/// Who wrote a demand file, and so what it may take from this computer.
#[derive(Debug, Clone, Copy)]
pub enum Author<'a> {
    /// The user, who may name any path. The home directory is for `~`, where it is known.
    User {
        /// An absolute path.
        home: Option<&'a Path>,
    },
    /// The repository that is brought up: its file names paths inside of it only, and no variable of the user's
    /// environment that the user doesn't name as well.
    Repository,
}

impl Base<'_> {
    /// The absolute path that a path of the file means. Purely by its text: no file is touched.
    ///
    /// # Errors
    /// A lower-case fragment, where it leaves the repository, or begins with a `~` that nobody can resolve.
    pub fn path(&self, text: &str) -> Result<PathBuf, String> {
        let path = match (text.strip_prefix('~'), self.author) {
            (Some(rest), Author::User { home: Some(home) }) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            (Some(_), Author::User { .. }) => return Err(format!("`{text}`: whose home that is isn't known here")),
            (Some(_), Author::Repository) => return Err(outside(text)),
            (None, _) => self.directory.join(text),
        };
        let path = normal(&path);
        match self.author {
            Author::Repository if !path.starts_with(normal(self.directory)) => Err(outside(text)),
            _ => Ok(path),
        }
    }

    /// The path as a demand keeps it: absolute where the user wrote it, and relative to the repository's top (`.` for
    /// all of it) where that did. Where the repository lies is known only while there is a checkout of it, and whether a
    /// link leads out of it only by looking: who takes the file joins both, and looks.
    ///
    /// # Errors
    /// As for [`Base::path`].
    pub fn kept(&self, text: &str) -> Result<PathBuf, String> {
        let path = self.path(text)?;
        match (self.author, path.strip_prefix(normal(self.directory))) {
            (Author::User { .. }, _) => Ok(path),
            (Author::Repository, Ok(inner)) if inner.as_os_str().is_empty() => Ok(PathBuf::from(".")),
            (Author::Repository, Ok(inner)) => Ok(inner.to_owned()),
            (Author::Repository, Err(_)) => Err(outside(text)),
        }
    }
}

fn outside(text: &str) -> String {
    format!("`{text}` is outside of the repository, whose own demand file must not reach there")
}

/// Puts the values of variables in for `${NAME}` and `$NAME`. Names that aren't there stay as they are written.
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

/// The name that a `$` introduces, and how many bytes it takes with its braces.
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

    fn user() -> Base<'static> {
        let home = Some(Path::new("/home/ann"));
        Base { directory: Path::new("/work/project"), author: Author::User { home } }
    }

    fn repository() -> Base<'static> {
        Base { directory: Path::new("/tmp/clone"), author: Author::Repository }
    }

    #[test]
    fn paths_start_at_the_base() {
        for (text, path) in [
            (".", "/work/project"),
            ("data/../src", "/work/project/src"),
            ("../other", "/work/other"),
            ("/srv/x", "/srv/x"),
            ("~/data", "/home/ann/data"),
            ("~", "/home/ann"),
        ] {
            assert_eq!(user().path(text), Ok(PathBuf::from(path)), "{text}");
        }
        assert!(user().path("~bob/data").is_err());
    }

    #[test]
    fn a_repository_reaches_only_into_itself() {
        assert_eq!(repository().path("data/x"), Ok(PathBuf::from("/tmp/clone/data/x")));
        for text in ["~/.ssh", "~", "/etc/passwd", "../clone-2", "data/../../x", "/tmp/clone/../x"] {
            assert!(repository().path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_demand_keeps_does_not_know_where_the_repository_lies() {
        for (text, kept) in [("data/./x", "data/x"), ("./a/../b", "b"), (".", "."), ("/tmp/clone/b", "b")] {
            assert_eq!(repository().kept(text), Ok(PathBuf::from(kept)), "{text}");
        }
        assert!(repository().kept("../x").is_err());
        assert_eq!(user().kept("data"), Ok(PathBuf::from("/work/project/data")));
    }

    #[test]
    fn variables_are_put_in() {
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
        fn text_without_known_variables_stays(text in "\\PC*") {
            prop_assert_eq!(substitute(&text, &BTreeMap::new()), text);
        }
    }
}
