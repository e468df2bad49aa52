//! `hostler stop` and `hostler start`: the power of a deployment's machines.

use hostler_core::ports::Power;
use hostler_engine::operate::PowerChange;
use serde_json::json;

use crate::app::App;
use crate::args::{DeploymentArgs, StartArgs};
use crate::error::Error;
use crate::view;

/// Shuts all machines down.
pub fn stop(app: &App, args: &DeploymentArgs) -> Result<(), Error> {
    let change = app.operate(async |operator, _| Ok(operator.stop(&args.name).await?))?;
    show(app, &args.name, Power::Off, change)
}

/// Starts all machines, and waits for SSH.
pub fn start(app: &App, args: &StartArgs) -> Result<(), Error> {
    let change = app.operate(async |operator, interrupts| {
        Ok(operator.start(&args.name, args.timeout.ssh_timeout, interrupts).await?)
    })?;
    show(app, &args.name, Power::On, change)
}

fn show(app: &App, name: &str, power: Power, change: PowerChange) -> Result<(), Error> {
    let (status, text) = match power {
        Power::On => ("running", "running"),
        Power::Off => ("stopped", "stopped; disks are kept"),
    };
    let PowerChange { changed, machines } = change;
    let already = change.unchanged();
    let note = if already > 0 { format!(" ({already} already)") } else { String::new() };
    let value = json!({ "name": name, "status": status, "changed": changed, "machines": machines });
    app.emit(&value, |_| format!("{name}: {} {text}{note}\n", view::machines(machines)))
}
