//! What else there is, where something can't be had as asked.

use jiff::Timestamp;
use serde::Serialize;

use super::AvailabilityQuery;
use super::query::{Pool, Taken, cost};
use crate::downgrade::CostChange;
use crate::inventory::{Inventory, InventorySite};
use crate::money::Money;

/// Something else that can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// What is given up.
    pub instead: Tradeoff,
    /// At which site.
    pub site: String,
    /// From when on.
    pub start: Timestamp,
    /// How many nodes.
    pub amount: usize,
    /// The filter that they pass, where it is not the one that was asked.
    pub filter: Option<String>,
    /// The names of the nodes.
    pub nodes: Vec<String>,
    /// The shapes of the nodes, each once.
    pub node_types: Vec<String>,
    /// Service units for all of it.
    pub service_units: Money,
    /// How much more that is than what was asked for; negative where it is less.
    pub more_service_units: Option<Money>,
    /// The same in words: what costs more says so.
    pub note: Option<String>,
}

/// What is given up. In this order they are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tradeoff {
    /// The time: later, at a site that was asked.
    Later,
    /// The site: when asked, at one that wasn't.
    OtherSite,
    /// The number: when asked, and fewer nodes.
    FewerNodes,
    /// The size: when asked, and smaller hardware, as far as the caps allow.
    SmallerHardware,
}

/// All alternatives, the best first.
pub(super) fn alternatives(
    inventory: &Inventory<'_>,
    question: &AvailabilityQuery,
    pools: &[Pool<'_>],
    found: &[Option<Timestamp>],
    asked_for: Option<Money>,
) -> Vec<Alternative> {
    let offer = Offer { question, asked_for };
    let mut all = Vec::new();
    for (pool, start) in pools.iter().zip(found) {
        all.extend(start.and_then(|start| offer.later(pool, start)));
        all.extend(offer.fewer(pool));
        all.extend(offer.smaller(pool.site));
    }
    let others = inventory.sites.iter().filter(|site| pools.iter().all(|pool| pool.site.id != site.id));
    all.extend(others.filter_map(|site| offer.elsewhere(site)));
    // Sorting is stable: within a kind and a start, the more nodes the better, and then the preferred site comes first.
    all.sort_by_key(|found| (found.instead, found.start, usize::MAX - found.amount, found.service_units));
    all
}

struct Offer<'q> {
    question: &'q AvailabilityQuery,
    asked_for: Option<Money>,
}

impl Offer<'_> {
    fn later(&self, pool: &Pool<'_>, start: Timestamp) -> Option<Alternative> {
        let is_later = start > self.question.window.start();
        is_later.then(|| self.of(Tradeoff::Later, start, &pool.choose(start, self.question)))
    }

    fn elsewhere(&self, site: &InventorySite<'_>) -> Option<Alternative> {
        let start = self.question.window.start();
        let taken = Pool::of(site, self.question).choose(start, self.question);
        (taken.len() == self.amount()).then(|| self.of(Tradeoff::OtherSite, start, &taken))
    }

    fn fewer(&self, pool: &Pool<'_>) -> Option<Alternative> {
        let start = self.question.window.start();
        let taken = pool.choose(start, self.question);
        (1..self.amount()).contains(&taken.len()).then(|| self.of(Tradeoff::FewerNodes, start, &taken))
    }

    fn smaller(&self, site: &InventorySite<'_>) -> Option<Alternative> {
        let (start, amount) = (self.question.window.start(), self.amount());
        let filter = self.question.filter.relaxed(|field, asked| self.question.caps.keep(field, asked))?;
        let mut free = Pool::matching(site, |node| filter.matches(site, node)).free(&self.question.window);
        // As near to what was asked as can be: what does serve it first, then the largest.
        free.sort_by_key(|taken| {
            let (facts, serves) = (&taken.node.facts, self.question.filter.matches(site, taken.node) == Some(true));
            std::cmp::Reverse((serves, facts.gpu_count(), facts.memory, facts.threads))
        });
        let enough = free.get(..amount)?;
        let serves = enough.iter().all(|taken| self.question.filter.matches(site, taken.node) == Some(true));
        let found =
            Alternative { filter: Some(filter.to_string()), ..self.of(Tradeoff::SmallerHardware, start, enough) };
        (!serves).then_some(found)
    }

    fn amount(&self) -> usize {
        self.question.amount.get() as usize
    }

    fn of(&self, instead: Tradeoff, start: Timestamp, taken: &[Taken<'_>]) -> Alternative {
        let service_units = cost(taken, self.question);
        let change = self.asked_for.map(|before| CostChange { before, after: service_units });
        let mut node_types: Vec<String> =
            taken.iter().filter_map(|taken| taken.node.facts.node_type.as_ref()).map(ToString::to_string).collect();
        node_types.sort_unstable();
        node_types.dedup();
        Alternative {
            instead,
            site: taken.first().map(|taken| taken.site().to_owned()).unwrap_or_default(),
            start,
            amount: taken.len(),
            filter: None,
            nodes: taken.iter().map(|taken| taken.node.label().to_owned()).collect(),
            node_types,
            service_units,
            more_service_units: change.map(|change| change.more()),
            note: change.map(|change| change.to_string()),
        }
    }
}
