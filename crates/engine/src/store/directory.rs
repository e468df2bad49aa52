//! Directories that only their owner can read.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::error::StoreError;

/// Creates a directory with mode 0700, and its parents: it holds keys and journals. An existing one is left unchanged.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), StoreError> {
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.map_err(|source| StoreError::Files { path: dir.to_owned(), source })
}
