//! A lease that is there already, as the only place that a plan may look at.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Timeline;
use crate::money::Money;
use crate::name::SiteId;
use crate::offer::{Availability, ClaimTerm, HostId, HostState, Market, Supply};
use crate::ticket::Ref;
use crate::time::Window;

/// A lease that is there already, whosever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingLease {
    /// The site's id for it.
    pub lease: Ref,
    /// Where.
    pub site: SiteId,
    /// Its window.
    pub window: Window,
    /// Its hosts that have room: none of our machines is on them.
    pub hosts: BTreeSet<HostId>,
}

impl ExistingLease {
    /// The market with only its hosts, within its window. They cost nothing more: the lease is paid for already.
    pub fn apply(&self, mut market: Market) -> Market {
        market.offers.retain(|offer| offer.site == self.site && matches!(offer.supply, Supply::Hosts(_)));
        for offer in &mut market.offers {
            let Supply::Hosts(hosts) = &mut offer.supply else { continue };
            hosts.retain(|host| self.hosts.contains(&host.id));
            for host in hosts {
                // Whoever holds it holds it by this lease, so it is in service, whatever the calendar says.
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
    /// Only physical hosts, and of those only the ones that are wanted.
    pub fn with_hosts(mut self, wanted: impl Fn(&SiteId, &HostId) -> bool) -> Self {
        for offer in &mut self.offers {
            if let Supply::Hosts(hosts) = &mut offer.supply {
                hosts.retain(|host| wanted(&offer.site, &host.id));
            }
        }
        self.offers.retain(|offer| matches!(&offer.supply, Supply::Hosts(hosts) if !hosts.is_empty()));
        self
    }
}
