//! Uploads, downloads and syncs of directory trees.
//!
//! An uploaded directory holds a record on the host, in `.hostler/`: `fingerprint` (of the whole tree, written last) and
//! `list` (the uploaded entries, NUL-terminated). So a second upload of the same tree costs one query, a changed tree sends
//! only its changes, and only entries that we uploaded are ever deleted.

mod disk;
mod filter;
mod list;
mod meta;
mod pack;
mod record;
mod remote;
mod remote_scripts;
mod sync;
mod transfer;
mod unpack;

pub use list::{FINGERPRINT_FILE, FileSelection};
pub use sync::{Compare, ExtraFiles, SyncMode, SyncOptions, SyncReport};
pub(super) use sync::{sync_down, sync_up};
pub use transfer::UploadReport;
pub(super) use transfer::{download, upload};
pub use unpack::DownloadReport;
