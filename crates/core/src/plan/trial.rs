//! A demand without a plan, changed and planned again.

use std::num::NonZeroU32;

use super::advice::{Advice, AdviceScope, DemandChange};
use super::fit::Fit;
use super::search;
use crate::demand::{Demand, Group, Requirements};
use crate::offer::Offer;

/// A change of a demand, and the demand with that change.
#[derive(Debug, Clone)]
pub(super) struct Relaxation {
    pub(super) advice: Advice,
    pub(super) demand: Demand,
}

/// A demand without a plan, the offers to try changes on, and the groups to change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) demand: &'a Demand,
    pub(super) offers: &'a [&'a Offer],
    pub(super) scope: TrialScope,
}

/// The groups to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrialScope {
    /// The group at this index.
    Group(usize),
    /// All groups.
    All,
}

impl<'a> Trial<'a> {
    /// The groups to change.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a Group> {
        let scope = self.scope;
        let groups = self.demand.groups.iter().enumerate();
        groups
            .filter(move |(at, _)| scope == TrialScope::All || scope == TrialScope::Group(*at))
            .map(|(_, group)| group)
    }

    /// All alternatives of these groups.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'a Requirements> {
        self.groups().flat_map(|group| &group.any_of)
    }

    /// The demand with a change in each of the groups.
    pub(super) fn with_groups(&self, change: impl Fn(&mut Group)) -> Demand {
        let mut demand = self.demand.clone();
        for (at, group) in demand.groups.iter_mut().enumerate() {
            if self.scope == TrialScope::All || self.scope == TrialScope::Group(at) {
                change(group);
            }
        }
        demand
    }

    /// The demand with a change in each alternative of the groups.
    pub(super) fn with_needs(&self, change: impl Fn(&mut Requirements)) -> Demand {
        self.with_groups(|group| group.any_of.iter_mut().for_each(&change))
    }

    /// True if a changed demand has a plan.
    pub(super) fn has_plan(&self, demand: &Demand) -> bool {
        search::choose(demand, self.offers).is_some()
    }

    /// The advice to change the groups, if the changed demand has a plan. `change` receives the offer that the plan
    /// chooses for the first of them.
    pub(super) fn advise(&self, demand: Demand, change: impl Fn(&Fit) -> DemandChange) -> Option<Relaxation> {
        let fits = search::choose(&demand, self.offers)?;
        let at = if let TrialScope::Group(at) = self.scope { at } else { 0 };
        let change = change(fits.get(at)?);
        Some(Relaxation { advice: Advice { scope: self.advice_scope(), change }, demand })
    }

    /// The advice to change the demand as a whole, if the changed demand has a plan.
    pub(super) fn advise_whole(&self, demand: Demand, change: DemandChange) -> Option<Relaxation> {
        let advice = Advice { scope: AdviceScope::Demand, change };
        self.has_plan(&demand).then_some(Relaxation { advice, demand })
    }

    fn advice_scope(&self) -> AdviceScope {
        match (self.scope, self.demand.groups.as_slice()) {
            (_, [] | [_]) => AdviceScope::Demand,
            (TrialScope::Group(at), groups) => {
                groups.get(at).map_or(AdviceScope::Demand, |group| AdviceScope::Group(group.name.clone()))
            }
            (TrialScope::All, _) => AdviceScope::EveryGroup,
        }
    }
}

/// The largest number from 1 to below `limit` that is good, provided that every number below a good one is good.
pub(super) fn largest(limit: u64, is_good: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut good, mut bad) = (1, limit);
    if good >= bad || !is_good(good) {
        return None;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if is_good(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// A number as a count, at least 1.
pub(super) fn count(number: u64) -> NonZeroU32 {
    u32::try_from(number).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
