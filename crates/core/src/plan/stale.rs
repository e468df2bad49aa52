//! The check that a stored plan can still be applied unchanged.

use jiff::Timestamp;

use super::{Change, Misfit, Plan, diff, plan};
use crate::demand::{Demand, LeaseRequest};
use crate::name::SiteId;
use crate::offer::{Market, Offer};
use crate::ticket::Ref;

/// The reason why a stored plan is stale.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Staleness {
    /// The end of its window has passed.
    #[error("its window has ended")]
    Over,
    /// Too much of its window has passed since its start.
    #[error("its window started at {0}, and too much of it has passed")]
    Late(Timestamp),
    /// Planning again gives a different plan.
    #[error("{0}")]
    Changed(Change),
    /// An offer that it chose no longer meets the demand.
    #[error("{0}")]
    Unmet(Misfit),
    /// The sites no longer have the offers that it chose.
    #[error("its offers no longer exist")]
    NoOffers,
    /// The existing lease that it uses is gone.
    #[error("its lease `{lease}` no longer exists at `{site}`")]
    NoLease {
        /// The lease.
        lease: Ref,
        /// Its site.
        site: SiteId,
    },
}

/// A plan is stale after a tenth of its window: the user would get noticeably less time than the plan showed.
const STALE_AFTER_FRACTION: i32 = 10;

impl Plan {
    /// The plan for the rest of its window.
    ///
    /// # Errors
    /// [`Staleness::Over`] or [`Staleness::Late`] if too little of the window is left.
    pub fn for_rest_of_window(&self, now: Timestamp) -> Result<Self, Staleness> {
        let Some(until) = self.until else { return Ok(self.clone()) };
        let start = self.start.max(now);
        if until <= start {
            return Err(Staleness::Over);
        }
        if start.duration_since(self.start) > self.window().duration() / STALE_AFTER_FRACTION {
            return Err(Staleness::Late(self.start));
        }
        let lease = LeaseRequest { start: Some(start), duration: Some(until.duration_since(start)), within: None };
        Ok(Self { demand: Demand { lease, ..self.demand.clone() }, ..self.clone() })
    }

    /// The reason that the market no longer has this exact plan; `None` if it has.
    pub fn staleness(&self, mut market: Market, now: Timestamp) -> Option<Staleness> {
        // A better offer or another host does not matter: the plan names those that it uses.
        let picked =
            |offer: &Offer| self.picks.iter().any(|pick| pick.site == offer.site && pick.node_type == offer.node_type);
        market.offers.retain(picked);
        if self.picks.iter().any(|pick| !pick.hosts.is_empty()) {
            market = market
                .with_hosts(|site, host| self.picks.iter().any(|pick| pick.site == *site && pick.hosts.contains(host)));
        }
        match plan(&self.demand, &market, self.deployment, now) {
            Ok(again) => diff(self, &again).into_iter().next().map(Staleness::Changed),
            Err(no_plan) => {
                let unmet = no_plan.rejections.into_iter().flat_map(|rejection| rejection.misfits).next();
                Some(unmet.map_or(Staleness::NoOffers, Staleness::Unmet))
            }
        }
    }
}
