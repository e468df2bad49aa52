//! A command for a host, and how it ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::error::HostErrorKind;
use super::quote::{quote, remote_path};

/// A shell script with all that it is to find around it.
///
/// The script, its arguments and its environment go to the host on the shell's standard input: none of it is ever seen
/// in a list of processes. The script itself finds its standard input empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The script.
    pub script: String,
    /// Its positional parameters.
    pub args: Vec<String>,
    /// Exported before it starts. Values are inert, and may be secret.
    pub env: BTreeMap<String, String>,
    /// The directory that it starts in; the login's where absent.
    pub directory: Option<String>,
    /// What runs it.
    pub shell: Shell,
    /// As whom.
    pub user: RunAs,
    /// How long it may take; for ever where absent.
    pub limit: Option<Duration>,
}

/// What runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// A POSIX shell.
    Sh,
    /// Bash as at a login: it has read `/etc/profile` and the user's own profile.
    LoginBash,
}

/// As whom a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunAs {
    /// The user who logs in.
    User,
    /// The superuser, by `sudo` (which must not ask for a password) where the user is another.
    Root,
}

/// Which of its two outputs a program wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

impl Command {
    /// A script for a POSIX shell, as the user who logs in, at home.
    pub fn new(script: impl Into<String>) -> Self {
        Self {
            script: script.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            directory: None,
            shell: Shell::Sh,
            user: RunAs::User,
            limit: None,
        }
    }

    /// With positional parameters, `$1` and so on.
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With a variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// In a directory.
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// By another shell.
    pub fn shell(mut self, shell: Shell) -> Self {
        self.shell = shell;
        self
    }

    /// As the superuser.
    pub fn as_root(mut self) -> Self {
        self.user = RunAs::Root;
        self
    }

    /// Within a time.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The text that the shell reads: environment, directory and parameters on the first line, then the script.
    pub(super) fn render(&self) -> Result<String, HostErrorKind> {
        let mut first = String::new();
        for (name, value) in &self.env {
            if !is_variable(name) {
                return Err(HostErrorKind::InvalidCommand(format!(
                    "`{name}` is no name of a variable: use letters, digits and underscores, not beginning with a digit"
                )));
            }
            first.push_str(&format!("export {name}={}; ", quote(value)));
        }
        if let Some(directory) = &self.directory {
            first.push_str(&format!("cd -- {} || exit; ", quote(&remote_path(directory))));
        }
        let args: Vec<String> = self.args.iter().map(|arg| quote(arg)).collect();
        let text = format!("{first}set -- {}\n{}", args.join(" "), self.script);
        if text.contains('\0') {
            return Err(HostErrorKind::InvalidCommand(
                "a script, argument or variable holds a null character".to_owned(),
            ));
        }
        Ok(text)
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Debug for Command {
    /// Without the values of variables, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("script", &self.script)
            .field("args", &self.args)
            .field("env", &self.env.keys())
            .field("directory", &self.directory)
            .field("shell", &self.shell)
            .field("user", &self.user)
            .field("limit", &self.limit)
            .finish()
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessExit {
    /// With a status, 0 for success.
    Status(u32),
    /// By a signal, named without `SIG`: `KILL`.
    Signal(String),
}

impl ProcessExit {
    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        *self == Self::Status(0)
    }

    /// From a shell's `$?`: 128 and more is the number of a signal.
    pub(super) fn of_shell(code: u32) -> Self {
        match code.checked_sub(128).and_then(signal_name) {
            Some(name) => Self::Signal(name.to_owned()),
            None => Self::Status(code),
        }
    }
}

fn signal_name(number: u32) -> Option<&'static str> {
    Some(match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        _ => return None,
    })
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "exit status {code}"),
            Self::Signal(name) => write!(f, "signal SIG{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_are_checked_and_values_quoted() {
        let text = Command::new("run").env("A_1", "it's $(x)\n").args(["b c"]).directory("~/w").render().unwrap();
        assert_eq!(text, "export A_1='it'\\''s $(x)\n'; cd -- ./w || exit; set -- 'b c'\nrun");
        for bad in ["", "1A", "A-B", "A;rm", "A=B"] {
            assert!(matches!(Command::new("").env(bad, "x").render(), Err(HostErrorKind::InvalidCommand(_))), "{bad}");
        }
        assert!(Command::new("a\0b").render().is_err());
    }

    #[test]
    fn values_are_not_shown_to_debuggers() {
        assert!(!format!("{:?}", Command::new("x").env("TOKEN", "hunter2")).contains("hunter2"));
    }

    #[test]
    fn a_shells_status_tells_the_signal() {
        assert_eq!(ProcessExit::of_shell(137).to_string(), "signal SIGKILL");
        assert_eq!(ProcessExit::of_shell(1).to_string(), "exit status 1");
        assert_eq!(ProcessExit::of_shell(255).to_string(), "exit status 255");
    }
}
