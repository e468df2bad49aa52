//! `hostler stop` and `hostler start`: the machines' power.

use hostler_core::ports::Power;
use hostler_engine::keep;

use crate::app::App;
use crate::args::OneArgs;
use crate::error::Error;
use crate::view;

/// Shuts all machines down, or starts them.
pub fn run(app: &App, args: &OneArgs, power: Power) -> Result<(), Error> {
    let (name, changed, all) = app.block_on(async {
        let mut locked = app.locked(&args.name).await?;
        let sites = app.sites()?;
        let changed = keep::set_power(&locked.store, &sites, &mut locked.record, power, (app.now)()).await?;
        Ok((locked.record.name.clone(), changed, locked.record.plan.machines().count()))
    })?;
    let done = match power {
        Power::On => "running",
        Power::Off => "shut down; the disks are kept",
    };
    let already = all - changed.min(all);
    let note = if already > 0 { format!(" ({already} already)") } else { String::new() };
    let value = serde_json::json!({ "name": name, "power": power, "changed": changed, "machines": all });
    app.emit(&value, |_| format!("{name}: {} {done}{note}\n", view::machines(all)))
}
