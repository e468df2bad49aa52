//! `hostler ssh`: the user's own `ssh`, told how to reach a machine.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::access::{targets, write_ssh_config};
use crate::app::App;
use crate::args::SshArgs;
use crate::error::{Error, ErrorKind};

/// Becomes `ssh`; only a failure to do so comes back.
pub fn run(app: &App, args: &SshArgs) -> Result<(), Error> {
    let (config, machine) = app.block_on(async {
        let (store, record) = app.deployment(&args.name).await?;
        let named: Vec<String> = match (&args.machine, record.plan.machines().next()) {
            (Some(machine), _) => vec![machine.clone()],
            (None, first) => first.map(|(_, spec)| spec.name.clone()).into_iter().collect(),
        };
        let target = targets(&store, &record, &named).await?.into_iter().next();
        let machine = target
            .ok_or_else(|| Error::new(ErrorKind::InvalidState, format!("`{}` has no machines", args.name)))?
            .machine;
        Ok((write_ssh_config(&store, &record).await?, machine))
    })?;
    let error = Command::new("ssh").arg("-F").arg(config).arg("--").arg(machine).args(&args.command).exec();
    let error = Error::new(ErrorKind::System, "`ssh` can't be started").caused_by(&error);
    Err(error.hinted("install OpenSSH's client; on Debian or Ubuntu: apt-get install openssh-client"))
}
