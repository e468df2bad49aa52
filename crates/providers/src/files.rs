//! Files that are kept for later.

use std::io::Write;
use std::path::Path;

/// Puts a file in the place of the old one, which stays as it is until the new one is whole and on disk. Only its owner
/// can read it, and its folder where that is made here.
pub(crate) fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Temporary files are made 0600.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
