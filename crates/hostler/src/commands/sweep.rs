//! `hostler sweep`: finds and deletes orphaned resources.

use hostler_core::ticket::Ticket;

use crate::app::App;
use crate::args::SweepArgs;
use crate::error::Error;
use crate::view;

/// Lists orphaned resources, asks, and deletes them.
pub fn run(app: &App, args: &SweepArgs) -> Result<(), Error> {
    let tickets = args.ticket.iter().map(|text| text.parse()).collect::<Result<Vec<Ticket>, _>>()?;
    let found = app.operate_with(&args.consent, async |operator, interrupts| {
        let found = operator.find_orphans().await?;
        app.emit(&found, |width| view::sweep_result(&found, width))?;
        if !args.consent.dry_run {
            let swept = operator.sweep(&found, &tickets, interrupts).await?;
            if swept.deleted > 0 {
                app.printer.say(&format!("deleted {}", view::plural(swept.deleted, "resource")));
            }
        }
        Ok(found)
    })?;
    Ok(found.check_complete()?)
}
