//! `hostler status`: one deployment in detail.

use crate::app::App;
use crate::args::DeploymentArgs;
use crate::error::Error;
use crate::view;

/// Shows the live deployment of a name, or the last one that had it.
pub fn run(app: &App, args: &DeploymentArgs) -> Result<(), Error> {
    let summary = app.operate(async |operator, _| Ok(operator.status(&args.name).await?))?;
    app.emit(&summary, |width| view::status(&summary, (app.now)(), width))
}
