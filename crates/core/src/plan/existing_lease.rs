//! An existing lease as the only place for a plan's machines.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Timeline;
use crate::money::Money;
use crate::name::SiteId;
use crate::offer::{Availability, ClaimTerm, HostId, HostState, Market, Supply};
use crate::ticket::Ref;
use crate::time::Window;

/// An existing lease, of any owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingLease {
    /// The site's id for it.
    pub lease: Ref,
    /// The site.
    pub site: SiteId,
    /// Its window.
    pub window: Window,
    /// Its hosts that have no machine of hostler's on them.
    pub hosts: BTreeSet<HostId>,
}

impl ExistingLease {
    /// The market with only its hosts, within its window. They are free of charge: the lease is already paid for.
    pub fn apply(&self, mut market: Market) -> Market {
        market.offers.retain(|offer| offer.site == self.site && matches!(offer.supply, Supply::Hosts(_)));
        for offer in &mut market.offers {
            let Supply::Hosts(hosts) = &mut offer.supply else { continue };
            hosts.retain(|host| self.hosts.contains(&host.id));
            for host in hosts {
                // The calendar lists the host as taken by this very lease.
                host.state = HostState::InService;
                host.busy = self.outside();
            }
            offer.availability = Availability::Free;
            offer.terms.claim = ClaimTerm::Existing(self.lease.clone());
            offer.price_per_hour = Some(Money::ZERO);
        }
        market.offers.retain(|offer| !matches!(&offer.supply, Supply::Hosts(hosts) if hosts.is_empty()));
        market
    }

    fn outside(&self) -> Timeline {
        let before = Window::new(Timestamp::MIN, self.window.start());
        let after = Window::new(self.window.end(), Timestamp::MAX);
        Timeline::of([before, after].into_iter().flatten())
    }
}

impl Market {
    /// The market with only those physical hosts that `is_allowed` accepts.
    pub fn with_hosts(mut self, is_allowed: impl Fn(&SiteId, &HostId) -> bool) -> Self {
        for offer in &mut self.offers {
            if let Supply::Hosts(hosts) = &mut offer.supply {
                hosts.retain(|host| is_allowed(&offer.site, &host.id));
            }
        }
        self.offers.retain(|offer| matches!(&offer.supply, Supply::Hosts(hosts) if !hosts.is_empty()));
        self
    }
}
