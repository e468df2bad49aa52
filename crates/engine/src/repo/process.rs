//! A program with all that it starts: one process group, killed as one.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// At most so many bytes of what a program says are kept: a server can make git say anything.
const KEPT: u64 = 64 << 10;

/// How a program ended, and what it said.
pub(super) struct ProcessOutput {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program to its end, without input. Dropping the future kills its whole process group.
pub(super) async fn run(mut command: Command) -> io::Result<ProcessOutput> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = ProcessGroup::of(child.id());
    // Read to the end before waiting: until then the child is not reaped, and its number is nobody else's.
    let (stdout, stderr) = tokio::join!(beginning(child.stdout.take()), beginning(child.stderr.take()));
    let status = child.wait().await?;
    group.release();
    Ok(ProcessOutput { status, stdout: stdout?, stderr: stderr? })
}

/// The beginning of a stream; the rest is read and dropped.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut stream) = stream else { return Ok(String::new()) };
    let mut kept = Vec::new();
    (&mut stream).take(KEPT).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// A process group that is killed when this is dropped.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Its leader has ended and was waited for: its number may become somebody else's.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // The only error is that nobody is left in it.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
