//! `hostler status`: all about a deployment.

use hostler_core::name::Name;

use crate::app::App;
use crate::args::DeploymentArgs;
use crate::error::Error;
use crate::summary::Summary;
use crate::view;

/// Shows the live deployment of a name, or the last one that had it.
pub fn run(app: &App, args: &DeploymentArgs) -> Result<(), Error> {
    let summary = app.block_on(find(app, &args.name))?;
    app.emit(&summary, |width| view::status(&summary, (app.now)(), width))
}

async fn find(app: &App, name: &str) -> Result<Summary, Error> {
    let store = app.store_if_there().await?;
    if let (Some(store), Ok(name)) = (&store, Name::new(name))
        && let Some(record) = store.find_last(&name).await?
    {
        return Ok(app.summary(store, &record));
    }
    Err(app.no_deployment(name, store.as_ref()).await)
}
