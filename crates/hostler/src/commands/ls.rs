//! `hostler ls`: the live deployments.

use hostler_core::demand::SiteSelector;
use hostler_core::name::SiteId;

use crate::app::App;
use crate::args::LsArgs;
use crate::error::Error;
use crate::output::Format;
use crate::view;

/// Lists the deployments, oldest first.
pub fn run(app: &App, args: &LsArgs) -> Result<(), Error> {
    let on = args.on.iter().map(|site| site.parse::<SiteId>().map(SiteSelector)).collect::<Result<Vec<_>, _>>()?;
    let all = app.operate(async |operator, _| Ok(operator.list(&on).await?))?;
    if all.is_empty() && app.format == Format::Text {
        app.printer.say("no deployments");
        return Ok(());
    }
    app.emit(&all, |width| view::deployments(&all, (app.now)(), width))
}
