//! Offers within one window, and the starts that are worth planning for.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use jiff::{SignedDuration, Timestamp};

use super::fit::{GroupAlternative, examine};
use super::misfit::Any;
use crate::calendar::{Timeline, earliest};
use crate::demand::{Demand, Group, SiteSelector};
use crate::offer::{Availability, HostState, HostSupply, Market, Offer, Supply};
use crate::time::Window;

/// Every offer within a window, with those of its physical hosts that are free throughout.
pub(super) fn standing<'o>(offers: &'o [Offer], window: &Window) -> Vec<Cow<'o, Offer>> {
    let standing = |offer: &'o Offer| match &offer.supply {
        Supply::Hosts(hosts) => Cow::Owned(only_free(offer, hosts, window)),
        _ => Cow::Borrowed(offer),
    };
    offers.iter().map(standing).collect()
}

fn only_free(offer: &Offer, hosts: &[HostSupply], window: &Window) -> Offer {
    let is_free = |host: &&HostSupply| host.state == HostState::InService && host.busy.is_free(window);
    let free: Vec<HostSupply> = hosts.iter().filter(is_free).cloned().collect();
    let availability = if free.is_empty() { why_none(hosts, window) } else { Availability::Free };
    Offer { availability, supply: Supply::Hosts(free), ..without_supply(offer) }
}

/// A copy without the hosts. Cloning them only to drop them would dominate the time.
fn without_supply(offer: &Offer) -> Offer {
    Offer {
        site: offer.site.clone(),
        node_type: offer.node_type.clone(),
        facts: offer.facts.clone(),
        supply: Supply::Unlimited,
        availability: offer.availability,
        price_per_hour: offer.price_per_hour,
        unit: offer.unit,
        spot: offer.spot,
        images: offer.images.clone(),
        terms: offer.terms.clone(),
        accepts_images: offer.accepts_images,
    }
}

/// The reason that no host is free. Busy if some host is in service, until the first is free for the window's length;
/// else in maintenance if some host is; else unknown.
fn why_none(hosts: &[HostSupply], window: &Window) -> Availability {
    let length = window.duration();
    let in_service = hosts.iter().filter(|host| host.state == HostState::InService);
    let free_from = in_service.map(|host| host.busy.first_start(window.start(), length)).min();
    match free_from {
        // Reserved without an end.
        Some(from) if from == Timestamp::MAX => Availability::Busy(None),
        Some(from) => Availability::Busy(Some(from)),
        None if hosts.iter().any(|host| host.state == HostState::Maintenance) => Availability::Maintenance,
        None => Availability::Unknown,
    }
}

/// The starts from `from` to `last` at which the demand may be met, earliest first.
///
/// Only the end of a reservation can make a plan possible that was not possible before. Most ends are skipped: a group
/// can't start before enough of its suitable hosts are free at the same time.
pub(super) struct Starts<'a> {
    groups: Vec<HostPool<'a>>,
    ends: BTreeSet<Timestamp>,
    next: Option<Timestamp>,
    last: Timestamp,
    duration: SignedDuration,
}

/// The timelines of the hosts that suit a group when free.
struct HostPool<'a> {
    count: usize,
    timelines: Vec<&'a Timeline>,
    /// True if an offer without physical hosts matches the group, at any time.
    elsewhere: bool,
}

impl<'a> Starts<'a> {
    pub(super) fn new(
        demand: &'a Demand,
        market: &'a Market,
        from: Timestamp,
        last: Timestamp,
        duration: SignedDuration,
    ) -> Self {
        let groups: Vec<HostPool> = demand.groups.iter().map(|group| HostPool::of(demand, group, market)).collect();
        let busy = groups.iter().flat_map(|pool| &pool.timelines).flat_map(|timeline| timeline.busy());
        let ends = busy.map(Window::end).filter(|end| from < *end && *end <= last).collect();
        Self { groups, ends, next: Some(from), last, duration }
    }

    /// The earliest instant from `at` on at which every group, each alone, can start.
    fn bound(&self, at: Timestamp) -> Option<Timestamp> {
        let room = at.duration_until(self.last);
        self.groups.iter().try_fold(at, |bound, pool| {
            if pool.elsewhere {
                return Some(bound);
            }
            Some(bound.max(earliest(&pool.timelines, pool.count, at, room, self.duration)?))
        })
    }
}

impl Iterator for Starts<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let mut at = self.next.take()?;
        loop {
            let bound = self.bound(at)?;
            if bound == at {
                break;
            }
            at = bound;
        }
        self.next = self.ends.range((Excluded(at), Unbounded)).next().copied();
        Some(at)
    }
}

impl<'a> HostPool<'a> {
    fn of(demand: &'a Demand, group: &'a Group, market: &'a Market) -> Self {
        let mut pool = Self { count: group.count.get() as usize, timelines: Vec::new(), elsewhere: false };
        for offer in market.offers.iter().filter(|offer| SiteSelector::includes(&demand.on, &offer.site)) {
            match &offer.supply {
                Supply::Hosts(hosts) if would_match(demand, group, offer, hosts) => {
                    let in_service = hosts.iter().filter(|host| host.state == HostState::InService);
                    pool.timelines.extend(in_service.map(|host| &host.busy));
                }
                Supply::Hosts(_) => {}
                _ => pool.elsewhere |= matches(demand, group, offer),
            }
        }
        pool
    }
}

/// True if an offer would match a group if all its hosts were free.
pub(super) fn would_match(demand: &Demand, group: &Group, offer: &Offer, hosts: &[HostSupply]) -> bool {
    let count = hosts.iter().filter(|host| host.state == HostState::InService).count();
    let all = Supply::Machines(count.try_into().unwrap_or(u32::MAX));
    matches(demand, group, &Offer { supply: all, availability: Availability::Free, ..without_supply(offer) })
}

/// True if an offer matches a group in its present state.
pub(super) fn matches(demand: &Demand, group: &Group, offer: &Offer) -> bool {
    GroupAlternative::all(demand, group).any(|alternative| examine(&alternative, offer, &mut Any::default()).is_some())
}
