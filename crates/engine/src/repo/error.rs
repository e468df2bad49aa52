//! What goes wrong with a repository, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hostler_core::demand::Source;
use hostler_core::demand::source::redact;
use hostler_core::size::Bytes;

/// Why a repository is not there. No message holds credentials.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// No such path.
    #[error("the folder `{}` does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// A path of something else.
    #[error("`{}` is not a folder", .0.display())]
    NotADirectory(PathBuf),
    /// A folder that holds a repository's history but no files.
    #[error("`{}` is a bare git repository: its files are not there", .0.display())]
    Bare(PathBuf),
    /// Not one file.
    #[error("`{0}` has no files")]
    NoFiles(String),
    /// No such folder in the repository, or a link out of it.
    #[error("the repository has no folder `{0}`")]
    NoSubdirectory(String),
    /// No such file or folder in the repository.
    #[error("the repository has no file or folder `{0}`")]
    NoPath(String),
    /// A path of the repository's that means something else.
    #[error("`{0}` leads out of the repository, whose own demand file must not reach there")]
    OutsideRepository(String),
    /// A folder that may not be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// No place to fetch to.
    #[error("no folder can be made in `{}`", path.display())]
    Scratch {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The `git` program does not start.
    #[error("`git` cannot be started")]
    GitNotStarted(#[source] io::Error),
    /// A user, password or key is wanted.
    #[error("`{0}` asks for credentials, or does not exist")]
    AuthenticationRequired(String),
    /// SSH does not know the host's key.
    #[error("the SSH host key of `{0}` is not known, or has changed")]
    UnknownHostKey(String),
    /// Nothing there.
    #[error("there is no git repository at `{0}`")]
    NoRepository(String),
    /// No answer from the host.
    #[error("the host of `{url}` cannot be reached: {said}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What git said.
        said: String,
    },
    /// No such branch, tag or commit.
    #[error("`{url}` has no branch, tag or commit `{at}`")]
    NoRef {
        /// The URL.
        url: String,
        /// What was asked for.
        at: String,
    },
    /// A repository without a commit.
    #[error("`{0}` has no commits")]
    NoCommits(String),
    /// The limit of size.
    #[error("`{url}` is larger than {limit}")]
    TooLarge {
        /// The URL.
        url: String,
        /// The limit.
        limit: Bytes,
    },
    /// The limit of time.
    #[error("`{url}` was not there after {} s", limit.as_secs_f64())]
    TimedOut {
        /// The URL.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// Anything else that git complains about.
    #[error("git cannot fetch `{url}`: {said}")]
    Failed {
        /// The URL.
        url: String,
        /// What git said.
        said: String,
    },
}

impl RepoError {
    /// What the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoDirectory(_) => {
                "for a repository on the net, write its whole URL, as `https://example.org/owner/project`"
            }
            Self::Bare(path) => return Some(format!("fetch what is committed in it: `file://{}`", path.display())),
            Self::GitNotStarted(_) => "install git, as by `apt-get install git`",
            Self::AuthenticationRequired(_) => {
                "check the URL; for a private repository set up a git credential helper, or use its SSH URL with a key in \
                 your agent: nothing is asked for here"
            }
            Self::UnknownHostKey(_) => "connect to the host once by `ssh`, and check its key",
            Self::NoRef { at, .. } if is_short_commit(at) => "a commit is fetched by all of its 40 digits",
            Self::OutsideRepository(_) => {
                "look at what the repository wants of this computer; to bring the file nevertheless, name it in a demand \
                 file of your own"
            }
            Self::TooLarge { .. } => "clone it yourself and name the folder",
            Self::TimedOut { .. } => "try again, or clone it yourself and name the folder",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// What git's complaint means. Its messages are those of the C locale.
    pub(super) fn of_git(source: &Source, complaint: &str) -> Self {
        let url = redact(&source.from);
        let any = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
        if any(&["couldn't find remote ref", "not our ref", "unadvertised object", "Server does not allow request"]) {
            return source.at.clone().map_or(Self::NoCommits(url.clone()), |at| Self::NoRef { url, at });
        }
        if any(&["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED"]) {
            return Self::UnknownHostKey(url);
        }
        if any(&["could not read Username", "could not read Password", "Authentication failed", "Permission denied"]) {
            return Self::AuthenticationRequired(url);
        }
        let said = last_word(complaint);
        if any(&[
            "Could not resolve host",
            "Failed to connect",
            "Connection refused",
            "unable to connect",
            "Connection timed out",
        ]) {
            return Self::Unreachable { url, said };
        }
        if any(&["not found", "does not appear to be a git repository", "does not exist", "not a git repository"]) {
            return Self::NoRepository(url);
        }
        Self::Failed { url, said }
    }
}

fn is_short_commit(text: &str) -> bool {
    (4..40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The last line in which git says why it gives up, or the last at all.
fn last_word(complaint: &str) -> String {
    let lines = || complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let fatal = lines().rfind(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = fatal.or_else(|| lines().next_back()).unwrap_or("it gave no reason");
    let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    redact(line.trim_start_matches("fatal:").trim_start_matches("error:").trim())
}
