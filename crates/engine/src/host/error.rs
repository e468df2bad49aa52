//! Why a host could not be used, split by what can be done about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{HostKey, Target};

/// Something failed on, or on the way to, a host.
#[derive(Debug)]
pub struct HostError {
    /// What was being done, as `logging in to`.
    pub doing: &'static str,
    /// The machine's name.
    pub machine: String,
    /// Where it was looked for: `root@10.0.0.5:2222`.
    pub place: String,
    /// What was wrong.
    pub kind: HostErrorKind,
}

/// What was wrong. The display is a lower-case fragment.
#[derive(Debug, thiserror::Error)]
pub enum HostErrorKind {
    /// The host name means nothing here.
    #[error("the name of the host is unknown")]
    UnknownHostname(#[source] io::Error),
    /// No way to the network or the host.
    #[error("there is no route to it")]
    NoRoute(#[source] io::Error),
    /// Nothing listens there.
    #[error("the connection was refused: nothing listens there (yet)")]
    ConnectionRefused,
    /// It did not answer.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    NoResponse(Duration),
    /// It took the connection and said nothing.
    #[error("it took the connection, but its SSH server said nothing within {} s", .0.as_secs_f32())]
    NoBanner(Duration),
    /// Something else than SSH answers there.
    #[error("what answers there is no SSH server")]
    NotSsh,
    /// It refused the key or the user.
    #[error("it refused to log in `{user}` with our key")]
    LoginRefused {
        /// Whom we wanted to be.
        user: String,
    },
    /// Its host key is another one than at the first contact.
    #[error("its host key changed: it was {}, and now is {}", .pinned.fingerprint(), .offered.fingerprint())]
    HostKeyChanged {
        /// The one of the first contact.
        pinned: HostKey,
        /// The one it shows now.
        offered: HostKey,
    },
    /// The connection broke, or could not be used any more.
    #[error("the connection was lost")]
    ConnectionLost(#[source] Option<russh::Error>),
    /// A command did not end in its time.
    #[error("it did not end within {} s, and was stopped", .0.as_secs_f32())]
    TimedOut(Duration),
    /// A program that we need over there failed.
    #[error("`{program}` failed there with {exit}: {said}")]
    ProgramFailed {
        /// Which one.
        program: &'static str,
        /// How it ended.
        exit: super::ProcessExit,
        /// The last it wrote to its standard error.
        said: String,
    },
    /// A local file could not be read or written.
    #[error("`{}` on this computer can't be used", .path.display())]
    LocalFile {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name from over there that leads out of the directory it belongs in.
    #[error("the name `{0}` from over there leads out of the directory")]
    UnsafePath(String),
    /// A directory at one side, and something else at the other.
    #[error("`{0}` is a directory at one side and none at the other")]
    KindConflict(String),
    /// A directory stands where a file is to be.
    #[error("`{0}` is a directory over there, and what is put is a file")]
    IsDirectory(String),
    /// A part of a command that can't be sent.
    #[error("{0}")]
    InvalidCommand(String),
}

impl HostError {
    pub(crate) fn new(doing: &'static str, target: &Target, kind: HostErrorKind) -> Self {
        Self { doing, machine: target.machine.clone(), place: format!("{}@{}", target.user, target.address), kind }
    }

    /// Whether the same may succeed later without anything being changed: the host is coming up, or the line broke.
    pub fn may_pass(&self) -> bool {
        use HostErrorKind::{
            ConnectionLost, ConnectionRefused, LoginRefused, NoBanner, NoResponse, NoRoute, NotSsh, UnknownHostname,
        };
        match self.kind {
            UnknownHostname(_) | NoRoute(_) | ConnectionRefused | NoResponse(_) | NoBanner(_) | NotSsh
            | ConnectionLost(_) => true,
            // A server may answer before its first boot has brought the key.
            LoginRefused { .. } => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let machine = &self.machine;
        Some(match &self.kind {
            HostErrorKind::UnknownHostname(_) => "check the host's name, and this computer's DNS".to_owned(),
            HostErrorKind::NoRoute(_) => "check this computer's network, a VPN, and the site's security groups".to_owned(),
            HostErrorKind::ConnectionRefused | HostErrorKind::NoResponse(_) | HostErrorKind::NoBanner(_) => {
                "the machine may still be booting, or hang: look at its console, or give it more time".to_owned()
            }
            HostErrorKind::LoginRefused { user } => {
                format!(
                    "check that `{user}` is who logs in there, by this key: of a host of your own, `user` and `key` in the \
                     list; of a machine that was launched, whether its image lets that user in and takes the key"
                )
            }
            HostErrorKind::HostKeyChanged { .. } => format!(
                "if `{machine}` was reinstalled on purpose, remove the deployment and make it anew; \
                 otherwise somebody may be listening in between: don't log in"
            ),
            HostErrorKind::ConnectionLost(_) => "run the same command again: it goes on where it was".to_owned(),
            HostErrorKind::KindConflict(_) => "what is in the way must be deleted first: by hand, or by `--delete`".to_owned(),
            HostErrorKind::IsDirectory(_) => "end the path with `/` to put the file into the directory, or name another".to_owned(),
            HostErrorKind::ProgramFailed { said, .. } if is_denied(said) => {
                "the user may not do this there: name another path, give the user what is there, or `sudo` without a password"
                    .to_owned()
            }
            HostErrorKind::TimedOut(_) => "give it more time, or make it do less".to_owned(),
            _ => return None,
        })
    }
}

/// Whether a program was kept from something by what its user may do.
fn is_denied(said: &str) -> bool {
    ["Permission denied", "Operation not permitted", "sudo:"].iter().any(|text| said.contains(text))
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` ({}) failed: {}", self.doing, self.machine, self.place, self.kind)
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

    /// What an error of the socket means.
    pub(super) fn of_socket(error: io::Error) -> Self {
        use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
        match error.kind() {
            ConnectionRefused => Self::ConnectionRefused,
            HostUnreachable | NetworkUnreachable => Self::NoRoute(error),
            _ => Self::ConnectionLost(Some(russh::Error::IO(error))),
        }
    }
}

impl From<russh::Error> for HostErrorKind {
    /// Whatever breaks an SSH connection that stood is a lost one.
    fn from(error: russh::Error) -> Self {
        Self::ConnectionLost(Some(error))
    }
}
