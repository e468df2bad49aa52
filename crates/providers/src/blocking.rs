//! Blocking work, off the threads that drive futures.

use std::panic::resume_unwind;

/// Runs work that blocks (files, locks) on the runtime's pool of blocking threads.
///
/// Dropping the future does not stop the work. A panic of the work continues in the caller.
#[expect(clippy::disallowed_methods, reason = "the one place that may")]
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down, and drops this future next.
            Err(_) => std::future::pending().await,
        },
    }
}
