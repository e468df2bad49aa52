//! `hostler stop` and `hostler start`: the machines' power.

use futures::future::try_join_all;
use hostler_core::ports::Power;
use hostler_engine::host::{Hosts, Ssh};
use hostler_engine::keep;

use crate::access::targets;
use crate::app::{App, Locked};
use crate::args::{DeploymentArgs, StartArgs};
use crate::drive::{interrupts, unless_interrupted};
use crate::error::Error;
use crate::view;

/// Shuts all machines down.
pub fn stop(app: &App, args: &DeploymentArgs) -> Result<(), Error> {
    app.block_on(async {
        let (_, changed) = switch(app, &args.name, Power::Off).await?;
        tell(app, &args.name, Power::Off, changed)
    })
}

/// Starts all machines, and waits until they can be logged in to.
pub fn start(app: &App, args: &StartArgs) -> Result<(), Error> {
    app.block_on(async {
        let interrupts = interrupts()?;
        let (locked, changed) = switch(app, &args.name, Power::On).await?;
        let reached = async {
            let hosts = Ssh::default();
            let note = |text: &str| app.printer.say(text);
            let targets = targets(&locked.store, &locked.record, &[]).await?;
            try_join_all(targets.iter().map(|target| hosts.wait_for_ssh(target, args.timeout.ssh_timeout, &note)))
                .await?;
            Ok(())
        };
        unless_interrupted(&interrupts, reached).await?;
        tell(app, &args.name, Power::On, changed)
    })
}

/// How many machines there are, and how many of them were not yet so.
struct Changed {
    changed: usize,
    all: usize,
}

async fn switch(app: &App, name: &str, power: Power) -> Result<(Locked, Changed), Error> {
    let mut locked = app.locked(name).await?;
    let changed = keep::set_power(&locked.store, &app.sites()?, &mut locked.record, power, (app.now)()).await?;
    let all = locked.record.plan.machines().count();
    Ok((locked, Changed { changed, all }))
}

fn tell(app: &App, name: &str, power: Power, Changed { changed, all }: Changed) -> Result<(), Error> {
    let done = match power {
        Power::On => "running",
        Power::Off => "shut down; the disks are kept",
    };
    let already = all - changed.min(all);
    let note = if already > 0 { format!(" ({already} already)") } else { String::new() };
    let value = serde_json::json!({ "name": name, "power": power, "changed": changed, "machines": all });
    app.emit(&value, |_| format!("{name}: {} {done}{note}\n", view::machines(all)))
}
