//! Planning: queries the sites for offers, and calls the planner.

use std::collections::BTreeSet;

use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::name::{DeploymentId, SiteId};
use hostler_core::offer::Market;
use hostler_core::plan::{Exclusions, Placement, Plan, plan};

use super::{KeyRequest, OperateError, Operator, PlacementRequest, Requested};
use crate::event::Notice;
use crate::gather::query_market;

impl Operator {
    /// Plans a new deployment. For a live deployment, returns its current plan.
    ///
    /// # Errors
    /// [`OperateError::NoPlan`] with every offer that was checked, if the demand cannot be met.
    pub async fn plan(
        &self,
        requested: &Requested,
        placement: &PlacementRequest,
        key: &KeyRequest,
    ) -> Result<Plan, OperateError> {
        if let Some(record) = &requested.live {
            return Ok(record.plan.clone());
        }
        let placement = self.placement(placement, &requested.demand).await?;
        let plan = self.plan_without(&requested.demand, &placement, &Exclusions::default()).await?;
        self.check_key(key, &plan).await?;
        Ok(plan)
    }

    /// Plans a new deployment without the offers that sites have refused.
    pub(super) async fn plan_without(
        &self,
        demand: &Demand,
        placement: &Placement,
        refused: &Exclusions,
    ) -> Result<Plan, OperateError> {
        if self.sites.is_empty() {
            return Err(OperateError::NoSites);
        }
        self.check_sites(demand)?;
        let now = (self.now)();
        let demand = &placement.bound(demand, now);
        let market = refused.apply(placement.apply(query_market(&self.sites, demand, now).await?));
        let plan = plan(demand, &market, new_id(), now)?;
        plan.check_drivers()?;
        for (site, reason) in &market.unreachable {
            self.notice(Notice::Unreachable { site: site.clone(), reason: reason.clone() });
        }
        for site in emulated(&plan, &market) {
            self.notice(Notice::Emulated { site: site.clone() });
        }
        Ok(plan)
    }

    /// Fails if none of the sites that a demand allows is configured. The others need not be configured on this computer.
    pub(super) fn check_sites(&self, demand: &Demand) -> Result<(), OperateError> {
        let is_here = |selector: &SiteSelector| self.sites.keys().any(|site| selector.means(site));
        if demand.on.is_empty() || demand.on.iter().any(is_here) {
            return Ok(());
        }
        let texts: Vec<String> = demand.on.iter().map(ToString::to_string).collect();
        self.select(&texts).map(drop)
    }

    /// Fails if a stored plan can no longer be applied unchanged.
    pub(super) async fn check_fresh(&self, stored: &Plan) -> Result<(), OperateError> {
        let now = (self.now)();
        let stale = |reason| OperateError::Stale { plan: stored.id(), reason };
        let rest = stored.for_rest_of_window(now).map_err(stale)?;
        let market = self.placement_of(stored).await?.apply(query_market(&self.sites, &rest.demand, now).await?);
        rest.staleness(market, now).map_or(Ok(()), |reason| Err(stale(reason)))
    }
}

/// The id of a new deployment.
pub(super) fn new_id() -> DeploymentId {
    DeploymentId::from_bits(uuid::Uuid::now_v7().as_u128())
}

/// The sites of a plan whose machines are emulated.
fn emulated<'p>(plan: &'p Plan, market: &Market) -> BTreeSet<&'p SiteId> {
    let slow =
        |site: &&SiteId| market.offers.iter().any(|offer| offer.site == **site && offer.facts.emulated.is_some());
    plan.picks.iter().map(|pick| &pick.site).filter(slow).collect()
}
