//! Files that cache answers of a cloud between runs.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The cached value, if there is one and it can be read.
pub(super) fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Writes a cached value. The old file stays until the new one is complete and on disk.
///
/// Only the owner can read the file, or the directory if this creates it.
pub(super) fn write(file: &Path, value: &impl Serialize) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // Temporary files have the mode 0600.
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(&serde_json::to_vec(value)?)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
