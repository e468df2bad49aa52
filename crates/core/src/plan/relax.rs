//! Search for advice: changes of a demand that has no plan, each of which gives it one.
//!
//! The search plans every changed demand and returns only changes that succeed. Each change is a single one: of one group
//! if that is enough, else the same in every group. Amounts only decrease, so every amount below the largest one with a
//! plan has a plan too, and bisection finds the largest.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::advice::DemandChange;
use super::arch::requested_arch;
use super::budget::over;
use super::search;
use super::trial::{Relaxation, Trial, TrialScope, count, largest};
use crate::demand::{Amount, Budget, Demand, GpuRequirement, Requirements, SiteSelector, Spot};
use crate::money::Money;
use crate::name::SiteId;
use crate::offer::Offer;
use crate::size::Bytes;

/// Every single change that would help, the smallest first. The offers must be in order.
pub(super) fn relaxations(demand: &Demand, offers: &[&Offer]) -> Vec<Relaxation> {
    let trial = |scope| Trial { demand, offers, scope };
    let mut found = Vec::new();
    for change in GROUP_CHANGES {
        let mut helpful: Vec<Relaxation> =
            (0..demand.groups.len()).flat_map(|at| change(&trial(TrialScope::Group(at)))).collect();
        if helpful.is_empty() && demand.groups.len() > 1 {
            helpful = change(&trial(TrialScope::All));
        }
        found.append(&mut helpful);
    }
    for change in DEMAND_CHANGES {
        found.extend(change(&trial(TrialScope::All)));
    }
    // All advice is verified here, however it was found.
    found.retain(|relaxation| search::choose(&relaxation.demand, offers).is_some());
    found
}

/// A search for changes of one kind.
type Relaxer = fn(&Trial) -> Vec<Relaxation>;

/// Changes of a group, the smallest first.
const GROUP_CHANGES: &[Relaxer] = &[
    sizes,
    |trial| Vec::from_iter(other_image(trial)),
    fewer_labels,
    |trial| Vec::from_iter(other_node_type(trial)),
    gpus,
    |trial| Vec::from_iter(fewer_machines(trial)),
    |trial| Vec::from_iter(other_market(trial)),
    other_arch,
];

/// Changes of the demand as a whole.
const DEMAND_CHANGES: &[Relaxer] = &[
    other_sites,
    |trial| Vec::from_iter(known_end(trial)),
    |trial| Vec::from_iter(shorter(trial)),
    |trial| Vec::from_iter(larger_budget(trial)),
];

/// Minimums instead of exact sizes; smaller sizes only if that does not help.
fn sizes(trial: &Trial) -> Vec<Relaxation> {
    match minimum(trial) {
        Some(relaxation) => vec![relaxation],
        None => [less_memory, less_disk, fewer_cpus].into_iter().filter_map(|change| change(trial)).collect(),
    }
}

fn minimum(trial: &Trial) -> Option<Relaxation> {
    let exact =
        |needs: &&Requirements| matches!(needs.cpus, Amount::Exactly(_)) || matches!(needs.memory, Amount::Exactly(_));
    let first = trial.needs().find(exact)?;
    let demand = trial.with_needs(|needs| {
        needs.cpus = or_more(needs.cpus);
        needs.memory = or_more(needs.memory);
    });
    trial.advise(demand, |_| DemandChange::Minimum { cpus: exactly(first.cpus), memory: exactly(first.memory) })
}

fn exactly<T>(requested: Amount<T>) -> Option<T> {
    if let Amount::Exactly(amount) = requested { Some(amount) } else { None }
}

fn or_more<T: Copy>(requested: Amount<T>) -> Amount<T> {
    if let Amount::Exactly(amount) = requested { Amount::AtLeast(amount) } else { requested }
}

/// At least `most` if more was requested.
fn cap<T: Copy + PartialOrd>(requested: Amount<T>, most: T) -> Amount<T> {
    if requested.least().is_some_and(|least| least > most) { Amount::AtLeast(most) } else { requested }
}

fn less_memory(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.needs().filter_map(|needs| needs.memory.least()).max()?;
    let capped = |most| trial.with_needs(|needs| needs.memory = cap(needs.memory, most));
    let at_most = largest_size(requested, |size| trial.has_plan(&capped(size)))?;
    trial.advise(capped(at_most), |_| DemandChange::Memory { at_most })
}

fn less_disk(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.needs().filter_map(|needs| needs.disk).max()?;
    let capped = |most| trial.with_needs(|needs| needs.disk = needs.disk.map(|disk| disk.min(most)));
    let at_most = largest_size(requested, |size| trial.has_plan(&capped(size)))?;
    trial.advise(capped(at_most), |_| DemandChange::Disk { at_most })
}

/// The largest good size below the requested one, in steps of half a gibibyte, or of a mebibyte if half a gibibyte is too
/// much.
fn largest_size(requested: Bytes, is_good: impl Fn(Bytes) -> bool) -> Option<Bytes> {
    [512, 1].into_iter().find_map(|step| {
        let limit = requested.0.div_ceil(Bytes::mib(step).0);
        largest(limit, |steps| is_good(Bytes::mib(step).times(steps))).map(|steps| Bytes::mib(step).times(steps))
    })
}

