//! `hostler ls`: the live deployments.

use hostler_core::demand::SiteSelector;
use hostler_core::name::SiteId;

use crate::app::App;
use crate::args::LsArgs;
use crate::error::Error;
use crate::summary::Summary;
use crate::view;

/// Lists the deployments, the oldest first.
pub fn run(app: &App, args: &LsArgs) -> Result<(), Error> {
    let on = args.on.iter().map(|site| site.parse::<SiteId>().map(SiteSelector)).collect::<Result<Vec<_>, _>>()?;
    let mut all = app.block_on(summaries(app))?;
    all.retain(|summary| on.is_empty() || summary.sites.iter().any(|site| on.iter().any(|wish| wish.means(site))));
    if all.is_empty() && app.format == crate::output::Format::Text {
        app.printer.say("no deployments");
        return Ok(());
    }
    app.emit(&all, |width| view::deployments(&all, (app.now)(), width))
}

async fn summaries(app: &App) -> Result<Vec<Summary>, Error> {
    let Some(store) = app.store_if_there().await? else { return Ok(Vec::new()) };
    let records = app.readable(&store).await?;
    Ok(records.iter().map(|record| app.summary(&store, record)).collect())
}
