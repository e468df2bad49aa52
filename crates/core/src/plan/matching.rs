//! Offers that match one group, other groups aside, for callers that choose before there is a plan.

use super::fit::{GroupAlternative, examine};
use super::misfit::Any;
use super::score::Cost;
use super::window;
use crate::demand::{Demand, Group, SiteSelector};
use crate::offer::{Market, Offer, Supply};
use crate::time::Window;

/// True if an offer meets a group's requirements. Present reservations of physical hosts are ignored.
pub fn could_match(demand: &Demand, group: &Group, offer: &Offer) -> bool {
    match &offer.supply {
        _ if !SiteSelector::includes(&demand.on, &offer.site) => false,
        Supply::Hosts(hosts) => window::would_match(demand, group, offer, hosts),
        _ => window::matches(demand, group, offer),
    }
}

/// The offers that match a group throughout a window, best first: in the order of the planner's preference if there were
/// no other group.
pub fn matching_offers<'m>(demand: &Demand, group: &Group, market: &'m Market, window: &Window) -> Vec<&'m Offer> {
    let standing = window::standing(&market.offers, window);
    let ranked =
        market.offers.iter().zip(&standing).filter(|(offer, _)| SiteSelector::includes(&demand.on, &offer.site));
    let mut ranked: Vec<((usize, Cost), &Offer)> =
        ranked.filter_map(|(offer, in_window)| Some((rank(demand, group, in_window)?, offer))).collect();
    ranked.sort_by(|(rank_a, a), (rank_b, b)| {
        rank_a.cmp(rank_b).then_with(|| a.site.cmp(&b.site)).then_with(|| a.node_type.cmp(&b.node_type))
    });
    ranked.into_iter().map(|(_, offer)| offer).collect()
}

/// The position of the site in `on`, then the cost of the best alternative.
fn rank(demand: &Demand, group: &Group, offer: &Offer) -> Option<(usize, Cost)> {
    let fits = GroupAlternative::all(demand, group)
        .filter_map(|alternative| examine(&alternative, offer, &mut Any::default()));
    let place = demand.on.iter().position(|selector| selector.means(&offer.site)).unwrap_or(0);
    fits.map(|fit| (place, fit.cost)).min()
}
