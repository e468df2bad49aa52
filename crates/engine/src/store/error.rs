//! Errors of the store.

use std::path::PathBuf;

use hostler_core::journal::IllegalEntry;
use hostler_core::name::Name;

/// The reason why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory or a file in it cannot be used.
    #[error("`{path}` can't be used", path = path.display())]
    Files {
        /// The directory or file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the journal in `{path}` can't be used", path = path.display())]
    Database {
        /// The file of the database.
        path: PathBuf,
        /// The reason.
        source: sqlx::Error,
    },
    /// The database has a newer schema, or a migration of its schema failed.
    #[error("the journal in `{path}` can't be migrated to this version of hostler", path = path.display())]
    Version {
        /// The file of the database.
        path: PathBuf,
        /// The reason.
        source: sqlx::migrate::MigrateError,
    },
    /// A stored text cannot be parsed.
    #[error("the journal in `{path}` has {what} that this version of hostler can't read", path = path.display())]
    Damaged {
        /// The file of the database.
        path: PathBuf,
        /// The kind of text, such as `an entry`.
        what: String,
    },
    /// An entry must not follow the journal of its deployment. It was not written.
    #[error("the journal of `{name}` can't be continued")]
    IllegalEntry {
        /// The deployment.
        name: Name,
        /// The entry, and the state that it met.
        source: IllegalEntry,
    },
    /// Another process holds the lock of this deployment.
    #[error(
        "`{name}` is being changed by another hostler process{}",
        .pid.map(|pid| format!(" (PID {pid})")).unwrap_or_default()
    )]
    Busy {
        /// The deployment.
        name: Name,
        /// The other process; `None` if it has not written its id yet.
        pid: Option<u32>,
    },
    /// A deployment that was just written to the journal cannot be found in it.
    #[error("the deployment `{0}` vanished from the journal")]
    Vanished(Name),
    /// A live deployment of this name exists.
    #[error("a deployment `{0}` exists already")]
    NameTaken(Name),
}
