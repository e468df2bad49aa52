//! What would do for one group, looked at alone: for whoever chooses before there is a plan.

use super::fit::{Ask, examine};
use super::misfit::Any;
use super::score::Cost;
use super::window;
use crate::demand::{Demand, Group, SiteSelector};
use crate::offer::{Market, Offer, Supply};
use crate::time::Window;

/// Whether an offer has what a group asks for; of physical hosts, whoever holds them now.
pub fn could_match(demand: &Demand, group: &Group, offer: &Offer) -> bool {
    match &offer.supply {
        _ if !SiteSelector::includes(&demand.on, &offer.site) => false,
        Supply::Hosts(hosts) => window::would_serve(demand, group, offer, hosts),
        _ => window::serves(demand, group, offer),
    }
}

/// The offers that serve a group all through a window, the best first: in the order in which the planner would take them
/// if there were no other group.
pub fn matching_offers<'m>(demand: &Demand, group: &Group, market: &'m Market, window: &Window) -> Vec<&'m Offer> {
    let standing = window::standing(&market.offers, window);
    let ranked =
        market.offers.iter().zip(&standing).filter(|(offer, _)| SiteSelector::includes(&demand.on, &offer.site));
    let mut ranked: Vec<((usize, Cost), &Offer)> =
        ranked.filter_map(|(offer, as_it_stands)| Some((rank(demand, group, as_it_stands)?, offer))).collect();
    ranked.sort_by(|(rank_a, a), (rank_b, b)| {
        rank_a.cmp(rank_b).then_with(|| a.site.cmp(&b.site)).then_with(|| a.node_type.cmp(&b.node_type))
    });
    ranked.into_iter().map(|(_, offer)| offer).collect()
}

/// The place of the site among those that are wished, and then the cost of the best alternative.
fn rank(demand: &Demand, group: &Group, offer: &Offer) -> Option<(usize, Cost)> {
    let fits = Ask::all(demand, group).filter_map(|ask| examine(&ask, offer, &mut Any::default()));
    let place = demand.on.iter().position(|wish| wish.means(&offer.site)).unwrap_or(0);
    fits.map(|fit| (place, fit.cost)).min()
}
