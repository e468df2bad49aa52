//! Blocking work, off the threads that drive futures.

use std::panic::resume_unwind;
use std::path::PathBuf;

/// Runs work that blocks (files, locks, directory walks) on the runtime's pool of blocking threads.
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

/// True if a file or directory exists. False also if its directory cannot be read.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
pub(crate) async fn exists(path: PathBuf) -> bool {
    blocking(move || path.exists()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "of the work")]
    async fn panic_of_the_work_continues_in_the_caller() {
        assert_eq!(blocking(|| 1).await, 1);
        blocking(|| panic!("of the work")).await;
    }
}
