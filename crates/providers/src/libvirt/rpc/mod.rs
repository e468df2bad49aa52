//! A client of libvirt's RPC protocol, for the calls that this provider makes.
//!
//! libvirt documents the protocol as a long-term stable ABI that other clients may implement: procedures are added, but
//! never removed or changed (<https://libvirt.org/support.html#rpc-protocol>). Numbers and layouts are those of
//! `remote_protocol.x` and `virnetprotocol.x`; values of flags and codes are those of the public headers.
//!
//! A connection makes one call at a time and blocks. It has no time limit of its own: [`Cancellation`] ends it from
//! another thread, whatever it waits for. After a failure that leaves the position in the byte stream unknown, the
//! connection is closed and every further call fails.

mod cancel;
mod connection;
mod domain;
mod error;
mod host;
mod message;
mod network;
mod storage;
mod stream;
#[cfg(test)]
mod tests;
mod uri;
mod xdr;

pub(super) use cancel::Cancellation;
pub(super) use connection::Connection;
pub(super) use domain::{Domain, DomainState, StartFlags};
#[cfg(test)]
pub(super) use error::LibvirtError;
pub(super) use error::{ErrorCode, RpcError};
pub(super) use network::Network;
pub(super) use storage::{StoragePool, Volume};
pub(super) use uri::{SUPPORTED_URIS, Uri, User};
