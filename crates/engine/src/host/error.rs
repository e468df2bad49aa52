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
    pub trouble: Trouble,
}

/// What was wrong. The display is a lower-case fragment.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The host name means nothing here.
    #[error("the name of the host is unknown")]
    UnknownName(#[source] io::Error),
    /// No way to the network or the host.
    #[error("there is no route to it")]
    NoRoute(#[source] io::Error),
    /// Nothing listens there.
    #[error("the connection was refused: nothing listens there (yet)")]
    Refused,
    /// It did not answer.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
    /// It took the connection and said nothing.
    #[error("it took the connection, but its SSH server said nothing within {} s", .0.as_secs_f32())]
    Silent(Duration),
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
    Lost(#[source] Option<russh::Error>),
    /// A command did not end in its time.
    #[error("it did not end within {} s, and was stopped", .0.as_secs_f32())]
    TookTooLong(Duration),
    /// A program that we need over there failed.
    #[error("`{program}` failed there with {exit}: {said}")]
    Program {
        /// Which one.
        program: &'static str,
        /// How it ended.
        exit: super::Exit,
        /// The last it wrote to its standard error.
        said: String,
    },
    /// A local file could not be read or written.
    #[error("`{}` on this computer can't be used", .path.display())]
    Local {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name from over there that leads out of the directory it belongs in.
    #[error("the name `{0}` from over there leads out of the directory")]
    UnsafeName(String),
    /// A directory at one side, and something else at the other.
    #[error("`{0}` is a directory at one side and none at the other")]
    Conflict(String),
    /// A directory stands where a file is to be.
    #[error("`{0}` is a directory over there, and what is put is a file")]
    IsDirectory(String),
    /// A part of a command that can't be sent.
    #[error("{0}")]
    BadCommand(String),
}

impl HostError {
    pub(crate) fn new(doing: &'static str, target: &Target, trouble: Trouble) -> Self {
        Self { doing, machine: target.machine.clone(), place: format!("{}@{}", target.user, target.address), trouble }
    }

    /// Whether the same may succeed later without anything being changed: the host is coming up, or the line broke.
    pub fn may_pass(&self) -> bool {
        use Trouble::{LoginRefused, Lost, NoAnswer, NoRoute, NotSsh, Refused, Silent, UnknownName};
        match self.trouble {
            UnknownName(_) | NoRoute(_) | Refused | NoAnswer(_) | Silent(_) | NotSsh | Lost(_) => true,
            // A server may answer before its first boot has brought the key.
            LoginRefused { .. } => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let machine = &self.machine;
        Some(match &self.trouble {
            Trouble::UnknownName(_) => "check the host's name, and this computer's DNS".to_owned(),
            Trouble::NoRoute(_) => "check this computer's network, a VPN, and the site's security groups".to_owned(),
            Trouble::Refused | Trouble::NoAnswer(_) | Trouble::Silent(_) => {
                "the machine may still be booting, or hang: look at its console, or give it more time".to_owned()
            }
            Trouble::LoginRefused { user } => {
                format!(
                    "check that `{user}` is who logs in there, by this key: of a host of your own, `user` and `key` in the \
                     list; of a machine that was launched, whether its image lets that user in and takes the key"
                )
            }
            Trouble::HostKeyChanged { .. } => format!(
                "if `{machine}` was reinstalled on purpose, remove the deployment and make it anew; \
                 otherwise somebody may be listening in between: don't log in"
            ),
            Trouble::Lost(_) => "run the same command again: it goes on where it was".to_owned(),
            Trouble::Conflict(_) => "what is in the way must be deleted first: by hand, or by `--delete`".to_owned(),
            Trouble::IsDirectory(_) => "end the path with `/` to put the file into the directory, or name another".to_owned(),
            Trouble::Program { said, .. } if is_denied(said) => {
                "the user may not do this there: name another path, give the user what is there, or `sudo` without a password"
                    .to_owned()
            }
            Trouble::TookTooLong(_) => "give it more time, or make it do less".to_owned(),
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
        write!(f, "{} `{}` ({}) failed: {}", self.doing, self.machine, self.place, self.trouble)
    }
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.trouble.source()
    }
}

impl Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(self)
    }

    /// What an error of the socket means.
    pub(super) fn of_socket(error: io::Error) -> Self {
        use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
        match error.kind() {
            ConnectionRefused => Self::Refused,
            HostUnreachable | NetworkUnreachable => Self::NoRoute(error),
            _ => Self::Lost(Some(russh::Error::IO(error))),
        }
    }
}

impl From<russh::Error> for Trouble {
    /// Whatever breaks an SSH connection that stood is a lost one.
    fn from(error: russh::Error) -> Self {
        Self::Lost(Some(error))
    }
}
