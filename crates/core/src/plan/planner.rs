//! From a demand and a market to a plan, or to the reasons why there is none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fit::Fit;
use super::{MisfitKind, Pick, Plan, Refusal, Tally, advice, measure, refuse, search, steps};
use crate::demand::{Demand, Group};
use crate::name::{DeploymentId, SiteId};
use crate::offer::Market;

/// Nobody can serve the demand: how many offers were looked at, why each was refused, and what would help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no offer serves the demand: {looked} looked at")]
pub struct NoPlan {
    /// How many offers were looked at.
    pub looked: usize,
    /// Each of them, and what it lacks.
    pub refusals: Vec<Refusal>,
    /// How often each kind of misfit stood in the way.
    pub tally: Tally,
    /// The sites that could not be asked, and why.
    pub silent: BTreeMap<SiteId, String>,
    /// Changes of the demand that would help, the smallest first, as sentences for the user.
    pub advice: Vec<String>,
}

/// Chooses an offer for each group and lays out the steps.
///
/// The order of preference is told where the search is, in `search.rs`. Nothing but the arguments counts: the same
/// demand, offers (in any order), id and time give the same plan, byte for byte.
///
/// Offers already speak for the window that they were gathered for, so `lease.within` is not looked at here.
///
/// # Errors
/// [`NoPlan`] where the demand can't be served, with every offer's misfits and the changes that would help.
pub fn plan(demand: &Demand, market: &Market, id: DeploymentId, now: Timestamp) -> Result<Plan, NoPlan> {
    let offers = search::in_order(&market.offers);
    let Some(fits) = search::choose(demand, &offers) else {
        let refusals = refuse::all(demand, &offers);
        return Err(NoPlan {
            looked: offers.len(),
            tally: tally(&refusals),
            refusals,
            silent: market.silent.clone(),
            advice: advice::relaxations(demand, &offers).into_iter().map(|relaxation| relaxation.sentence).collect(),
        });
    };
    let start = demand.lease.start.unwrap_or(now);
    let picks: Vec<Pick> = demand.groups.iter().zip(&fits).map(|(group, fit)| pick(group, fit)).collect();
    Ok(Plan {
        deployment: id,
        demand: demand.clone(),
        at: now,
        start,
        until: demand.lease.duration.map(|duration| start.saturating_add(duration).unwrap_or(Timestamp::MAX)),
        steps: steps::lay_out(demand, &picks),
        price_per_hour: search::price(&fits),
        refusals: refuse::others(demand, &offers, &fits),
        picks,
    })
}

fn pick(group: &Group, fit: &Fit) -> Pick {
    Pick {
        group: group.name.clone(),
        count: fit.count,
        site: fit.offer.site.clone(),
        node_type: fit.offer.node_type.clone(),
        shape: measure::shape(fit),
        image: fit.image.name.clone(),
        user: fit.image.user.clone(),
        price_per_hour: fit.offer.price_per_hour,
    }
}

/// Of each refusal every kind counts once, however many labels were missing.
fn tally(refusals: &[Refusal]) -> Tally {
    let mut tally = Tally::new();
    for refusal in refusals {
        let kinds: BTreeSet<MisfitKind> = refusal.misfits.iter().map(|misfit| misfit.kind).collect();
        for kind in kinds {
            *tally.entry(kind).or_default() += 1;
        }
    }
    tally
}
