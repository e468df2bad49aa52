//! The search for the answer to an availability query.

use jiff::Timestamp;

use super::alternative::alternatives;
use super::pool::{NodePool, PoolNode, cost};
use super::query::AvailabilityQuery;
use super::report::{AvailabilityReport, Decision, SiteAvailability};
use crate::filter::Field;
use crate::inventory::{Inventory, InventoryNode, InventorySite};
use crate::money::Money;

/// A query that can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AvailabilityError {
    /// A requested site has no nodes in the inventory.
    #[error("no nodes are known at the site `{site}`")]
    UnknownSite {
        /// The site, as requested.
        site: String,
        /// The sites that have nodes.
        known: Vec<String>,
    },
}

/// Answers a query from an inventory.
pub fn query(inventory: &Inventory<'_>, query: &AvailabilityQuery) -> Result<AvailabilityReport, AvailabilityError> {
    let pools: Vec<NodePool<'_>> = sites(inventory, query)?.into_iter().map(|site| NodePool::of(site, query)).collect();
    let starts: Vec<Option<Timestamp>> = pools.iter().map(|pool| pool.earliest(query)).collect();
    let first = starts.iter().enumerate().filter_map(|(index, start)| Some(((*start)?, index))).min();
    let (decision, chosen) = match first {
        None => (Decision::None, Vec::new()),
        Some((start, index)) if start == query.window.start() => {
            // Without requested sites, none is preferred.
            let preferred = index == 0 || query.sites.is_empty();
            let decision = if preferred { Decision::Now } else { Decision::SiteChange };
            (decision, pools[index].choose(start, query))
        }
        Some((start, index)) => (Decision::TimeShift, pools[index].choose(start, query)),
    };
    let sites: Vec<SiteAvailability> =
        pools.iter().zip(&starts).map(|(pool, start)| pool.availability(*start, query)).collect();
    let sum = |count: fn(&SiteAvailability) -> usize| sites.iter().map(count).sum();
    let mut report = AvailabilityReport {
        decision,
        site: first.map(|(_, index)| sites[index].site.clone()),
        start: query.window.start(),
        duration_seconds: query.window.duration().as_secs(),
        amount: query.amount.get(),
        pool: sum(|site| site.pool),
        free: sum(|site| site.free),
        earliest: first.map(|(start, _)| start),
        free_at_earliest: first.and_then(|(_, index)| sites[index].free_at_earliest),
        service_units: first.map(|_| cost(&chosen, query)),
        nodes: chosen.iter().map(PoolNode::choice).collect(),
        unknown: sum(|site| site.unknown),
        maintenance: sum(|site| site.maintenance),
        alternatives: Vec::new(),
        notes: notes(&pools, query),
        sites,
    };
    if decision != Decision::Now {
        let requested_cost = report.service_units.or_else(|| cheapest(&pools, query));
        report.alternatives = alternatives(inventory, query, &pools, &starts, requested_cost);
    }
    Ok(report)
}

/// The requested sites, in order of preference, without duplicates.
fn sites<'i, 'a>(
    inventory: &'i Inventory<'a>,
    query: &AvailabilityQuery,
) -> Result<Vec<&'i InventorySite<'a>>, AvailabilityError> {
    if query.sites.is_empty() {
        return Ok(inventory.sites.iter().collect());
    }
    let find = |name: &String| {
        let found = inventory.sites.iter().find(|site| *site.id == **name);
        found.ok_or_else(|| AvailabilityError::UnknownSite {
            site: name.clone(),
            known: inventory.sites.iter().map(|site| site.id.to_string()).collect(),
        })
    };
    let mut sites: Vec<&'i InventorySite<'a>> = Vec::new();
    for name in &query.sites {
        let site = find(name)?;
        if sites.iter().all(|known| known.id != site.id) {
            sites.push(site);
        }
    }
    Ok(sites)
}

/// Cost of the request if its nodes were free: the cheapest pool that has enough.
fn cheapest(pools: &[NodePool<'_>], query: &AvailabilityQuery) -> Option<Money> {
    let amount = query.amount.get() as usize;
    pools.iter().filter_map(|pool| Some(cost(pool.nodes.get(..amount)?, query))).min()
}

fn notes(pools: &[NodePool<'_>], query: &AvailabilityQuery) -> Vec<String> {
    let undecided: usize = pools.iter().map(|pool| pool.undecided).sum();
    let mut notes: Vec<String> = pools.iter().flat_map(|pool| labelled_larger(pool.site, query)).collect();
    match undecided {
        0 => {}
        1 => notes.push("1 node does not report a fact that the filter needs and is not counted".to_owned()),
        several => {
            notes.push(format!("{several} nodes do not report a fact that the filter needs and are not counted"));
        }
    }
    notes
}

/// Explains nodes that the filter misses only because their memory in bytes is less than their label says.
fn labelled_larger(site: &InventorySite<'_>, query: &AvailabilityQuery) -> Option<String> {
    let requested = query.filter.least_memory()?;
    let near = site.nodes().filter(|node| {
        let has = node.facts.memory.unwrap_or_default();
        let lowered = |field, least: f64| if field == Field::Memory { has.0 as f64 } else { least };
        has < requested
            && node.facts.labelled_memory().is_some_and(|label| label >= requested)
            && query.filter.relaxed(lowered).is_some_and(|filter| filter.matches(site, node) == Some(true))
    });
    let near: Vec<&InventoryNode<'_>> = near.collect();
    let smallest = near.iter().filter_map(|node| node.facts.memory).min()?;
    // Rounded down, so that the suggested filter matches all of them.
    let suggestion = format!("`ram>={}GiB` would include", smallest.0 >> 30);
    Some(match near.as_slice() {
        [only] => {
            let label = only.facts.memory_text.as_deref().unwrap_or_default();
            format!("`{}` is labelled `{label}` but has {smallest}: {suggestion} it", only.label())
        }
        several => {
            let (count, site) = (several.len(), &site.id);
            format!("{count} nodes at `{site}` are labelled {requested} or more but have less: {suggestion} them")
        }
    })
}
