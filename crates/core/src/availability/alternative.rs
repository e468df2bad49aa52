//! Alternatives to a request that can't be met exactly.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::pool::{NodePool, PoolNode, cost};
use super::query::AvailabilityQuery;
use super::report::{Alternative, Tradeoff};
use crate::downgrade::CostChange;
use crate::inventory::{Inventory, InventorySite};
use crate::money::Money;

/// All alternatives, best first. `earliest` holds the earliest start of each pool; `requested_cost` is what the exact
/// request would cost, if that is known.
pub(super) fn alternatives(
    inventory: &Inventory<'_>,
    query: &AvailabilityQuery,
    pools: &[NodePool<'_>],
    earliest: &[Option<Timestamp>],
    requested_cost: Option<Money>,
) -> Vec<Alternative> {
    let search = AlternativeSearch { query, cost: requested_cost };
    let mut all = Vec::new();
    for (pool, start) in pools.iter().zip(earliest) {
        all.extend(start.and_then(|start| search.later(pool, start)));
        all.extend(search.fewer(pool));
        all.extend(search.smaller(pool.site));
    }
    let others = inventory.sites.iter().filter(|site| pools.iter().all(|pool| pool.site.id != site.id));
    all.extend(others.filter_map(|site| search.elsewhere(site)));
    // The sort is stable: among equals, the preferred site stays first.
    all.sort_by_key(|found| (found.instead, found.start, Reverse(found.amount), found.service_units));
    all
}

struct AlternativeSearch<'q> {
    query: &'q AvailabilityQuery,
    cost: Option<Money>,
}

impl AlternativeSearch<'_> {
    fn later(&self, pool: &NodePool<'_>, start: Timestamp) -> Option<Alternative> {
        let is_later = start > self.query.window.start();
        is_later.then(|| self.alternative(Tradeoff::Later, start, &pool.choose(start, self.query)))
    }

    fn elsewhere(&self, site: &InventorySite<'_>) -> Option<Alternative> {
        let start = self.query.window.start();
        let nodes = NodePool::of(site, self.query).choose(start, self.query);
        (nodes.len() == self.amount()).then(|| self.alternative(Tradeoff::OtherSite, start, &nodes))
    }

    fn fewer(&self, pool: &NodePool<'_>) -> Option<Alternative> {
        let start = self.query.window.start();
        let nodes = pool.choose(start, self.query);
        (1..self.amount()).contains(&nodes.len()).then(|| self.alternative(Tradeoff::FewerNodes, start, &nodes))
    }

    fn smaller(&self, site: &InventorySite<'_>) -> Option<Alternative> {
        let (start, amount) = (self.query.window.start(), self.amount());
        let filter = self.query.filter.relaxed(|field, least| self.query.caps.keep(field, least))?;
        let matches_exactly = |member: &PoolNode<'_>| self.query.filter.matches(site, member.node) == Some(true);
        let mut free = NodePool::matching(site, |node| filter.matches(site, node)).free(&self.query.window);
        // As close to the request as possible: nodes that match it exactly first, then the largest.
        free.sort_by_key(|member| {
            let facts = &member.node.facts;
            Reverse((matches_exactly(member), facts.gpu_count(), facts.memory, facts.threads))
        });
        let nodes = free.get(..amount)?;
        let found = Alternative {
            filter: Some(filter.to_string()),
            ..self.alternative(Tradeoff::SmallerHardware, start, nodes)
        };
        (!nodes.iter().all(matches_exactly)).then_some(found)
    }

    fn amount(&self) -> usize {
        self.query.amount.get() as usize
    }

    fn alternative(&self, instead: Tradeoff, start: Timestamp, nodes: &[PoolNode<'_>]) -> Alternative {
        let service_units = cost(nodes, self.query);
        let change = self.cost.map(|before| CostChange { before, after: service_units });
        let mut node_types: Vec<String> =
            nodes.iter().filter_map(|member| member.node.facts.node_type.as_ref()).map(ToString::to_string).collect();
        node_types.sort_unstable();
        node_types.dedup();
        Alternative {
            instead,
            site: nodes.first().map(|member| member.site.to_owned()).unwrap_or_default(),
            start,
            amount: nodes.len(),
            filter: None,
            nodes: nodes.iter().map(|member| member.node.label().to_owned()).collect(),
            node_types,
            service_units,
            more_service_units: change.map(|change| change.more()),
            note: change.map(|change| change.to_string()),
        }
    }
}
