//! A machine to log in to.

use std::sync::Arc;

use hostler_core::ports::Address;

use super::key::{HostKey, Identity};

/// A machine, with everything needed to log in to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Machine name, unique among the machines connected at a time.
    pub machine: String,
    /// Address of its SSH server, as seen from the jump host if there is one.
    pub address: Address,
    /// Login user.
    pub user: String,
    /// Login key.
    pub identity: Arc<Identity>,
    /// Host key seen at the first contact; `None` before it.
    pub pinned: Option<HostKey>,
    /// Jump host to connect through.
    pub jump: Option<Box<Target>>,
}
