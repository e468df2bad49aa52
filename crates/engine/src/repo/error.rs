//! Errors of fetching and reading a repository.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hostler_core::demand::Source;
use hostler_core::demand::source::redact;
use hostler_core::size::Bytes;

/// A repository could not be fetched or read. Messages never contain credentials.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// The local path does not exist.
    #[error("the directory `{}` does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// The local path is a file.
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The local path is a bare repository: history without files.
    #[error("`{}` is a bare git repository: it has no checked-out files", .0.display())]
    Bare(PathBuf),
    /// The source has not a single file.
    #[error("`{0}` has no files")]
    NoFiles(String),
    /// The subdirectory does not exist, or is a link out of the repository.
    #[error("the repository has no directory `{0}`")]
    NoSubdirectory(String),
    /// The path does not exist in the repository.
    #[error("the repository has no file or directory `{0}`")]
    NoPath(String),
    /// A path written in the repository leads out of it, by `..` or by a link.
    #[error("`{0}` leads out of the repository; a repository's own demand file may only name files inside it")]
    OutsideRepository(String),
    /// A directory can't be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// No directory to fetch into could be created.
    #[error("no directory can be created in `{}`", path.display())]
    Scratch {
        /// Its parent directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The program `git` could not be started.
    #[error("`git` cannot be started")]
    GitNotStarted(#[source] io::Error),
    /// The server requests a user, password or key. Some servers do so for repositories that do not exist.
    #[error("`{0}` requires credentials, or does not exist")]
    AuthenticationRequired(String),
    /// SSH does not trust the host's key.
    #[error("the SSH host key of `{0}` is not known, or has changed")]
    UnknownHostKey(String),
    /// No repository at the URL.
    #[error("there is no git repository at `{0}`")]
    NoRepository(String),
    /// The host could not be resolved or did not answer.
    #[error("the host of `{url}` cannot be reached: {message}")]
    Unreachable {
        /// The URL.
        url: String,
        /// git's message.
        message: String,
    },
    /// The branch, tag or commit does not exist.
    #[error("`{url}` has no branch, tag or commit `{at}`")]
    NoRef {
        /// The URL.
        url: String,
        /// The requested name.
        at: String,
    },
    /// The repository has no commit.
    #[error("`{0}` has no commits")]
    NoCommits(String),
    /// The checkout exceeds [`FetchLimits::bytes`](super::FetchLimits::bytes).
    #[error("`{url}` is larger than {limit}")]
    TooLarge {
        /// The URL.
        url: String,
        /// The limit.
        limit: Bytes,
    },
    /// The fetch exceeded [`FetchLimits::time`](super::FetchLimits::time).
    #[error("`{url}` could not be fetched within {} s", limit.as_secs_f64())]
    TimedOut {
        /// The URL.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// Any other failure of git.
    #[error("git cannot fetch `{url}`: {message}")]
    Failed {
        /// The URL.
        url: String,
        /// git's message.
        message: String,
    },
}

impl RepoError {
    /// Advice for the user, if known. Names no command of a front end.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoDirectory(_) => {
                "to fetch a remote repository, use its full URL, such as `https://example.org/owner/project`"
            }
            Self::Bare(path) => {
                return Some(format!("to use the committed files, name it as a URL: `file://{}`", path.display()));
            }
            Self::GitNotStarted(_) => "install git, for example with `apt-get install git`",
            Self::AuthenticationRequired(_) => {
                "check the URL; for a private repository set up a git credential helper, or use its SSH URL with a key in \
                 your agent (this program never prompts for them)"
            }
            Self::UnknownHostKey(_) => "connect to the host once with `ssh` and check its key",
            Self::NoRef { at, .. } if is_short_commit(at) => "a commit must be given with all of its 40 digits",
            Self::OutsideRepository(_) => {
                "check why the repository wants this file; to upload it anyway, name it in a demand \
                 file of your own"
            }
            Self::TooLarge { .. } => "clone it yourself and name the directory",
            Self::TimedOut { .. } => "retry, or clone it yourself and name the directory",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Classifies the error output of git, which runs in the C locale.
    pub(super) fn of_git(source: &Source, stderr: &str) -> Self {
        let url = redact(&source.location);
        let any = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
        if any(&["couldn't find remote ref", "not our ref", "unadvertised object", "Server does not allow request"]) {
            return source.revision.clone().map_or(Self::NoCommits(url.clone()), |at| Self::NoRef { url, at });
        }
        if any(&["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED"]) {
            return Self::UnknownHostKey(url);
        }
        if any(&["could not read Username", "could not read Password", "Authentication failed", "Permission denied"]) {
            return Self::AuthenticationRequired(url);
        }
        let message = last_message(stderr);
        if any(&[
            "Could not resolve host",
            "Failed to connect",
            "Connection refused",
            "unable to connect",
            "Connection timed out",
        ]) {
            return Self::Unreachable { url, message };
        }
        if any(&["not found", "does not appear to be a git repository", "does not exist", "not a git repository"]) {
            return Self::NoRepository(url);
        }
        Self::Failed { url, message }
    }
}

fn is_short_commit(text: &str) -> bool {
    (4..40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The last `fatal:` or `error:` line, else the last line; 300 characters at most.
fn last_message(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let fatal = lines().rfind(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = fatal.or_else(|| lines().next_back()).unwrap_or("no message");
    let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    redact(line.trim_start_matches("fatal:").trim_start_matches("error:").trim())
}
