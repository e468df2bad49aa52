//! Choosing the offers.
//!
//! All groups of a demand go to one site, since their machines must reach each other. Assignments are compared in this
//! order; the first difference decides:
//!
//! 1. the position of the site in the demand's `on`;
//! 2. the alternatives (`any_of`), then the sites named inside them, each summed over the groups;
//! 3. the price of all machines per hour, an unknown price after every known one;
//! 4. the number of machines whose size the site does not report;
//! 5. the smallest excess: GPUs, then memory, then CPUs;
//! 6. names: of the site, then of the node types, group by group.
//!
//! The search is exact: branch and bound. It goes group by group through the fitting offers, best first, and cuts a branch
//! whose cost plus the minimum cost of the remaining groups is no better than the best assignment so far. With *g* groups,
//! the others use at most *g* - 1 offers, so only the *g* best offers of each alternative can be needed: at most
//! (*g* · alternatives)^*g* leaves in the worst case, however many offers there are, and *g* steps if no two groups
//! compete. Examining the offers is linear and takes most of the time.

use super::budget;
use super::capacity::shortage;
use super::fit::{Fit, GroupAlternative, examine};
use super::misfit::Any;
use super::score::Cost;
use crate::demand::{Demand, Group, SiteSelector};
use crate::money::Money;
use crate::offer::Offer;

/// Number of steps after which the search returns its best assignment so far. Without a limit, many groups that compete
/// for the same few hosts would take exponential time. Eight groups that compete for one host each stay below it.
const MAX_STEPS: u32 = 1_000_000;

/// The best fit for each group, in the order of the groups; `None` if the demand can't be met.
///
/// The offers must be in [`in_order`].
pub(super) fn choose<'a>(demand: &'a Demand, offers: &[&'a Offer]) -> Option<Vec<Fit<'a>>> {
    let mut tiers: Vec<(usize, &[&Offer])> = by_site(offers)
        .filter(|at_site| SiteSelector::includes(&demand.on, &at_site[0].site))
        .map(|at_site| (demand.on.iter().position(|selector| selector.means(&at_site[0].site)).unwrap_or(0), at_site))
        .collect();
    // Stable: sites of one rank stay sorted by name.
    tiers.sort_by_key(|(rank, _)| *rank);
    tiers.chunk_by(|a, b| a.0 == b.0).find_map(|sites| best_of_sites(demand, sites))
}

fn best_of_sites<'a>(demand: &'a Demand, sites: &[(usize, &[&'a Offer])]) -> Option<Vec<Fit<'a>>> {
    let mut best: Option<(Cost, Vec<Fit>)> = None;
    for (_, offers) in sites {
        let fits: Vec<Vec<Fit>> = demand.groups.iter().map(|group| shortlist(demand, group, offers)).collect();
        best = Search::new(demand, &fits, best).run();
    }
    best.map(|(_, fits)| fits)
}

/// The offers in an order that depends only on their content.
pub(super) fn in_order<'o>(offers: impl Iterator<Item = &'o Offer>) -> Vec<&'o Offer> {
    let mut sorted: Vec<&Offer> = offers.collect();
    sorted.sort_by(|a, b| {
        let by_name = a.site.cmp(&b.site).then_with(|| a.node_type.cmp(&b.node_type)).then(a.spot.cmp(&b.spot));
        // Rare: two offers of one name. Their JSON differs wherever they do.
        by_name.then_with(|| serde_json::to_string(a).ok().cmp(&serde_json::to_string(b).ok()))
    });
    sorted
}

/// The offers grouped by site. They must be in [`in_order`].
pub(super) fn by_site<'s, 'a>(offers: &'s [&'a Offer]) -> impl Iterator<Item = &'s [&'a Offer]> {
    offers.chunk_by(|a, b| a.site == b.site)
}

/// Every fit of a group alone, in the order of the offers and alternatives.
pub(super) fn fits<'a>(demand: &'a Demand, group: &'a Group, offers: &[&'a Offer]) -> Vec<Fit<'a>> {
    let ways = offers
        .iter()
        .flat_map(|offer| GroupAlternative::all(demand, group).map(move |alternative| (alternative, *offer)));
    ways.filter_map(|(alternative, offer)| examine(&alternative, offer, &mut Any::default())).collect()
}

/// The fits that can be part of the best assignment, best first: as many of each alternative as there are groups.
///
/// Within an alternative, a better fit never costs more, so changing to it never exceeds a budget.
fn shortlist<'a>(demand: &'a Demand, group: &'a Group, offers: &[&'a Offer]) -> Vec<Fit<'a>> {
    let mut fits = fits(demand, group, offers);
    fits.sort_by_key(|fit| fit.cost);
    let mut taken = vec![0; group.any_of.len()];
    fits.retain(|fit| {
        let seen = &mut taken[fit.alternative];
        *seen += 1;
        *seen <= demand.groups.len()
    });
    fits
}

/// Depth-first branch and bound at one site.
struct Search<'s, 'a> {
    demand: &'a Demand,
    lists: &'s [Vec<Fit<'a>>],
    /// Minimum cost of the groups from each index on, each alone.
    floors: Vec<Cost>,
    chosen: Vec<&'s Fit<'a>>,
    best: Option<(Cost, Vec<Fit<'a>>)>,
    steps: u32,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(demand: &'a Demand, lists: &'s [Vec<Fit<'a>>], best: Option<(Cost, Vec<Fit<'a>>)>) -> Self {
        let floor = |list: &Vec<Fit>| list.first().map(|fit| fit.cost).unwrap_or_default();
        let floors = (0..=lists.len()).map(|from| lists[from..].iter().map(floor).sum()).collect();
        Self { demand, lists, floors, chosen: Vec::new(), best, steps: 0 }
    }

    fn run(mut self) -> Option<(Cost, Vec<Fit<'a>>)> {
        if self.lists.iter().all(|list| !list.is_empty()) {
            self.descend(Cost::default());
        }
        self.best
    }

    fn descend(&mut self, so_far: Cost) {
        let lists = self.lists;
        let Some(list) = lists.get(self.chosen.len()) else {
            self.best = Some((so_far, self.chosen.iter().map(|fit| **fit).collect()));
            return;
        };
        for fit in list {
            self.steps += 1;
            let cost = so_far + fit.cost;
            // The list is sorted: later fits are no better.
            if self.steps > MAX_STEPS || !self.can_win(cost) {
                return;
            }
            self.chosen.push(fit);
            if self.has_capacity() && budget::breaches(self.demand, Some(cost.price)).next().is_none() {
                self.descend(cost);
            }
            self.chosen.pop();
        }
    }

    /// True if the branch can become strictly better than the best so far. Among equals, the first by name stays.
    fn can_win(&self, cost: Cost) -> bool {
        let floor = self.floors[self.chosen.len() + 1];
        self.best.as_ref().is_none_or(|(best, _)| cost + floor < *best)
    }

    /// True if the offer chosen last suffices for all groups that now use it.
    fn has_capacity(&self) -> bool {
        let Some(last) = self.chosen.last() else { return true };
        let sharing = |fit: &&Fit| std::ptr::eq(fit.offer, last.offer);
        let on_it: Vec<&Fit> = self.chosen.iter().copied().filter(|fit| sharing(fit)).collect();
        on_it.len() == 1 || shortage(last.offer, &on_it).is_none()
    }
}

/// Price of all fits per hour; `None` if the price of any is unknown.
pub(super) fn price(fits: &[Fit]) -> Option<Money> {
    fits.iter().try_fold(Money::ZERO, |sum, fit| Some(sum.plus(fit.price()?)))
}
