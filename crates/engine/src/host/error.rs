//! Errors of reaching and using a host, split by what the caller can do about them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::exit::ProcessExit;
use super::key::HostKey;
use super::target::Target;

/// An operation on a host failed, or the host could not be reached.
#[derive(Debug)]
pub struct HostError {
    /// The failed operation as a participle: `logging in to`.
    pub doing: &'static str,
    /// The machine's name.
    pub machine: String,
    /// User and address that were used: `root@10.0.0.5:2222`.
    pub login: String,
    /// The failure.
    pub kind: HostErrorKind,
}

/// The failure. The display is a lower-case fragment.
#[derive(Debug, thiserror::Error)]
pub enum HostErrorKind {
    /// The host name could not be resolved.
    #[error("the host name could not be resolved")]
    UnknownHostname(#[source] io::Error),
    /// No route to the network or the host.
    #[error("no route to the host")]
    NoRoute(#[source] io::Error),
    /// Nothing listens on the port, possibly because the host is still booting.
    #[error("connection refused")]
    ConnectionRefused,
    /// No answer within the time limit.
    #[error("no answer within {} s", .0.as_secs_f32())]
    NoResponse(Duration),
    /// The connection was accepted, but no SSH banner arrived within the time limit.
    #[error("the connection was accepted, but the SSH server sent no banner within {} s", .0.as_secs_f32())]
    NoBanner(Duration),
    /// The server at the address speaks another protocol.
    #[error("the server at the address does not speak SSH")]
    NotSsh,
    /// The SSH server rejected the key or the user.
    #[error("the SSH server rejected the key for the login of `{user}`")]
    LoginRefused {
        /// User name of the login.
        user: String,
    },
    /// The host key differs from the pinned one.
    #[error("the host key changed from {} to {}", .pinned.fingerprint(), .offered.fingerprint())]
    HostKeyChanged {
        /// Key pinned at the first contact.
        pinned: HostKey,
        /// Key that the host presents now.
        offered: HostKey,
    },
    /// The connection broke.
    #[error("the connection was lost")]
    ConnectionLost(#[source] Option<russh::Error>),
    /// A command exceeded its time limit.
    #[error("it did not end within {} s and was stopped", .0.as_secs_f32())]
    TimedOut(Duration),
    /// A helper program on the host failed.
    #[error("`{program}` failed on the host with {exit}: {stderr}")]
    ProgramFailed {
        /// Its name.
        program: &'static str,
        /// Exit status.
        exit: ProcessExit,
        /// Last lines of its standard error, joined by `; `.
        stderr: String,
    },
    /// A local file could not be read or written.
    #[error("the local file `{}` can't be used", .path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A path sent by the host leads out of the target directory.
    #[error("the path `{0}` sent by the host leads out of the target directory")]
    UnsafePath(String),
    /// A directory on one side, another kind of file on the other.
    #[error("`{0}` is a directory on one side but not on the other")]
    KindConflict(String),
    /// The target of a file upload is a directory.
    #[error("cannot replace the remote directory `{0}` with a file")]
    IsDirectory(String),
    /// A command or pattern with an invalid part.
    #[error("{0}")]
    InvalidCommand(String),
}

impl HostError {
    pub(crate) fn new(doing: &'static str, target: &Target, kind: HostErrorKind) -> Self {
        Self { doing, machine: target.machine.clone(), login: format!("{}@{}", target.user, target.address), kind }
    }

    /// True if a retry may succeed without any change: the host is still booting, or the connection broke.
    pub fn is_transient(&self) -> bool {
        use HostErrorKind::{
            ConnectionLost, ConnectionRefused, LoginRefused, NoBanner, NoResponse, NoRoute, NotSsh, UnknownHostname,
        };
        match self.kind {
            UnknownHostname(_) | NoRoute(_) | ConnectionRefused | NoResponse(_) | NoBanner(_) | NotSsh
            | ConnectionLost(_) => true,
            // An SSH server may answer before the first boot has installed the key.
            LoginRefused { .. } => true,
            _ => false,
        }
    }

    /// Advice for the user, if known. Names no command of a front end.
    pub fn hint(&self) -> Option<String> {
        let machine = &self.machine;
        Some(match &self.kind {
            HostErrorKind::UnknownHostname(_) => "check the host name and this computer's DNS".to_owned(),
            HostErrorKind::NoRoute(_) => {
                "check this computer's network, the VPN and the site's security groups".to_owned()
            }
            HostErrorKind::ConnectionRefused | HostErrorKind::NoResponse(_) | HostErrorKind::NoBanner(_) => {
                "the machine may still be booting, or may hang: check its console, or raise the time limit".to_owned()
            }
            HostErrorKind::LoginRefused { user } => {
                format!(
                    "check that `{user}` may log in with this key: for a host of your own, see `user` and `key` in the host \
                     list; for a launched machine, check that its image creates this user and installs the key"
                )
            }
            HostErrorKind::HostKeyChanged { .. } => format!(
                "if `{machine}` was reinstalled on purpose, delete the deployment and create it again; \
                 otherwise the connection may be intercepted: do not log in"
            ),
            HostErrorKind::ConnectionLost(_) => "retry: completed parts are not repeated".to_owned(),
            HostErrorKind::KindConflict(_) => {
                "delete the conflicting path, or let the sync delete extra files".to_owned()
            }
            HostErrorKind::IsDirectory(_) => {
                "end the path with `/` to upload the file into the directory, or choose another path".to_owned()
            }
            HostErrorKind::ProgramFailed { stderr, .. } if is_denied(stderr) => {
                "permission denied on the host: use another path, change its owner, or allow `sudo` without a password"
                    .to_owned()
            }
            HostErrorKind::TimedOut(_) => "raise the time limit".to_owned(),
            _ => return None,
        })
    }
}

/// True if the error output reports missing permissions.
fn is_denied(stderr: &str) -> bool {
    ["Permission denied", "Operation not permitted", "sudo:"].iter().any(|text| stderr.contains(text))
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` ({}) failed: {}", self.doing, self.machine, self.login, self.kind)
    }
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

impl HostErrorKind {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(self)
    }

    /// Classifies a socket error.
    pub(super) fn from_socket(error: io::Error) -> Self {
        use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
        match error.kind() {
            ConnectionRefused => Self::ConnectionRefused,
            HostUnreachable | NetworkUnreachable => Self::NoRoute(error),
            _ => Self::ConnectionLost(Some(russh::Error::IO(error))),
        }
    }
}

impl From<russh::Error> for HostErrorKind {
    /// Any error on an established connection counts as losing it.
    fn from(error: russh::Error) -> Self {
        Self::ConnectionLost(Some(error))
    }
}