fn fewer_cpus(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.needs().filter_map(|needs| needs.cpus.least()).max()?;
    let capped = |most: u64| trial.with_needs(|needs| needs.cpus = cap(needs.cpus, count(most).get()));
    let most = largest(requested.into(), |most| trial.has_plan(&capped(most)))?;
    trial.advise(capped(most), |_| DemandChange::Cpus { at_most: count(most).get() })
}

fn other_image(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.needs().find_map(|needs| needs.image.clone())?;
    let demand = trial.with_needs(|needs| needs.image = None);
    trial.advise(demand, |fit| DemandChange::Image { requested: requested.clone(), available: fit.image.name.clone() })
}

fn fewer_labels(trial: &Trial) -> Vec<Relaxation> {
    let labels: BTreeSet<_> = trial.needs().flat_map(|needs| &needs.labels).collect();
    let without = |(key, value): (&String, &String)| {
        let demand = trial.with_needs(|needs| needs.labels.retain(|k, v| (k, &*v) != (key, value)));
        trial.advise(demand, |_| DemandChange::Label { key: key.clone(), value: value.clone() })
    };
    labels.into_iter().filter_map(without).collect()
}

fn other_node_type(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.needs().find_map(|needs| needs.node_type.clone())?;
    let demand = trial.with_needs(|needs| needs.node_type = None);
    trial.advise(demand, |fit| DemandChange::NodeType {
        requested: requested.clone(),
        available: fit.offer.node_type.clone(),
    })
}

/// Another model, or fewer GPUs; none at all only if neither helps.
fn gpus(trial: &Trial) -> Vec<Relaxation> {
    let found: Vec<Relaxation> = any_gpu(trial).into_iter().chain(fewer_gpus(trial)).collect();
    if found.is_empty() { no_gpu(trial).into_iter().collect() } else { found }
}

fn any_gpu(trial: &Trial) -> Option<Relaxation> {
    let first = one_gpu_requirement(trial, |need| need.model.is_some())?;
    let demand = trial.with_needs(|needs| {
        if let Some(need) = &mut needs.gpus {
            need.model = None;
        }
    });
    trial.advise(demand, |fit| {
        let available = fit.offer.facts.gpus.first().map_or_else(|| "none".to_owned(), |gpu| gpu.model.clone());
        // The requirement of the alternative that has a plan: its count is advised for all alternatives.
        let alternative = trial.groups().next().and_then(|group| group.any_of.get(fit.alternative));
        let requested = alternative.and_then(|needs| needs.gpus.as_ref()).unwrap_or(first);
        DemandChange::AnyGpu { requested: requested.clone(), available }
    })
}

fn fewer_gpus(trial: &Trial) -> Option<Relaxation> {
    let first = one_gpu_requirement(trial, |_| true)?;
    let requested = trial.needs().filter_map(|needs| needs.gpus.as_ref()).map(|need| need.count).max()?;
    let capped = |most| {
        trial.with_needs(|needs| {
            if let Some(need) = &mut needs.gpus {
                need.count = need.count.min(count(most));
            }
        })
    };
    let most = largest(requested.get().into(), |most| trial.has_plan(&capped(most)))?;
    trial.advise(capped(most), |fit| DemandChange::Gpus {
        at_most: fit.needs.gpus.clone().unwrap_or(GpuRequirement { count: count(most), ..first.clone() }),
    })
}

/// The first GPU requirement that passes. `None` too if several groups require different GPUs: one value, advised for every
/// group, would be wrong for some.
fn one_gpu_requirement<'a>(trial: &Trial<'a>, passes: impl Fn(&GpuRequirement) -> bool) -> Option<&'a GpuRequirement> {
    let first = trial.needs().filter_map(|needs| needs.gpus.as_ref()).find(|need| passes(need))?;
    let is_common = trial.groups().count() == 1 || trial.needs().all(|needs| needs.gpus.as_ref() == Some(first));
    is_common.then_some(first)
}

fn no_gpu(trial: &Trial) -> Option<Relaxation> {
    trial.needs().find(|needs| needs.gpus.is_some())?;
    trial.advise(trial.with_needs(|needs| needs.gpus = None), |_| DemandChange::NoGpu)
}

fn fewer_machines(trial: &Trial) -> Option<Relaxation> {
    let requested = trial.groups().map(|group| group.count.get()).max()?;
    let capped = |most| trial.with_groups(|group| group.count = group.count.min(count(most)));
    let most = largest(requested.into(), |most| trial.has_plan(&capped(most)))?;
    trial.advise(capped(most), |_| DemandChange::Count { requested, at_most: count(most).get() })
}

fn other_market(trial: &Trial) -> Option<Relaxation> {
    let spot = match trial.needs().next()?.spot {
        Spot::Never => Spot::Only,
        Spot::Only => Spot::Never,
    };
    trial.advise(trial.with_needs(|needs| needs.spot = spot), |_| DemandChange::Spot(spot))
}

