//! Ending a connection from another thread.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::RpcError;

/// Ends the calls of a thread whose caller is gone, so that it changes nothing from then on and drops its locks.
///
/// The daemon may still finish the one call that it has already received.
#[derive(Debug, Clone, Default)]
pub(in crate::libvirt) struct Cancellation(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    sockets: Vec<UnixStream>,
}

/// Cancels when it is dropped.
#[derive(Debug)]
pub(in crate::libvirt) struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Cancellation {
    /// Guard for the caller to hold while it waits.
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    /// Ends every connection that is attached, and every one that will be.
    fn cancel(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cancelled = true;
        for socket in state.sockets.drain(..) {
            // Fails only if the daemon has closed the connection already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Ties a new connection to the caller.
    pub(super) fn attach(&self, socket: &UnixStream) -> Result<(), RpcError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cancelled {
            return Err(RpcError::Cancelled);
        }
        state.sockets.push(socket.try_clone()?);
        Ok(())
    }
}
