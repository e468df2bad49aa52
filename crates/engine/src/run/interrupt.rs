//! Requests to stop, from the user or the system.

use std::future::Future;

use tokio::sync::watch;

/// The number of requests to stop so far. Requests made before an operation began count too.
pub type Interrupts = watch::Receiver<u32>;

/// The operation was interrupted before it changed anything at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Runs work that changes nothing at a site, dropping it at the first request to stop.
///
/// # Errors
/// [`Interrupted`], or the error of the work.
pub async fn unless_interrupted<T, E: From<Interrupted>>(
    interrupts: &Interrupts,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        biased;
        () = interrupted(interrupts) => Err(Interrupted.into()),
        done = work => done,
    }
}

/// Waits for the first request to stop; forever if none can come any more.
pub async fn interrupted(interrupts: &Interrupts) {
    if interrupts.clone().wait_for(|count| *count > 0).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Interrupts for callers that cannot be interrupted: none ever comes.
pub fn never() -> Interrupts {
    watch::channel(0).1
}
