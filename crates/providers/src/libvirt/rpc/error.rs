//! Failures of calls.

use std::io;
use std::path::PathBuf;

use super::uri::UnsupportedUri;
use super::xdr::{Decode, DecodeError, XdrReader};

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::libvirt) enum RpcError {
    /// The URI names a libvirt that this client does not reach.
    #[error("unsupported libvirt URI")]
    Uri(#[from] UnsupportedUri),
    /// None of the daemon's sockets exists: it is not running, or not installed.
    #[error("no libvirt daemon is running: found no {}", listed(.0))]
    NoDaemon(Vec<PathBuf>),
    /// The socket exists, but the daemon can't be reached by it.
    #[error("cannot connect to libvirt's socket `{}`", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The daemon requires an authentication that is neither none nor polkit.
    #[error("libvirt requires {0}, which is not supported")]
    Authentication(&'static str),
    /// Reading or writing failed.
    #[error("the connection to libvirt broke")]
    Io(#[from] io::Error),
    /// The daemon closed the connection, or an earlier failure did.
    #[error("the connection to libvirt is closed")]
    Closed,
    /// The call was cancelled before it began.
    #[error("the call was cancelled")]
    Cancelled,
    /// A message is longer than the protocol allows, or shorter than its header.
    #[error("libvirt sent a message of {0} bytes")]
    MessageLength(u32),
    /// A message that can't be decoded.
    #[error("libvirt sent a malformed message")]
    Malformed(#[from] DecodeError),
    /// A message that does not answer the call.
    #[error("libvirt sent a message of {field} {actual} instead of {expected}")]
    Unexpected {
        /// The part of the header that differs.
        field: &'static str,
        /// The expected value.
        expected: u32,
        /// Its value in this message.
        actual: u32,
    },
    /// The daemon's own error.
    #[error("{}", .0.message)]
    Libvirt(LibvirtError),
}

impl RpcError {
    /// Code of the daemon's own error. `None` for failures of the connection.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Libvirt(error) => Some(error.code),
            _ => None,
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(" and no ")
}

/// An error that the daemon answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::libvirt) struct LibvirtError {
    /// Kind of error.
    pub code: ErrorCode,
    /// Part of libvirt that raised it, as numbered by `virErrorDomain`.
    pub domain: i32,
    /// libvirt's message, whose first letter may be upper-case. It may have several lines.
    pub message: String,
}

/// A kind of error, as numbered by `virErrorNumber`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::libvirt) struct ErrorCode(pub i32);

impl ErrorCode {
    pub const OPERATION_DENIED: Self = Self(29);
    pub const RPC: Self = Self(39);
    pub const NO_DOMAIN: Self = Self(42);
    pub const NO_NETWORK: Self = Self(43);
    pub const AUTH_FAILED: Self = Self(45);
    pub const NO_STORAGE_POOL: Self = Self(49);
    pub const NO_STORAGE_VOLUME: Self = Self(50);
    pub const OPERATION_INVALID: Self = Self(55);
    pub const OPERATION_TIMEOUT: Self = Self(68);
    pub const AUTH_CANCELLED: Self = Self(79);
    pub const ACCESS_DENIED: Self = Self(88);
    pub const AUTH_UNAVAILABLE: Self = Self(94);

    /// True if the daemon identified the caller and denied access.
    pub fn is_permission(self) -> bool {
        [Self::OPERATION_DENIED, Self::AUTH_FAILED, Self::AUTH_CANCELLED, Self::ACCESS_DENIED, Self::AUTH_UNAVAILABLE]
            .contains(&self)
    }
}

/// `virNetMessageError`. The fields after the message repeat it in parts, or are unused.
impl Decode for LibvirtError {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        type DomainRef = Option<(String, [u8; 16], i32)>;
        type NetworkRef = Option<(String, [u8; 16])>;
        let (code, domain, message) = <(i32, i32, Option<String>)>::decode(from)?;
        let _rest = <(i32, DomainRef, [Option<String>; 3], i32, i32, NetworkRef)>::decode(from)?;
        Ok(Self { code: ErrorCode(code), domain, message: message.unwrap_or_default() })
    }
}

impl Decode for [Option<String>; 3] {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        Ok([Decode::decode(from)?, Decode::decode(from)?, Decode::decode(from)?])
    }
}
