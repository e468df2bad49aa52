//! `hostler down`: gives everything back.

use std::collections::BTreeSet;

use hostler_core::journal::Left;
use hostler_core::name::Name;
use hostler_engine::run::{Interrupts, Sites};
use hostler_engine::store::{Record, Store};
use serde_json::json;

use crate::app::App;
use crate::args::{Consent, DownArgs};
use crate::drive::{Drive, interrupts, still_there};
use crate::error::{Details, Error, ErrorKind};
use crate::view;

/// So many interrupts stop what is being given back, and leave the rest.
const LEAVES_THE_REST: u32 = 2;

/// Shows what goes, asks, and gives it back, one deployment after the other.
pub fn run(app: &App, args: &DownArgs) -> Result<(), Error> {
    let gone = app.block_on(down(app, args))?;
    app.emit(&json!({ "released": gone }), |_| gone.iter().map(|name| format!("{name} is given back\n")).collect())
}

/// Gives one deployment back, and answers with those that were.
pub(super) fn give_back(app: &App, name: &Name, consent: Consent) -> Result<Vec<Name>, Error> {
    let args = DownArgs { names: vec![name.to_string()], all: false, consent };
    app.block_on(down(app, &args))
}

async fn down(app: &App, args: &DownArgs) -> Result<Vec<Name>, Error> {
    let Some(store) = app.store_if_there().await? else {
        return match args.names.first() {
            Some(name) => Err(app.no_deployment(name, None).await),
            None => Ok(Vec::new()),
        };
    };
    let records = if args.all { app.readable(&store).await? } else { named(app, &store, &args.names).await? };
    if records.is_empty() {
        return Ok(Vec::new());
    }
    agree(app, &records, &args.consent)?;
    if args.consent.dry_run {
        return Ok(Vec::new());
    }
    let (sites, mut interrupts) = (app.sites()?, interrupts()?);
    let (mut released, mut failed) = (Vec::new(), Vec::new());
    // One that fails must not keep the others from being given back.
    for record in records {
        match release(app, &store, &sites, &record, &mut interrupts).await {
            Ok(()) => released.push(record.name),
            Err(error) => failed.push((record.name, error)),
        }
    }
    each(released, failed)
}

async fn release(
    app: &App,
    store: &Store,
    sites: &Sites,
    record: &Record,
    interrupts: &mut Interrupts,
) -> Result<(), Error> {
    let name = &record.name;
    if *interrupts.borrow() >= LEAVES_THE_REST {
        let error = Error::new(ErrorKind::Halted, format!("`{name}` was not begun, because you stopped it"));
        return Err(still_there(record, error));
    }
    let lock = store.lock(name)?;
    // Another process may have given it back before the lock was ours.
    match store.find(name).await? {
        Some(record) => Drive { app, sites, store, lock }.down(record, interrupts).await,
        None => Ok(()),
    }
}

/// What came of each. Of one that was alone its own error is all that there is to say.
fn each(released: Vec<Name>, mut failed: Vec<(Name, Error)>) -> Result<Vec<Name>, Error> {
    match (released.len() + failed.len(), failed.pop()) {
        (_, None) => Ok(released),
        (1, Some((_, error))) => Err(error),
        (all, Some(last)) => {
            failed.push(last);
            let kind = failed.iter().map(|(_, error)| error.kind).max_by_key(|kind| kind.severity());
            let message = format!("{} of {} were not given back", failed.len(), view::plural(all, "deployment"));
            let error = Error::new(kind.unwrap_or(ErrorKind::Stuck), message);
            Err(error.detailed(Details::Each { released, failed }))
        }
    }
}

/// Shows what is at the sites, and asks where there is anything.
fn agree(app: &App, records: &[Record], consent: &Consent) -> Result<(), Error> {
    let left = |record: &Record| (record.name.to_string(), record.journal().left(&record.plan));
    let going: Vec<(String, Vec<Left>)> = records.iter().map(left).filter(|(_, left)| !left.is_empty()).collect();
    if going.is_empty() {
        return Ok(());
    }
    app.printer.say(&view::deletions(&going, app.printer.error_width));
    if consent.dry_run {
        return Ok(());
    }
    app.confirm(consent, &format!("Give back {}?", view::plural(records.len(), "deployment")))
}

/// The live deployments of these names. One that was given back before is fine; one that never was is an error.
async fn named(app: &App, store: &Store, names: &[String]) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for text in names.iter().collect::<BTreeSet<_>>() {
        let Ok(name) = Name::new(text.as_str()) else { return Err(app.no_deployment(text, Some(store)).await) };
        match store.find(&name).await? {
            Some(record) => records.push(record),
            None if store.find_last(&name).await?.is_some() => {
                app.printer.say(&format!("{name} was given back already"));
            }
            None => return Err(app.no_deployment(text, Some(store)).await),
        }
    }
    Ok(records)
}
