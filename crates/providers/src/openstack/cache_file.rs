//! Files that cache answers of a cloud between runs.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blocking::blocking;

/// The cached value, if there is one and it can be read.
pub(super) async fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let file = file.to_owned();
    let text = blocking(move || std::fs::read(file)).await.ok()?;
    serde_json::from_slice(&text).ok()
}

/// Writes a cached value. The old file stays until the new one is complete and on disk.
///
/// Only the owner can read the file, or the directory if this creates it.
pub(super) async fn write(file: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let (file, text) = (file.to_owned(), serde_json::to_vec(value)?);
    blocking(move || replace(&file, &text)).await
}

/// Removes a cached value.
pub(super) async fn remove(file: &Path) {
    let file = file.to_owned();
    // A failure is harmless: the file is overwritten next, or its value is rejected once more.
    let _ = blocking(move || std::fs::remove_file(file)).await;
}

fn replace(file: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // Temporary files have the mode 0600.
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(text)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
