//! Runs a program in a process group of its own, which is killed as a whole.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Bytes kept of each output stream. A server can make git print any amount.
const MAX_OUTPUT: u64 = 64 << 10;

/// Exit status and output of a program.
pub(super) struct ProcessOutput {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program to its end with empty standard input. Dropping the future kills its whole process group.
pub(super) async fn run(mut command: Command) -> io::Result<ProcessOutput> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let group = ProcessGroup::of(child.id());
    // Read to the end before waiting: an unreaped child's process id can't be reused, so killing its group is safe.
    let (stdout, stderr) = tokio::join!(read_start(child.stdout.take()), read_start(child.stderr.take()));
    let status = child.wait().await?;
    group.disarm();
    Ok(ProcessOutput { status, stdout: stdout?, stderr: stderr? })
}

/// Reads the first [`MAX_OUTPUT`] bytes of a stream, and discards the rest.
async fn read_start(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut stream) = stream else { return Ok(String::new()) };
    let mut kept = Vec::new();
    (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// Kills a process group when dropped.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// The leader was reaped, so its id may be reused: no longer kill it.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // The only possible error: no process of the group is left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
