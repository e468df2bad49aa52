//! Runs a command on many machines in parallel.

use super::{Fleet, FleetSource, OperateError, Operator};
use crate::fleet::{FleetCommand, FleetOptions, HostResult};
use crate::host::{Command, Shell, Stream, remote_path};
use crate::run::{Interrupts, interrupted};
use crate::setup::HostPaths;

/// Runs a program in the directory of `setup` and `run`, with the same Python environment. The program's arguments are passed
/// unchanged: no shell parses them again.
const AT_WORK: &str = "if cd -- \"$1\" 2>/dev/null && [ -r .venv/bin/activate ]; then . .venv/bin/activate; fi
shift
exec \"$@\"";

/// A command to run on machines.
#[derive(Clone, Copy)]
pub struct ExecRequest<'a> {
    /// The machines.
    pub fleet: &'a Fleet,
    /// The command.
    pub program: Program<'a>,
    /// Parallelism, time limit and reaction to failures.
    pub options: FleetOptions,
    /// Receives each line of output, with the machine's name.
    pub output: &'a (dyn Fn(&str, Stream, &str) + Send + Sync),
}

/// A program and its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a>(pub &'a [String]);

impl Operator {
    /// Runs a command on machines. The results are in the order of the fleet's targets.
    ///
    /// # Errors
    /// If the logs cannot be written, or new host keys cannot be pinned. The failure of a machine is in its result.
    pub async fn exec(
        &self,
        request: &ExecRequest<'_>,
        interrupts: &Interrupts,
    ) -> Result<Vec<HostResult>, OperateError> {
        let logs = self.new_logs(request.fleet).await?;
        let command = command(&request.fleet.source, request.program);
        let exec = FleetCommand {
            hosts: &*self.hosts,
            command: &command,
            logs: &logs,
            options: request.options,
            output: request.output,
        };
        let ran = exec.run(&request.fleet.targets, interrupted(interrupts)).await;
        let keys = ran.iter().filter_map(|ran| Some((ran.machine.as_str(), ran.host_key.as_ref()?)));
        request.fleet.pin(keys.collect()).await?;
        Ok(ran)
    }
}

/// On a listed host a program has the environment that `ssh` gives it; on a deployment's machine, that of `run`.
fn command(source: &FleetSource, Program(words): Program<'_>) -> Command {
    match source {
        FleetSource::Listed(_) => Command::new("exec \"$@\"").args(words),
        FleetSource::Deployment => {
            let words = std::iter::once(remote_path(&HostPaths::default().work)).chain(words.iter().cloned());
            Command::new(AT_WORK).args(words).shell(Shell::LoginBash)
        }
    }
}
