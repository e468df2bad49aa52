//! A command for a host, the receivers of its output, and its exit status.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hostler_core::setup::RunAs;

use super::error::HostErrorKind;
use super::quote::{quote, remote_path};

/// A shell script with its arguments, environment and working directory.
///
/// Script, arguments and environment are sent on the shell's standard input, so none of them shows up in a process list.
/// The script's own standard input is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The script.
    pub script: String,
    /// Positional parameters, `$1` and so on.
    pub args: Vec<String>,
    /// Variables exported before the script starts. Values are quoted, and may be secret.
    pub env: BTreeMap<String, String>,
    /// Working directory. `None`: the directory of the login.
    pub directory: Option<String>,
    /// Shell that runs the script.
    pub shell: Shell,
    /// User that runs the script.
    pub user: RunAs,
    /// Time limit. `None`: no limit.
    pub limit: Option<Duration>,
}

/// Shell that runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// A POSIX shell.
    Sh,
    /// Bash as a login shell: it reads `/etc/profile` and the user's profile.
    LoginBash,
}

/// Output stream of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Command {
    /// A script for a POSIX shell, run by the login user in the login's directory, without a time limit.
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

    /// Appends positional parameters.
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory.
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Sets the shell.
    pub fn shell(mut self, shell: Shell) -> Self {
        self.shell = shell;
        self
    }

    /// Runs the script as root.
    pub fn as_root(mut self) -> Self {
        self.user = RunAs::Root;
        self
    }

    /// Sets the time limit.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Text sent to the shell: environment, directory and parameters on the first line, then the script.
    pub(super) fn render(&self) -> Result<String, HostErrorKind> {
        let mut first = String::new();
        for (name, value) in &self.env {
            if !is_variable(name) {
                return Err(HostErrorKind::InvalidCommand(format!(
                    "`{name}` is not a variable name: use letters, digits and underscores, starting with no digit"
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
                "a script, argument or variable contains a NUL character".to_owned(),
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
    /// Omits the values of variables, which may be secret.
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

/// Receives output lines as they arrive. Called for every line, so it must be fast.
pub type OutputSink<'a> = &'a (dyn Fn(Stream, &str) + Send + Sync);

/// Receives progress messages for the user.
pub type ProgressSink<'a> = &'a (dyn Fn(&str) + Send + Sync);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names_are_checked_and_values_quoted() {
        let text = Command::new("run").env("A_1", "it's $(x)\n").args(["b c"]).directory("~/w").render().unwrap();
        assert_eq!(text, "export A_1='it'\\''s $(x)\n'; cd -- ./w || exit; set -- 'b c'\nrun");
        for bad in ["", "1A", "A-B", "A;rm", "A=B"] {
            assert!(matches!(Command::new("").env(bad, "x").render(), Err(HostErrorKind::InvalidCommand(_))), "{bad}");
        }
        assert!(Command::new("a\0b").render().is_err());
    }

    #[test]
    fn debug_output_omits_variable_values() {
        assert!(!format!("{:?}", Command::new("x").env("TOKEN", "hunter2")).contains("hunter2"));
    }
}
