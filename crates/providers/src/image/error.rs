//! Errors of the image store.

use std::path::{Path, PathBuf};

use crate::http::HttpError;

/// A failed operation of the image store.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The name is not safe as a file name.
    #[error(
        "`{0}` is not an image name: use 1 to 60 lower-case letters, digits, dots and hyphens, beginning with a letter"
    )]
    BadName(String),
    /// The store has no image of this name.
    #[error("no image `{0}` in the store")]
    Missing(String),
    /// The store already has an image of this name.
    #[error("the image `{0}` already exists")]
    Exists(String),
    /// No recipe builds an image of this name.
    #[error("no recipe for an image `{0}`: the only one is `debian-12`")]
    NoRecipe(String),
    /// The content does not match the expected digest.
    #[error("`{origin}` has the SHA-256 {actual}, not {expected}")]
    Digest {
        /// The file or address.
        origin: String,
        /// The digest that the user gave.
        expected: String,
        /// The digest of the content.
        actual: String,
    },
    /// The file is not a usable disk.
    #[error("`{file}` can't be used as a disk: {why}")]
    BadDisk {
        /// The file or address.
        file: String,
        /// The reason.
        why: String,
    },
    /// A required program is not installed.
    #[error("`{program}` is not installed; on Debian or Ubuntu: apt-get install {package}")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// The package that contains it.
        package: &'static str,
    },
    /// A program failed.
    #[error("`{program}` failed ({status}); the end of its output:\n{tail}")]
    Program {
        /// The program.
        program: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its output.
        tail: String,
    },
    /// A file could not be read or written.
    #[error("`{path}` could not be {doing}")]
    File {
        /// The file.
        path: PathBuf,
        /// The failed operation, as a participle such as `read`.
        doing: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A download failed.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Turns I/O errors about a file into [`ImageError::File`].
pub(super) fn file_error<'a>(path: &'a Path, doing: &'static str) -> impl Fn(std::io::Error) -> ImageError + 'a {
    move |source| ImageError::File { path: path.to_owned(), doing, source }
}
