//! Ctrl-C and SIGTERM.

use hostler_engine::run::Interrupts;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, ErrorKind};

/// Counts Ctrl-C and SIGTERM from now on.
///
/// A closed terminal (SIGHUP) is not a request to stop: it ends the process as a crash would, and the next one resumes from
/// the journal.
pub fn interrupts() -> Result<Interrupts, Error> {
    let (count, interrupts) = watch::channel(0);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)
            .map_err(|error| Error::new(ErrorKind::System, "signals can't be handled").caused_by(&error))?;
        let count = count.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                count.send_modify(|count| *count += 1);
            }
        });
    }
    Ok(interrupts)
}
