//! Calls that block, each on its own thread and with a time limit.
//!
//! A daemon may accept a call and never answer, for example while a disk hangs. When the limit passes or the caller is
//! dropped, the connection of the call is shut down: the thread fails at its next message, changes nothing more and drops
//! its locks.

use std::thread;
use std::time::Duration;

use hostler_core::ports::Remedy;
use tokio::sync::oneshot;

use super::error::CallFailure;
use super::rpc::Cancellation;

/// Effect of a call, which decides its time limit and what is known when that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads only.
    Query,
    /// Creates, changes or deletes. Long enough to upload a base image or to wait for a slow shutdown.
    Change,
}

impl Effect {
    fn limit(self) -> Duration {
        match self {
            Self::Query => Duration::from_secs(20),
            Self::Change => Duration::from_secs(300),
        }
    }

    /// A query can be repeated. The outcome of a change is unknown: it is looked up by its ticket.
    fn timed_out(self, limit: Duration) -> CallFailure {
        let remedy = match self {
            Self::Query => Remedy::Retry(Duration::from_secs(2)),
            Self::Change => Remedy::Report,
        };
        let message = format!("libvirt did not finish within {}s", limit.as_secs());
        CallFailure { message, remedy, hint: Some("libvirt may hang: look into its log, or restart it".to_owned()) }
    }

    /// Runs the work on a thread and waits for it, up to the time limit.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Cancellation) -> Result<T, CallFailure> + Send + 'static,
    ) -> Result<T, CallFailure> {
        self.run_within(self.limit(), work).await
    }

    /// The thread is not one of the runtime's: at its end the runtime would wait for one that hangs.
    async fn run_within<T: Send + 'static>(
        self,
        limit: Duration,
        work: impl FnOnce(&Cancellation) -> Result<T, CallFailure> + Send + 'static,
    ) -> Result<T, CallFailure> {
        let cancellation = Cancellation::default();
        let _cancel = cancellation.on_drop();
        let (sender, result) = oneshot::channel();
        // Sending fails if the caller is gone.
        thread::Builder::new().name("libvirt".to_owned()).spawn(move || drop(sender.send(work(&cancellation))))?;
        match tokio::time::timeout(limit, result).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(CallFailure::unexpected("the thread of the call panicked; this is a bug in hostler")),
            Err(_) => Err(self.timed_out(limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::mpsc;

    use super::*;
    use crate::libvirt::rpc::{Connection, RpcError, Uri, User};

    /// A daemon that accepts connections and never answers.
    struct HangingDaemon {
        uri: Uri,
        listener: UnixListener,
        _directory: tempfile::TempDir,
    }

    impl HangingDaemon {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let socket = directory.path().join("sock");
            let uri = Uri::parse(&format!("qemu:///system?socket={}", socket.display())).unwrap();
            Self { uri, listener: UnixListener::bind(socket).unwrap(), _directory: directory }
        }

        /// Work that reports how its connection ended.
        fn work(&self, ended: mpsc::Sender<RpcError>) -> impl FnOnce(&Cancellation) -> Result<(), CallFailure> + use<> {
            let uri = self.uri.clone();
            move |cancellation| {
                let user = User { id: 0, runtime_dir: "/nowhere".into() };
                let error = Connection::open(&uri, &user, cancellation).unwrap_err();
                ended.send(error).unwrap();
                Ok(())
            }
        }

        /// The next connection, with a call on it.
        fn accept(&self) -> UnixStream {
            let (mut socket, _) = self.listener.accept().unwrap();
            socket.read_exact(&mut [0; 28]).unwrap();
            socket
        }
    }

    async fn remedy_after_timeout(effect: Effect) -> Remedy {
        let daemon = HangingDaemon::new();
        let (ended, end) = mpsc::channel();
        let error = effect.run_within(Duration::from_millis(1), daemon.work(ended)).await.unwrap_err();
        assert!(matches!(end.recv().unwrap(), RpcError::Closed | RpcError::Cancelled), "the thread has ended, too");
        error.remedy
    }

    #[tokio::test]
    async fn timed_out_query_is_retried_and_timed_out_change_reported() {
        assert_eq!(remedy_after_timeout(Effect::Query).await, Remedy::Retry(Duration::from_secs(2)));
        assert_eq!(remedy_after_timeout(Effect::Change).await, Remedy::Report);
    }

    #[tokio::test]
    async fn dropped_caller_ends_the_call() {
        let daemon = HangingDaemon::new();
        let (ended, end) = mpsc::channel();
        let call = tokio::spawn(Effect::Change.run(daemon.work(ended)));
        let mut socket = tokio::task::spawn_blocking(move || daemon.accept()).await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert!(matches!(end.recv().unwrap(), RpcError::Closed));
        assert_eq!(socket.read(&mut [0]).unwrap(), 0, "the daemon sees the end of the connection");
    }

    #[tokio::test]
    async fn results_are_returned() {
        assert_eq!(Effect::Query.run(|_| Ok(7)).await.unwrap(), 7);
        let full = Effect::Query.run(|_| Err::<(), _>(CallFailure::unavailable("no memory"))).await;
        assert_eq!(full.unwrap_err().remedy, Remedy::Replan);
    }
}
