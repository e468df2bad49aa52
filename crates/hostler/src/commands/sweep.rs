//! `hostler sweep`: finds what is ours and forgotten, shows it, and deletes it.

use hostler_core::name::Name;
use hostler_core::ports::SiteError;
use hostler_core::ticket::Ticket;
use hostler_engine::run::{Interrupts, Sites};
use hostler_engine::store::{Store, StoreError};
use hostler_engine::sweep::{Found, Stray, due, find, remove, tidy};

use crate::app::App;
use crate::args::SweepArgs;
use crate::drive::{Drive, interrupts};
use crate::error::{Error, ErrorKind};
use crate::view;

/// Shows what was found, asks, and deletes it.
pub fn run(app: &App, args: &SweepArgs) -> Result<(), Error> {
    let tickets = args.ticket.iter().map(|text| text.parse()).collect::<Result<Vec<Ticket>, _>>()?;
    let found = app.block_on(sweep(app, args, &tickets))?;
    if let Some((site, why)) = found.silent.first_key_value() {
        return Err(Error::new(ErrorKind::Site, format!("`{site}` could not be asked, so it was not swept: {why}")));
    }
    Ok(())
}

async fn sweep(app: &App, args: &SweepArgs, tickets: &[Ticket]) -> Result<Found, Error> {
    let (there, sites) = (app.store_if_there().await?, app.sites()?);
    let found = find(there.as_ref(), &sites, (app.now)()).await?;
    app.emit(&found, |width| view::sweep_result(&found, width))?;
    let named = named(&found, tickets)?;
    if args.consent.dry_run {
        return Ok(found);
    }
    let store = match there {
        Some(store) => store,
        None if found.is_clean() && named.is_empty() => return Ok(found),
        None => app.store().await?,
    };
    // Keys that open nothing any more need no consent. What costs money is deleted though they can't be.
    let tidied = tidy(&store).await.map_err(Error::from);
    if found.is_clean() && named.is_empty() {
        return tidied.map(|()| found);
    }
    app.confirm(&args.consent, "Delete all of this?")?;
    // Only from here on: at the question Ctrl-C just ends it.
    let mut interrupts = interrupts()?;
    let mut errors: Vec<Error> = tidied.err().into_iter().collect();
    for name in found.expired.iter().chain(&found.forsaken) {
        errors.extend(give_back(app, &store, &sites, name, &mut interrupts).await.err());
    }
    errors.extend(delete(app, &store, &sites, &found, named).await.err());
    // One that fails must not keep the others from being given back; all are told, the first by its own code.
    let mut errors = errors.into_iter();
    match errors.next() {
        None => Ok(found),
        Some(first) => Err(errors.fold(first, Error::and)),
    }
}

/// Gives a deployment back, unless it was taken up again while the user was asked.
async fn give_back(
    app: &App,
    store: &Store,
    sites: &Sites,
    name: &Name,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let lock = match store.lock(name) {
        Err(busy @ StoreError::Busy { .. }) => {
            app.printer.say(&format!("note: {busy}: it is left to that"));
            return Ok(());
        }
        lock => lock?,
    };
    match store.find(name).await? {
        Some(record) if due(&record, (app.now)()).is_some() => {
            Drive { app, sites, store, lock }.down(record, interrupts).await
        }
        _ => Ok(()),
    }
}

/// The foreign things that bear the tickets that were named.
fn named(found: &Found, tickets: &[Ticket]) -> Result<Vec<Stray>, Error> {
    let bears = |ticket: &Ticket| found.foreign.iter().find(|stray| stray.resource.ticket == *ticket).cloned();
    let found = |ticket| {
        bears(ticket).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("nothing bears the ticket `{ticket}`")))
    };
    tickets.iter().map(found).collect()
}

async fn delete(app: &App, store: &Store, sites: &Sites, found: &Found, named: Vec<Stray>) -> Result<(), Error> {
    // What was found may have been adopted while the user was asked.
    let again = find(Some(store), sites, (app.now)()).await?;
    let mut strays: Vec<Stray> = found.orphans.iter().filter(|stray| again.orphans.contains(stray)).cloned().collect();
    strays.extend(named);
    let failed = remove(sites, &strays).await;
    if !strays.is_empty() {
        app.printer.say(&format!("{} deleted", view::plural(strays.len() - failed.len(), "thing")));
    }
    if failed.is_empty() { Ok(()) } else { Err(remaining(&failed)) }
}

fn remaining(failed: &[(Stray, SiteError)]) -> Error {
    let mut error =
        Error::new(ErrorKind::Stuck, format!("{} could not be deleted", view::plural(failed.len(), "thing")));
    for (stray, refusal) in failed {
        let resource = &stray.resource;
        error.causes.push(format!("the {} `{}` at `{}`: {refusal}", resource.kind, resource.reference, stray.site));
        error.hints.extend(refusal.hint.clone());
    }
    error.hints.dedup();
    error
}
