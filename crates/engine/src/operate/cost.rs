//! The cost of deployments, live and closed.

use std::collections::BTreeMap;

use hostler_core::journal::DeploymentState;
use hostler_core::money::Money;
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::offer::PriceUnit;
use hostler_core::usage::Usage;
use jiff::Timestamp;
use serde::Serialize;

use super::{OperateError, Operator};
use crate::store::Record;

/// The cost of deployments.
#[derive(Debug, Clone, Serialize)]
pub struct CostReport {
    /// Each deployment, oldest first.
    pub deployments: Vec<CostLine>,
    /// The totals, by unit.
    pub totals: BTreeMap<String, CostTotal>,
}

/// The cost of one deployment.
#[derive(Debug, Clone, Serialize)]
pub struct CostLine {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DeploymentId,
    /// Its state.
    pub state: DeploymentState,
    /// Its sites.
    pub sites: Vec<SiteId>,
    /// The time it was created.
    #[serde(rename = "created_at")]
    pub created: Timestamp,
    /// The time its last resource was deleted; `None` while it is live.
    #[serde(rename = "closed_at")]
    pub closed: Option<Timestamp>,
    /// Its cost so far and per hour.
    pub usage: Usage,
}

/// A total over deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CostTotal {
    /// Per hour, of live deployments.
    pub price_per_hour: Money,
    /// Until now.
    pub used: Money,
    /// The number of deployments of unknown cost, which are not in the total.
    pub unknown: usize,
}

impl Operator {
    /// The cost of deployments created since a time, of all if `None`; only of live ones if `live`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn cost_report(&self, since: Option<Timestamp>, live: bool) -> Result<CostReport, OperateError> {
        let mut records = Vec::new();
        if let Some(store) = self.store.existing().await? {
            records = self.readable(store.list_all().await?);
        }
        records.retain(|record| since.is_none_or(|since| record.created >= since));
        records.retain(|record| !live || record.closed.is_none());
        let now = (self.now)();
        let deployments: Vec<CostLine> = records.iter().map(|record| line(record, now)).collect();
        Ok(CostReport { totals: totals(&deployments), deployments })
    }
}

fn line(record: &Record, now: Timestamp) -> CostLine {
    CostLine {
        name: record.name.clone(),
        id: record.id,
        state: record.state(),
        sites: record.plan.sites(),
        created: record.created,
        closed: record.closed,
        usage: record.usage(now),
    }
}

fn totals(lines: &[CostLine]) -> BTreeMap<String, CostTotal> {
    let mut totals: BTreeMap<PriceUnit, CostTotal> = BTreeMap::new();
    for line in lines {
        let total = totals.entry(line.usage.unit).or_default();
        match line.usage.used {
            Some(used) => total.used = total.used.plus(used),
            None => total.unknown += 1,
        }
        if line.closed.is_none() {
            total.price_per_hour = total.price_per_hour.plus(line.usage.price_per_hour.unwrap_or_default());
        }
    }
    totals.into_iter().map(|(unit, total)| (unit.to_string(), total)).collect()
}
