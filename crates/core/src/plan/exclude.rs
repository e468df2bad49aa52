//! Exclusions: hosts, offers and sites that a failed attempt found unavailable. The next plan avoids them.

use std::collections::BTreeSet;

use super::{Action, MachineSpec, Plan, PlannedResource};
use crate::calendar::Timeline;
use crate::name::SiteId;
use crate::offer::{HostId, HostState, Market, Supply};
use crate::ticket::StepId;
use crate::time::Window;

/// Hosts, offers and sites that a plan must not use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    hosts: BTreeSet<(SiteId, HostId)>,
    taken: Vec<(SiteId, HostId, Window)>,
    offers: BTreeSet<(SiteId, String)>,
    sites: BTreeSet<SiteId>,
}

impl Exclusions {
    /// Excludes the cause of a failed step of a plan.
    ///
    /// A failed lease excludes its hosts during its window. A failed machine excludes its host, or its offer if the plan
    /// chose no host. A failed address, network or key excludes the site.
    pub fn exclude_failed(&mut self, plan: &Plan, step: &StepId) {
        match plan.step(step).map(|step| &step.action) {
            Some(Action::Create(PlannedResource::Lease(spec))) => {
                self.taken.extend(spec.hosts.iter().map(|host| (spec.site.clone(), host.clone(), spec.window)));
            }
            Some(Action::Create(PlannedResource::Machine(spec))) => self.machine(spec),
            Some(Action::Create(resource)) => drop(self.sites.insert(resource.site().clone())),
            Some(Action::WaitSsh { machine } | Action::SetUp { machine, .. }) => {
                if let Some((_, spec)) = plan.machines().find(|(step, _)| step.id == *machine) {
                    self.machine(spec);
                }
            }
            None => {}
        }
    }

    fn machine(&mut self, spec: &MachineSpec) {
        match &spec.host {
            Some(host) => drop(self.hosts.insert((spec.site.clone(), host.clone()))),
            None => drop(self.offers.insert((spec.site.clone(), spec.node_type.clone()))),
        }
    }

    /// The market without them. An excluded host stays listed, with unknown availability.
    pub fn apply(&self, mut market: Market) -> Market {
        market.offers.retain(|offer| {
            !self.sites.contains(&offer.site) && !self.offers.contains(&(offer.site.clone(), offer.node_type.clone()))
        });
        for offer in &mut market.offers {
            let Supply::Hosts(hosts) = &mut offer.supply else { continue };
            for host in hosts {
                if self.hosts.contains(&(offer.site.clone(), host.id.clone())) {
                    host.state = HostState::Unknown;
                }
                let taken = self.taken.iter().filter(|(site, id, _)| *site == offer.site && *id == host.id);
                let taken: Vec<Window> = taken.map(|(_, _, window)| *window).collect();
                if !taken.is_empty() {
                    host.busy = Timeline::of(host.busy.busy().iter().copied().chain(taken));
                }
            }
        }
        market
    }
}
