//! A demand without a plan, changed and planned again.

use std::num::NonZeroU32;

use super::fit::Fit;
use super::search;
use crate::demand::{Demand, Group, Requirements};
use crate::offer::Offer;

/// A change of the demand that makes it servable.
#[derive(Debug, Clone)]
pub(super) struct Relaxation {
    /// What to change, for the user.
    pub(super) sentence: String,
    /// The demand with that change: it has a plan.
    pub(super) demand: Demand,
}

/// A demand that can't be served, the offers to try its changes on, and the groups that a change is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) demand: &'a Demand,
    pub(super) offers: &'a [&'a Offer],
    pub(super) scope: Scope,
}

/// The groups that a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The one at this place.
    Group(usize),
    /// All of them.
    All,
}

impl<'a> Trial<'a> {
    /// The groups in question.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a Group> {
        let scope = self.scope;
        let groups = self.demand.groups.iter().enumerate();
        groups.filter(move |(at, _)| scope == Scope::All || scope == Scope::Group(*at)).map(|(_, group)| group)
    }

    /// All their alternatives.
    pub(super) fn needs(&self) -> impl Iterator<Item = &'a Requirements> {
        self.groups().flat_map(|group| &group.any_of)
    }

    /// The demand with a change in each of the groups.
    pub(super) fn with_groups(&self, change: impl Fn(&mut Group)) -> Demand {
        let mut demand = self.demand.clone();
        for (at, group) in demand.groups.iter_mut().enumerate() {
            if self.scope == Scope::All || self.scope == Scope::Group(at) {
                change(group);
            }
        }
        demand
    }

    /// The demand with a change in each alternative of the groups.
    pub(super) fn with_needs(&self, change: impl Fn(&mut Requirements)) -> Demand {
        self.with_groups(|group| group.any_of.iter_mut().for_each(&change))
    }

    /// Whether a changed demand is served.
    pub(super) fn serves(&self, demand: &Demand) -> bool {
        search::choose(demand, self.offers).is_some()
    }

    /// The advice, if the changed demand is served. The sentence may tell what was chosen for the first of the groups.
    pub(super) fn advise(&self, demand: Demand, sentence: impl Fn(&Fit) -> String) -> Option<Relaxation> {
        let fits = search::choose(&demand, self.offers)?;
        let at = if let Scope::Group(at) = self.scope { at } else { 0 };
        let sentence = format!("{}{}", sentence(fits.get(at)?), self.place());
        Some(Relaxation { sentence, demand })
    }

    /// Where the change is to be made; nothing needs to be said where there is one group only.
    fn place(&self) -> String {
        match (self.scope, self.demand.groups.as_slice()) {
            (_, [] | [_]) => String::new(),
            (Scope::Group(at), groups) => {
                groups.get(at).map(|g| format!(" for group `{}`", g.name)).unwrap_or_default()
            }
            (Scope::All, _) => " for every group".to_owned(),
        }
    }
}

/// The largest number from 1 to below `limit` that serves, where all smaller ones serve too.
pub(super) fn largest(limit: u64, serves: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut good, mut bad) = (1, limit);
    if good >= bad || !serves(good) {
        return None;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if serves(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// A number as a count; 1 for none.
pub(super) fn count(number: u64) -> NonZeroU32 {
    u32::try_from(number).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
