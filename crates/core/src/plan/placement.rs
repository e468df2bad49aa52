//! Limits on the hosts of a plan beyond those of its demand: an existing lease, or certain hosts only.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ExistingLease;
use crate::demand::Demand;
use crate::name::SiteId;
use crate::offer::{HostId, Market};

/// Limits on the hosts that a plan may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    lease: Option<ExistingLease>,
    hosts: BTreeSet<HostId>,
    /// The hosts that match a filter; `None` without a filter.
    matching: Option<BTreeSet<(SiteId, HostId)>>,
}

impl Placement {
    /// Only on an existing lease.
    pub fn on_lease(lease: ExistingLease) -> Self {
        Self { lease: Some(lease), ..Self::default() }
    }

    /// Only on these hosts; on any host if there are none.
    pub fn on_hosts(hosts: impl IntoIterator<Item = HostId>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..Self::default() }
    }

    /// Additionally, only on hosts that match a filter.
    pub fn matching(self, hosts: BTreeSet<(SiteId, HostId)>) -> Self {
        Self { matching: Some(hosts), ..self }
    }

    /// The part of the market that a plan may use.
    pub fn apply(&self, market: Market) -> Market {
        let market = match &self.lease {
            Some(lease) => lease.apply(market),
            None => market,
        };
        if self.hosts.is_empty() && self.matching.is_none() {
            return market;
        }
        market.with_hosts(|site, host| {
            let matches = |hosts: &BTreeSet<_>| hosts.contains(&(site.clone(), host.clone()));
            (self.hosts.is_empty() || self.hosts.contains(host)) && self.matching.as_ref().is_none_or(matches)
        })
    }

    /// The demand, ending with the existing lease unless it gives a duration itself.
    pub fn bound(&self, demand: &Demand, now: Timestamp) -> Demand {
        let mut demand = demand.clone();
        if let Some(lease) = &self.lease {
            let start = demand.lease.start.unwrap_or(now);
            let rest = start.duration_until(lease.window.end());
            if demand.lease.duration.is_none() && rest.is_positive() {
                (demand.lease.start, demand.lease.duration) = (Some(start), Some(rest));
            }
        }
        demand
    }
}
