//! `hostler cost-report`: the cost of deployments, live and closed.

use super::audit::parse_since;
use crate::app::App;
use crate::args::CostReportArgs;
use crate::error::Error;
use crate::output::Format;
use crate::view;

/// Shows the report.
pub fn run(app: &App, args: &CostReportArgs) -> Result<(), Error> {
    let since = args.since.as_ref().map(|since| parse_since(since, (app.now)())).transpose()?;
    let report = app.operate(async |operator, _| Ok(operator.cost_report(since, args.live).await?))?;
    if report.deployments.is_empty() && app.format == Format::Text {
        app.printer.say("no deployments");
        return Ok(());
    }
    app.emit(&report, |width| view::costs(&report, width))
}
