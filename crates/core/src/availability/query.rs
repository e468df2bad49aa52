//! How the answer is found.

use jiff::Timestamp;

use super::alternative::alternatives;
use super::{AvailabilityError, AvailabilityQuery, AvailabilityReport, Decision, NodeChoice, SiteAvailability};
use crate::calendar::{Timeline, earliest};
use crate::inventory::{Inventory, InventoryNode, InventorySite, NodeState};
use crate::money::Money;
use crate::offer::Availability;
use crate::time::Window;

/// Answers a question.
pub fn query(inventory: &Inventory<'_>, question: &AvailabilityQuery) -> Result<AvailabilityReport, AvailabilityError> {
    let asked = sites(inventory, question)?;
    let pools: Vec<Pool<'_>> = asked.into_iter().map(|site| Pool::of(site, question)).collect();
    let found: Vec<Option<Timestamp>> = pools.iter().map(|pool| pool.earliest(question)).collect();
    let first = found.iter().enumerate().filter_map(|(index, start)| Some(((*start)?, index))).min();
    let (decision, chosen) = match first {
        None => (Decision::None, Vec::new()),
        Some((start, index)) if start == question.window.start() => {
            // Where no site was named, none is preferred.
            let preferred = index == 0 || question.sites.is_empty();
            let decision = if preferred { Decision::Now } else { Decision::SiteChange };
            (decision, pools[index].choose(start, question))
        }
        Some((start, index)) => (Decision::TimeShift, pools[index].choose(start, question)),
    };
    let sites: Vec<SiteAvailability> =
        pools.iter().zip(&found).map(|(pool, start)| pool.answer(*start, question)).collect();
    let sum = |count: fn(&SiteAvailability) -> usize| sites.iter().map(count).sum();
    let mut answer = AvailabilityReport {
        decision,
        site: first.map(|(_, index)| sites[index].site.clone()),
        start: question.window.start(),
        duration_seconds: question.window.duration().as_secs(),
        amount: question.amount.get(),
        pool: sum(|site| site.pool),
        free: sum(|site| site.free),
        earliest: first.map(|(start, _)| start),
        free_at_earliest: first.and_then(|(_, index)| sites[index].free_at_earliest),
        service_units: first.map(|_| cost(&chosen, question)),
        nodes: chosen.iter().map(Taken::choice).collect(),
        unknown: sum(|site| site.unknown),
        maintenance: sum(|site| site.maintenance),
        alternatives: Vec::new(),
        notes: notes(&pools, question),
        sites,
    };
    if decision != Decision::Now {
        let asked_for = answer.service_units.or_else(|| whole_cost(&pools, question));
        answer.alternatives = alternatives(inventory, question, &pools, &found, asked_for);
    }
    Ok(answer)
}

/// The sites that are asked, in their order.
fn sites<'i, 'a>(
    inventory: &'i Inventory<'a>,
    question: &AvailabilityQuery,
) -> Result<Vec<&'i InventorySite<'a>>, AvailabilityError> {
    if question.sites.is_empty() {
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
    for name in &question.sites {
        let site = find(name)?;
        // Who is named twice has its nodes once.
        if sites.iter().all(|known| known.id != site.id) {
            sites.push(site);
        }
    }
    Ok(sites)
}

/// The nodes of one site that the filter means.
pub(super) struct Pool<'p> {
    pub(super) site: &'p InventorySite<'p>,
    /// The cheapest and smallest first, so that nobody gets an accelerator who asked for none.
    nodes: Vec<Taken<'p>>,
    /// How many don't say what the filter asks for.
    unsaid: usize,
}

/// A node, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Taken<'p> {
    site: &'p str,
    cluster: &'p str,
    pub(super) node: &'p InventoryNode<'p>,
}

impl<'p> Pool<'p> {
    pub(super) fn of(site: &'p InventorySite<'p>, question: &AvailabilityQuery) -> Self {
        Self::matching(site, |node| question.filter.matches(site, node))
    }

    pub(super) fn matching(site: &'p InventorySite<'p>, matches: impl Fn(&InventoryNode<'_>) -> Option<bool>) -> Self {
        let mut pool = Self { site, nodes: Vec::new(), unsaid: 0 };
        for cluster in &site.clusters {
            for node in &cluster.nodes {
                match matches(node) {
                    Some(true) => pool.nodes.push(Taken { site: &site.id, cluster: &cluster.id, node }),
                    Some(false) => {}
                    None => pool.unsaid += 1,
                }
            }
        }
        pool.nodes.sort_by_key(|taken| {
            let facts = &taken.node.facts;
            (facts.service_units_per_hour(), facts.gpu_count(), facts.memory, facts.threads)
        });
        pool
    }

    /// Those that are free over a whole window.
    pub(super) fn free(&self, window: &Window) -> Vec<Taken<'p>> {
        let is_free = |taken: &&Taken<'p>| taken.node.availability(window) == Availability::Free;
        self.nodes.iter().filter(is_free).copied().collect()
    }

