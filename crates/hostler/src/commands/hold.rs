//! `hostler hold`: keeps a deployment after a failure or its end.

use serde_json::json;

use crate::app::App;
use crate::args::HoldArgs;
use crate::error::Error;

/// Holds the deployment, or stops holding it.
pub fn run(app: &App, args: &HoldArgs) -> Result<(), Error> {
    let summary = app.operate(async |operator, _| Ok(operator.hold(&args.name, !args.release).await?))?;
    let (name, held) = (&summary.name, summary.held);
    app.emit(&json!({ "name": name, "held": held }), |_| match held {
        true => format!("{name} is held until `hostler down {name}`\n"),
        false => format!("{name} is no longer held\n"),
    })
}
