//! `hostler ssh`: runs the user's own `ssh` with the configuration of a deployment.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::app::App;
use crate::args::SshArgs;
use crate::error::{Error, ErrorKind};

/// Replaces this process by `ssh`; returns only if that fails.
pub fn run(app: &App, args: &SshArgs) -> Result<(), Error> {
    let (config, machine) =
        app.operate(async |operator, _| Ok(operator.login(&args.name, args.machine.as_deref()).await?))?;
    let error = Command::new("ssh").arg("-F").arg(config).arg("--").arg(machine).args(&args.command).exec();
    let error = Error::new(ErrorKind::System, "`ssh` can't be started").caused_by(&error);
    Err(error.hinted("install OpenSSH's client; on Debian or Ubuntu: apt-get install openssh-client"))
}
