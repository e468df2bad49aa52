//! Files of a tree that are transferred.

/// Directory of the upload record inside an uploaded tree; neither uploaded nor downloaded.
pub(super) const RECORD_DIR: &str = ".hostler";

/// File with the fingerprint of an uploaded tree, relative to its directory.
pub const FINGERPRINT_FILE: &str = ".hostler/fingerprint";

/// Files of a local directory to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSelection {
    /// All but `.git`, virtual environments, and files ignored by `.gitignore` or `.hostlerignore` (`.skyignore`).
    Source,
    /// All files.
    All,
}
