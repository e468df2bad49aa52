//! Choosing the offers.
//!
//! All groups of a demand go to one site, for their machines must reach each other. Among the sites and their offers
//! this order decides, the first difference first:
//!
//! 1. the place of the site in the demand's `on`;
//! 2. the alternatives (`any_of`), and then the sites named inside them, each summed over the groups;
//! 3. the price of all machines an hour, where an unknown one comes after every known one;
//! 4. the least excess: accelerators, then memory, then processors;
//! 5. names: of the site, then of the node types, group by group.
//!
//! The search is exact. It goes group by group through the fitting offers, best first, and turns back where what is
//! chosen together with the least cost of what is open is no better than the best so far. Of *g* groups, the others
//! use *g* - 1 offers at most, so of each group's alternatives only the *g* best offers can ever be needed: at most
//! (*g* · alternatives)^*g* leaves in the worst case, however many offers there are, and *g* steps where no two groups
//! compete. Looking at the offers is linear, and is where the time goes.

use super::budget;
use super::fit::{Ask, Fit, examine};
use super::measure::short_of;
use super::misfit::Any;
use super::score::Cost;
use crate::demand::{Demand, Group, SiteSelector};
use crate::money::Money;
use crate::offer::Offer;

/// Steps after which the best assignment so far counts: many groups that all compete for the same few hosts would
/// otherwise take for ever. Eight groups that compete for one host each are still searched to the end.
const MOST_STEPS: u32 = 1_000_000;

/// The best fit for each group, in the order of the groups; nothing where the demand can't be served.
///
/// The offers must be in [`in_order`].
pub(super) fn choose<'a>(demand: &'a Demand, offers: &[&'a Offer]) -> Option<Vec<Fit<'a>>> {
    let mut tiers: Vec<(usize, &[&Offer])> = by_site(offers)
        .filter(|at_site| SiteSelector::includes(&demand.on, &at_site[0].site))
        .map(|at_site| (demand.on.iter().position(|wish| wish.means(&at_site[0].site)).unwrap_or(0), at_site))
        .collect();
    // Stable, so that sites of one rank stay in the order of their names.
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

/// The offers of a market, in an order that depends on nothing but themselves.
pub(super) fn in_order<'o>(offers: impl Iterator<Item = &'o Offer>) -> Vec<&'o Offer> {
    let mut sorted: Vec<&Offer> = offers.collect();
    sorted.sort_by(|a, b| {
        let by_name = a.site.cmp(&b.site).then_with(|| a.node_type.cmp(&b.node_type)).then(a.spot.cmp(&b.spot));
        // Two offers of one name are rare; what tells them apart is anything at all, and their JSON has all.
        by_name.then_with(|| serde_json::to_string(a).ok().cmp(&serde_json::to_string(b).ok()))
    });
    sorted
}

/// The offers of each site; they must be in [`in_order`].
pub(super) fn by_site<'s, 'a>(offers: &'s [&'a Offer]) -> impl Iterator<Item = &'s [&'a Offer]> {
    offers.chunk_by(|a, b| a.site == b.site)
}

/// Every way to serve a group alone, in the order of the offers and alternatives.
pub(super) fn fits<'a>(demand: &'a Demand, group: &'a Group, offers: &[&'a Offer]) -> Vec<Fit<'a>> {
    let ways = offers.iter().flat_map(|offer| Ask::all(demand, group).map(move |ask| (ask, *offer)));
    ways.filter_map(|(ask, offer)| examine(&ask, offer, &mut Any::default())).collect()
}

/// The fits that can be needed, best first: of each alternative, on as many offers as there are groups.
///
/// Within an alternative a better fit is never dearer, so to change to it never breaks a budget.
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

/// A depth-first search with a bound, at one site.
struct Search<'s, 'a> {
    demand: &'a Demand,
    lists: &'s [Vec<Fit<'a>>],
    /// The least that the groups from here on cost, each looked at alone.
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
            // The list is sorted, so what follows is no better either.
            if self.steps > MOST_STEPS || !self.can_win(cost) {
                return;
            }
            self.chosen.push(fit);
            if self.holds_together() && budget::breaches(self.demand, Some(cost.price)).next().is_none() {
                self.descend(cost);
            }
            self.chosen.pop();
        }
    }

    /// Only what is strictly better replaces the best so far: among equals the first by name stays.
    fn can_win(&self, cost: Cost) -> bool {
        let floor = self.floors[self.chosen.len() + 1];
        self.best.as_ref().is_none_or(|(best, _)| cost + floor < *best)
    }

    /// Whether the offer that was chosen last bears all that is now on it.
    fn holds_together(&self) -> bool {
        let Some(last) = self.chosen.last() else { return true };
        let sharing = |fit: &&Fit| std::ptr::eq(fit.offer, last.offer);
        let on_it: Vec<&Fit> = self.chosen.iter().copied().filter(|fit| sharing(fit)).collect();
        on_it.len() == 1 || short_of(last.offer, &on_it).is_none()
    }
}

/// What all the fits cost an hour; unknown where one of them is.
pub(super) fn price(fits: &[Fit]) -> Option<Money> {
    fits.iter().try_fold(Money::ZERO, |sum, fit| Some(sum.plus(fit.price()?)))
}
