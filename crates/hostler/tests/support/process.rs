//! The binary as a process: its output, its end, and signals.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Exit code and output of an ended command.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// A running command.
pub struct Running {
    child: Child,
    err: BufReader<std::process::ChildStderr>,
    stderr_text: String,
}

impl Running {
    /// Reads standard error until a line matches; false if it ended before.
    pub fn until(&mut self, mut passes: impl FnMut(&str) -> bool) -> bool {
        let mut line = String::new();
        while self.err.read_line(&mut line).is_ok_and(|read| read > 0) {
            self.stderr_text.push_str(&line);
            if passes(&line) {
                return true;
            }
            line.clear();
        }
        false
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it is still running");
    }

    pub fn wait(mut self) -> Ended {
        let mut out = String::new();
        let mut stdout = self.child.stdout.take().expect("piped");
        let reader = std::thread::spawn(move || {
            stdout.read_to_string(&mut out).expect("utf-8");
            out
        });
        self.err.read_to_string(&mut self.stderr_text).expect("utf-8");
        let code = self.child.wait().expect("it ends").code();
        Ended { code, out: reader.join().expect("it reads"), err: self.stderr_text }
    }
}

/// Starts a command, with a pipe from its standard error.
pub fn start(mut command: Command) -> Running {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let err = BufReader::new(child.stderr.take().expect("piped"));
    Running { child, err, stderr_text: String::new() }
}

/// Runs a command line printed by the binary.
pub fn shell(line: &str) -> Ended {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().expect("sh runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
