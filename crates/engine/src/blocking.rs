//! Blocking work, off the threads that drive futures.

use std::io;

/// Runs work that blocks (files, locks, directory walks) on the runtime's pool of blocking threads.
///
/// Dropping the future does not stop the work. An error means that the work panicked or the runtime is shutting down.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}
