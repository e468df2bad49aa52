//! `hostler cost-report`: what deployments cost, live and closed.

use std::collections::BTreeMap;

use hostler_core::journal::State;
use hostler_core::money::Money;
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::offer::Unit;
use hostler_core::usage::Usage;
use hostler_engine::store::Record;
use jiff::Timestamp;
use serde::Serialize;

use super::audit::back;
use crate::app::App;
use crate::args::CostReportArgs;
use crate::error::Error;
use crate::output::Format;
use crate::view;

/// What all deployments cost.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Each deployment, the oldest first.
    pub deployments: Vec<Row>,
    /// The sums, by what they are counted in.
    pub totals: BTreeMap<String, Total>,
}

/// What one deployment costs.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DeploymentId,
    /// Where it stands.
    pub state: State,
    /// The sites that it is at.
    pub sites: Vec<SiteId>,
    /// When it was entered.
    pub created: Timestamp,
    /// When nothing of it was left.
    pub closed: Option<Timestamp>,
    /// What it costs and has cost.
    pub usage: Usage,
}

/// A sum over deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// An hour, of those that are live.
    pub per_hour: Money,
    /// Used until now.
    pub used: Money,
    /// How many have an amount that isn't known, and are not in the sum.
    pub unknown: usize,
}

/// Shows it.
pub fn run(app: &App, args: &CostReportArgs) -> Result<(), Error> {
    let since = args.since.as_ref().map(|since| back(since, (app.now)())).transpose()?;
    let mut records = app.block_on(records(app))?;
    records.retain(|record| since.is_none_or(|since| record.created >= since));
    records.retain(|record| !args.live || record.closed.is_none());
    if records.is_empty() && app.format == Format::Text {
        app.printer.say("no deployments");
        return Ok(());
    }
    let deployments: Vec<Row> = records.iter().map(|record| row(record, (app.now)())).collect();
    let report = Report { totals: totals(&deployments), deployments };
    app.emit(&report, |width| view::costs(&report, width))
}

async fn records(app: &App) -> Result<Vec<Record>, Error> {
    let Some(store) = app.store_if_there().await? else { return Ok(Vec::new()) };
    let listing = store.list_all().await?;
    for error in &listing.unreadable {
        app.printer.say(&format!("warning: {error}"));
    }
    Ok(listing.records)
}

fn row(record: &Record, now: Timestamp) -> Row {
    let plan = &record.plan;
    let mut sites: Vec<SiteId> = plan.picks.iter().map(|pick| pick.site.clone()).collect();
    sites.sort();
    sites.dedup();
    Row {
        name: record.name.clone(),
        id: record.id,
        state: record.state(),
        sites,
        created: record.created,
        closed: record.closed,
        usage: record.usage(now),
    }
}

fn totals(rows: &[Row]) -> BTreeMap<String, Total> {
    let mut totals: BTreeMap<Unit, Total> = BTreeMap::new();
    for row in rows {
        let total = totals.entry(row.usage.unit).or_default();
        match row.usage.used {
            Some(used) => total.used = total.used.plus(used),
            None => total.unknown += 1,
        }
        if row.closed.is_none() {
            total.per_hour = total.per_hour.plus(row.usage.per_hour.unwrap_or_default());
        }
    }
    totals.into_iter().map(|(unit, total)| (unit.to_string(), total)).collect()
}
