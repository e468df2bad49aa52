//! What a failed attempt has shown not to be had, so that the next plan does without it.

use std::collections::BTreeSet;

use super::{Action, MachineSpec, Plan, PlannedResource};
use crate::calendar::Timeline;
use crate::name::SiteId;
use crate::offer::{HostId, HostState, Market, Supply};
use crate::ticket::StepId;
use crate::time::Window;

/// Hosts, offers and whole sites that are out of the question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    hosts: BTreeSet<(SiteId, HostId)>,
    taken: Vec<(SiteId, HostId, Window)>,
    offers: BTreeSet<(SiteId, String)>,
    sites: BTreeSet<SiteId>,
}

impl Exclusions {
    /// Takes in that a step of a plan was refused for want of something.
    ///
    /// A lease that was refused speaks against its hosts in its window, a machine against its host, or against its whole offer where
    /// no host was chosen; without an address, a network or a key there is no use for the site.
    pub fn exclude_failed(&mut self, plan: &Plan, step: &StepId) {
        match plan.step(step).map(|step| &step.action) {
            Some(Action::Create(PlannedResource::Lease(spec))) => {
                self.taken.extend(spec.hosts.iter().map(|host| (spec.site.clone(), host.clone(), spec.window)));
            }
            Some(Action::Create(PlannedResource::Machine(spec))) => self.machine(spec),
            Some(Action::Create(what)) => drop(self.sites.insert(what.site().clone())),
            Some(Action::WaitSsh { machine } | Action::SetUp { machine, .. }) => {
                if let Some((_, spec)) = plan.machines().find(|(made, _)| made.id == *machine) {
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

    /// The market without them. A host stays visible, as one that can't be told to be free.
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
