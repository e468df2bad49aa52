//! `hostler sweep`: finds what is ours and forgotten, shows it, and deletes it.

use hostler_core::ports::SiteError;
use hostler_core::ticket::Ticket;
use hostler_engine::run::Sites;
use hostler_engine::store::Store;
use hostler_engine::sweep::{Found, Stray, find, remove};

use crate::app::App;
use crate::args::SweepArgs;
use crate::drive::{Drive, interrupts, unless_interrupted};
use crate::error::{Error, Kind};
use crate::view;

/// Shows what was found, asks, and deletes it.
pub fn run(app: &App, args: &SweepArgs) -> Result<(), Error> {
    let tickets = args.ticket.iter().map(|text| text.parse()).collect::<Result<Vec<Ticket>, _>>()?;
    let found = app.block_on(sweep(app, args, &tickets))?;
    if let Some((site, why)) = found.silent.first_key_value() {
        return Err(Error::new(Kind::Site, format!("`{site}` could not be asked, so it was not swept: {why}")));
    }
    Ok(())
}

async fn sweep(app: &App, args: &SweepArgs, tickets: &[Ticket]) -> Result<Found, Error> {
    let (store, sites) = (app.store().await?, app.sites()?);
    let mut interrupts = interrupts()?;
    let looked = async { Ok(find(&store, &sites, (app.now)()).await?) };
    let found = unless_interrupted(&interrupts, looked).await?;
    app.emit(&found, |width| view::strays(&found, width))?;
    let named = named(&found, tickets)?;
    if args.consent.dry_run || (found.is_clean() && named.is_empty()) {
        return Ok(found);
    }
    app.confirm(&args.consent, "Delete all of this?")?;
    for name in found.expired.iter().chain(&found.forsaken) {
        let lock = store.lock(name)?;
        if let Some(record) = store.find(name).await? {
            Drive { app, sites: &sites, store: &store, lock }.down(record, &mut interrupts).await?;
        }
    }
    delete(app, &store, &sites, &found, named).await?;
    Ok(found)
}

/// The foreign things that bear the tickets that were named.
fn named(found: &Found, tickets: &[Ticket]) -> Result<Vec<Stray>, Error> {
    let bears = |ticket: &Ticket| found.foreign.iter().find(|stray| stray.thing.ticket == *ticket).cloned();
    let found =
        |ticket| bears(ticket).ok_or_else(|| Error::new(Kind::Unknown, format!("nothing bears the ticket `{ticket}`")));
    tickets.iter().map(found).collect()
}

async fn delete(app: &App, store: &Store, sites: &Sites, found: &Found, named: Vec<Stray>) -> Result<(), Error> {
    // What was found may have been adopted while the user was asked.
    let again = find(store, sites, (app.now)()).await?;
    let mut strays: Vec<Stray> = found.orphans.iter().filter(|stray| again.orphans.contains(stray)).cloned().collect();
    strays.extend(named);
    let failed = remove(sites, &strays).await;
    app.printer.say(&format!("{} deleted", view::plural(strays.len() - failed.len(), "thing")));
    if failed.is_empty() { Ok(()) } else { Err(remaining(&failed)) }
}

fn remaining(failed: &[(Stray, SiteError)]) -> Error {
    let mut error = Error::new(Kind::Stuck, format!("{} could not be deleted", view::plural(failed.len(), "thing")));
    for (stray, refusal) in failed {
        let thing = &stray.thing;
        error.causes.push(format!("the {} `{}` at `{}`: {refusal}", thing.kind, thing.reference, stray.site));
        error.hints.extend(refusal.hint.clone());
    }
    error.hints.dedup();
    error
}
