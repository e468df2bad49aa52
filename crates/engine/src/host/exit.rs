//! Exit status of a command.

use std::fmt;

/// Exit status of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessExit {
    /// Exit status, 0 for success.
    Status(u32),
    /// Killed by a signal, named without `SIG`: `KILL`.
    Signal(String),
}

impl ProcessExit {
    /// True for exit status 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Status(0)
    }

    /// Converts a shell's `$?`, in which 128 + n means signal n.
    pub(super) fn from_shell(code: u32) -> Self {
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
    fn shell_status_maps_to_signal() {
        assert_eq!(ProcessExit::from_shell(137).to_string(), "signal SIGKILL");
        assert_eq!(ProcessExit::from_shell(1).to_string(), "exit status 1");
        assert_eq!(ProcessExit::from_shell(255).to_string(), "exit status 255");
    }
}
