//! The product's binary as a process: what it says, how it ends, and how it is struck on its way.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// What a command came to.
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

/// A command on its way.
pub struct Running {
    child: Child,
    err: BufReader<std::process::ChildStderr>,
    told: String,
}

impl Running {
    /// Reads what it says until a line passes, and leaves it running.
    pub fn until(&mut self, mut passes: impl FnMut(&str) -> bool) -> bool {
        let mut line = String::new();
        while self.err.read_line(&mut line).is_ok_and(|read| read > 0) {
            self.told.push_str(&line);
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
        self.err.read_to_string(&mut self.told).expect("utf-8");
        let code = self.child.wait().expect("it ends").code();
        Ended { code, out: reader.join().expect("it reads"), err: self.told }
    }
}

/// Starts a command, whose standard error is read as it comes.
pub fn start(mut command: Command) -> Running {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let err = BufReader::new(child.stderr.take().expect("piped"));
    Running { child, err, told: String::new() }
}

/// Runs a line that the product printed for people to type.
pub fn shell(line: &str) -> Ended {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().expect("sh runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
