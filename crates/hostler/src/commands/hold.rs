//! `hostler hold`: keeps a deployment though it failed or its time is over.

use hostler_engine::keep;

use crate::app::App;
use crate::args::HoldArgs;
use crate::error::Error;

/// Holds it, or lets it go again.
pub fn run(app: &App, args: &HoldArgs) -> Result<(), Error> {
    let record = app.block_on(async {
        let mut locked = app.locked(&args.name).await?;
        keep::hold(&locked.store, &mut locked.record, !args.release, (app.now)()).await?;
        Ok(locked.record)
    })?;
    let (name, held) = (&record.name, record.journal().held());
    let text = if held {
        format!("{name} is held: it stays until you give it back with `hostler down {name}`\n")
    } else {
        format!("{name} is no longer held: it goes when its time is over\n")
    };
    app.emit(&serde_json::json!({ "name": name, "held": held }), |_| text)
}