    fn earliest(&self, question: &AvailabilityQuery) -> Option<Timestamp> {
        let amount = question.amount.get() as usize;
        let open = self.nodes.iter().filter(|taken| taken.node.state == NodeState::Reservable);
        let timelines: Vec<&Timeline> = open.map(|taken| &taken.node.timeline).collect();
        earliest(&timelines, amount, question.window.start(), question.within, question.window.duration())
    }

    pub(super) fn choose(&self, start: Timestamp, question: &AvailabilityQuery) -> Vec<Taken<'p>> {
        let mut free = self.free(&at(start, question));
        free.truncate(question.amount.get() as usize);
        free
    }

    fn answer(&self, earliest: Option<Timestamp>, question: &AvailabilityQuery) -> SiteAvailability {
        let count = |wanted: fn(&Availability) -> bool| {
            self.nodes.iter().filter(|taken| wanted(&taken.node.availability(&question.window))).count()
        };
        SiteAvailability {
            site: self.site.id.to_string(),
            pool: self.nodes.len(),
            free: count(|state| *state == Availability::Free),
            earliest,
            free_at_earliest: earliest.map(|start| self.free(&at(start, question)).len()),
            unknown: count(|state| *state == Availability::Unknown),
            maintenance: count(|state| *state == Availability::Maintenance),
        }
    }
}

impl Taken<'_> {
    pub(super) fn site(&self) -> &str {
        self.site
    }

    fn choice(&self) -> NodeChoice {
        let text = |text: &Option<crate::inventory::FeedText<'_>>| text.as_ref().map(ToString::to_string);
        NodeChoice {
            uid: self.node.uid.to_string(),
            name: text(&self.node.name),
            host_id: text(&self.node.host_id),
            site: self.site.to_owned(),
            cluster: self.cluster.to_owned(),
            node_type: text(&self.node.facts.node_type),
            service_units_per_hour: self.node.facts.service_units_per_hour(),
        }
    }
}

/// The window that was asked for, from another start on.
pub(super) fn at(start: Timestamp, question: &AvailabilityQuery) -> Window {
    Window::starting_at(start, question.window.duration()).unwrap_or(question.window)
}

/// Service units for some nodes over the time that was asked for.
pub(super) fn cost(taken: &[Taken<'_>], question: &AvailabilityQuery) -> Money {
    let seconds = question.window.duration().as_secs();
    let each = taken.iter().map(|taken| taken.node.facts.service_units_per_hour().over_seconds(seconds));
    each.fold(Money::ZERO, Money::plus)
}

/// What was asked for would cost, if it could be had: the cheapest of a pool that has enough.
fn whole_cost(pools: &[Pool<'_>], question: &AvailabilityQuery) -> Option<Money> {
    let amount = question.amount.get() as usize;
    let costs = pools.iter().filter_map(|pool| Some(cost(pool.nodes.get(..amount)?, question)));
    costs.min()
}

/// What the user should know of the pools.
fn notes(pools: &[Pool<'_>], question: &AvailabilityQuery) -> Vec<String> {
    let unsaid: usize = pools.iter().map(|pool| pool.unsaid).sum();
    let mut notes: Vec<String> = pools.iter().flat_map(|pool| called_larger(pool.site, question)).collect();
    if unsaid > 0 {
        let nodes = if unsaid == 1 { "1 node doesn't" } else { &format!("{unsaid} nodes don't") };
        notes.push(format!("{nodes} say what the filter asks for, and can't be counted"));
    }
    notes
}

/// The nodes whose memory in words would do, and in bytes doesn't.
fn called_larger(site: &InventorySite<'_>, question: &AvailabilityQuery) -> Option<String> {
    let asked = question.filter.least_memory()?;
    let near = site.nodes().filter(|node| {
        let has = node.facts.memory.unwrap_or_default();
        let content = |field, least: f64| if field == crate::filter::Field::Memory { has.0 as f64 } else { least };
        has < asked
            && node.facts.memory_in_words().is_some_and(|words| words >= asked)
            && question.filter.relaxed(content).is_some_and(|filter| filter.matches(site, node) == Some(true))
    });
    let near: Vec<&InventoryNode<'_>> = near.collect();
    let smallest = near.iter().filter_map(|node| node.facts.memory).min()?;
    // Rounded down, so that it counts them in.
    let would_do = format!("`ram>={}GiB` would count", smallest.0 >> 30);
    Some(match near.as_slice() {
        [only] => {
            let words = only.facts.memory_text.as_deref().unwrap_or_default();
            format!("`{}` is called `{words}` and has {smallest}: {would_do} it in", only.label())
        }
        several => {
            let (count, site) = (several.len(), &site.id);
            format!("{count} nodes at `{site}` are called as large as that, and have less: {would_do} them in")
        }
    })
}