fn other_arch(trial: &Trial) -> Vec<Relaxation> {
    let offered: BTreeSet<&str> = trial.offers.iter().filter_map(|offer| offer.facts.arch.as_deref()).collect();
    let requested: BTreeSet<&str> = trial.needs().map(requested_arch).collect();
    let others = offered.into_iter().filter(|arch| !requested.contains(arch));
    let with = |arch: &str| {
        let demand = trial.with_needs(|needs| needs.arch = Some(arch.to_owned()));
        trial.advise(demand, |_| DemandChange::Arch(arch.to_owned()))
    };
    others.filter_map(with).collect()
}

/// Maximum number of sites to suggest: a user needs a few that work, not a list of all.
const MAX_SITES: usize = 3;

fn other_sites(trial: &Trial) -> Vec<Relaxation> {
    let sites: BTreeSet<&SiteId> = trial.offers.iter().map(|offer| &offer.site).collect();
    let allowed = |site: &&SiteId| {
        let all_needs = trial.needs().all(|needs| SiteSelector::includes(&needs.sites, site));
        all_needs && SiteSelector::includes(&trial.demand.on, site)
    };
    let with = |site: &SiteId| trial.advise_whole(allowing(trial, site), DemandChange::Site(site.clone()));
    sites.into_iter().filter(|site| !allowed(site)).filter_map(with).take(MAX_SITES).collect()
}

fn allowing(trial: &Trial, site: &SiteId) -> Demand {
    let allow = |selectors: &mut Vec<SiteSelector>| {
        if !SiteSelector::includes(selectors, site) {
            selectors.push(SiteSelector(site.clone()));
        }
    };
    let mut demand = trial.with_needs(|needs| allow(&mut needs.sites));
    allow(&mut demand.on);
    demand
}

/// A duration for a demand with a total budget and no end: without an end, any price exceeds a total.
fn known_end(trial: &Trial) -> Option<Relaxation> {
    let budget = trial.demand.budget.total.filter(|_| trial.demand.lease.duration.is_none())?;
    let duration = |hours: u64| SignedDuration::from_hours(hours as i64);
    let hours = largest(MAX_HOURS, |hours| trial.has_plan(&lasting(trial.demand, duration(hours))))?;
    let at_most = duration(hours);
    let change = DemandChange::Duration { requested: None, at_most, budget };
    trial.advise_whole(lasting(trial.demand, at_most), change)
}

/// Ten years, the longest duration that a demand can request; one more as the limit of the bisection.
const MAX_HOURS: u64 = 24 * 366 * 10 + 1;

fn shorter(trial: &Trial) -> Option<Relaxation> {
    let (budget, requested) = trial.demand.budget.total.zip(trial.demand.lease.duration)?;
    let duration = |minutes: u64| SignedDuration::from_mins(minutes as i64);
    let limit = u64::try_from(requested.as_secs()).unwrap_or_default().div_ceil(60);
    let minutes = largest(limit, |minutes| trial.has_plan(&lasting(trial.demand, duration(minutes))))?;
    let at_most = duration(minutes);
    let change = DemandChange::Duration { requested: Some(requested), at_most, budget };
    trial.advise_whole(lasting(trial.demand, at_most), change)
}

fn lasting(demand: &Demand, duration: SignedDuration) -> Demand {
    let mut demand = demand.clone();
    demand.lease.duration = Some(duration);
    demand
}

fn larger_budget(trial: &Trial) -> Option<Relaxation> {
    if trial.demand.budget == Budget::default() {
        return None;
    }
    let with = |budget| Demand { budget, ..trial.demand.clone() };
    let Some(price) = lowest_price(trial) else {
        return trial.advise_whole(with(Budget::default()), DemandChange::NoBudget);
    };
    let Budget { per_hour, total } = trial.demand.budget;
    let sum = trial.demand.lease.duration.map(|duration| over(price, duration));
    let budget = Budget {
        per_hour: per_hour.map(|limit| limit.max(price)),
        total: total.map(|limit| limit.max(sum.unwrap_or(limit))),
    };
    if budget == trial.demand.budget {
        return None;
    }
    let raised = |old: Option<Money>, new: Option<Money>| new.filter(|_| old != new);
    let change =
        DemandChange::Budget { per_hour: raised(per_hour, budget.per_hour), total: raised(total, budget.total) };
    trial.advise_whole(with(budget), change)
}

/// The lowest price per hour at which the demand has a plan; `None` if only offers of unknown price match.
fn lowest_price(trial: &Trial) -> Option<Money> {
    let up_to = |limit: Money| Demand { budget: Budget { per_hour: Some(limit), total: None }, ..trial.demand.clone() };
    let anything = up_to(Money(i64::MAX));
    // The price at the preferred site is an upper bound: a less preferred site may be cheaper.
    let preferred = search::price(&search::choose(&anything, trial.offers)?)?;
    let (mut bad, mut good) = (-1, preferred.0);
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if trial.has_plan(&up_to(Money(middle))) { good = middle } else { bad = middle }
    }
    Some(Money(good))
}
