//! The changes of a demand that advice is made of. Each answers with those that were tried and served.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::budget::over;
use super::fit::{Fit, wanted_arch};
use super::search;
use super::trial::{Relaxation, Trial, count, largest};
use crate::demand::{Amount, Budget, Demand, Requirements, SiteSelector, Spot};
use crate::money::Money;
use crate::name::SiteId;
use crate::size::Bytes;
use crate::time::format_duration;

type Change = fn(&Trial) -> Vec<Relaxation>;

/// Changes of the needs of a group, the smallest first.
pub(super) const OF_GROUPS: &[Change] = &[
    sizes,
    |trial| Vec::from_iter(other_image(trial)),
    other_labels,
    |trial| Vec::from_iter(other_node_type(trial)),
    accelerators,
    |trial| Vec::from_iter(fewer_machines(trial)),
    |trial| Vec::from_iter(other_spot(trial)),
    other_arch,
];

/// Changes of the demand as a whole.
pub(super) const OF_THE_WHOLE: &[Change] = &[
    other_sites,
    |trial| Vec::from_iter(known_end(trial)),
    |trial| Vec::from_iter(shorter(trial)),
    |trial| Vec::from_iter(more_money(trial)),
];

/// Not exactly so much; and only where that doesn't help, less.
fn sizes(trial: &Trial) -> Vec<Relaxation> {
    match at_least(trial) {
        Some(relaxation) => vec![relaxation],
        None => [less_memory, less_disk, fewer_cpus].into_iter().filter_map(|change| change(trial)).collect(),
    }
}

fn at_least(trial: &Trial) -> Option<Relaxation> {
    let exact =
        |needs: &Requirements| matches!(needs.cpus, Amount::Exactly(_)) || matches!(needs.memory, Amount::Exactly(_));
    let first = trial.needs().find(|needs| exact(needs))?;
    let demand = trial.with_needs(|needs| {
        needs.cpus = or_more(needs.cpus);
        needs.memory = or_more(needs.memory);
    });
    let (cpus, memory) = (or_more(first.cpus), or_more(first.memory));
    trial.advise(demand, |_| match (first.cpus, first.memory) {
        (Amount::Exactly(_), Amount::Exactly(_)) => {
            format!("ask for {cpus} processors and {memory} of memory, at least and not exactly")
        }
        (Amount::Exactly(_), _) => format!("ask for {cpus} processors, at least and not exactly"),
        _ => format!("ask for {memory} of memory, at least and not exactly"),
    })
}

fn or_more<T: Copy>(wish: Amount<T>) -> Amount<T> {
    if let Amount::Exactly(amount) = wish { Amount::AtLeast(amount) } else { wish }
}

/// At least so much, where more was asked for.
fn cap<T: Copy + PartialOrd>(wish: Amount<T>, most: T) -> Amount<T> {
    if wish.least().is_some_and(|least| least > most) { Amount::AtLeast(most) } else { wish }
}

fn less_memory(trial: &Trial) -> Option<Relaxation> {
    let wanted = trial.needs().filter_map(|needs| needs.memory.least()).max()?;
    let capped = |most| trial.with_needs(|needs| needs.memory = cap(needs.memory, most));
    let most = largest_size(wanted, |size| trial.serves(&capped(size)))?;
    trial.advise(capped(most), |_| format!("ask for {} of memory or less", Amount::AtLeast(most)))
}

fn less_disk(trial: &Trial) -> Option<Relaxation> {
    let wanted = trial.needs().filter_map(|needs| needs.disk).max()?;
    let capped = |most| trial.with_needs(|needs| needs.disk = needs.disk.map(|disk| disk.min(most)));
    let most = largest_size(wanted, |size| trial.serves(&capped(size)))?;
    trial.advise(capped(most), |_| format!("ask for {most} of disk or less"))
}

/// The largest size below the wanted one that serves, in steps that are written without rounding: half a gibibyte, or
/// a mebibyte where that is too much.
fn largest_size(wanted: Bytes, serves: impl Fn(Bytes) -> bool) -> Option<Bytes> {
    [512, 1].into_iter().find_map(|step| {
        let limit = wanted.0.div_ceil(Bytes::mib(step).0);
        largest(limit, |steps| serves(Bytes::mib(step).times(steps))).map(|steps| Bytes::mib(step).times(steps))
    })
}

fn fewer_cpus(trial: &Trial) -> Option<Relaxation> {
    let wanted = trial.needs().filter_map(|needs| needs.cpus.least()).max()?;
    let capped = |most: u64| trial.with_needs(|needs| needs.cpus = cap(needs.cpus, count(most).get()));
    let most = largest(wanted.into(), |most| trial.serves(&capped(most)))?;
    trial.advise(capped(most), |_| format!("ask for {most}+ processors or fewer"))
}

fn other_image(trial: &Trial) -> Option<Relaxation> {
    let named = trial.needs().find_map(|needs| needs.image.clone())?;
    let demand = trial.with_needs(|needs| needs.image = None);
    trial.advise(demand, |fit| format!("boot `{}` instead of `{named}`", fit.image.name))
}

fn other_labels(trial: &Trial) -> Vec<Relaxation> {
    let labels: BTreeSet<_> = trial.needs().flat_map(|needs| &needs.labels).collect();
    let without = |(label, value): (&String, &String)| {
        let demand = trial.with_needs(|needs| needs.labels.retain(|l, v| (l, &*v) != (label, value)));
        trial.advise(demand, |_| format!("drop the label `{label}={value}`"))
    };
    labels.into_iter().filter_map(without).collect()
}

fn other_node_type(trial: &Trial) -> Option<Relaxation> {
    let named = trial.needs().find_map(|needs| needs.node_type.clone())?;
    let demand = trial.with_needs(|needs| needs.node_type = None);
    trial.advise(demand, |fit| format!("take the node type `{}` instead of `{named}`", fit.offer.node_type))
}

/// Another model, fewer of them; and only where neither helps, none at all.
fn accelerators(trial: &Trial) -> Vec<Relaxation> {
    let found: Vec<Relaxation> = other_model(trial).into_iter().chain(fewer_gpus(trial)).collect();
    if found.is_empty() { no_gpus(trial).into_iter().collect() } else { found }
}

fn other_model(trial: &Trial) -> Option<Relaxation> {
    let named = trial.needs().find_map(|needs| needs.gpus.as_ref()?.model.clone())?;
    let demand = trial.with_needs(|needs| {
        if let Some(need) = &mut needs.gpus {
            need.model = None;
        }
    });
    trial.advise(demand, |fit| {
        let there = fit.offer.facts.gpus.first().map_or("no accelerator", |gpu| &gpu.model);
        format!("take any accelerator instead of `{named}`: there is `{there}`")
    })
}

fn fewer_gpus(trial: &Trial) -> Option<Relaxation> {
    let wanted = trial.needs().filter_map(|needs| Some(needs.gpus.as_ref()?.count.get())).max()?;
    let capped = |most| {
        trial.with_needs(|needs| {
            if let Some(need) = &mut needs.gpus {
                need.count = need.count.min(count(most));
            }
        })
    };
    let most = largest(wanted.into(), |most| trial.serves(&capped(most)))?;
    let or_fewer = if most > 1 { " or fewer" } else { "" };
    trial.advise(capped(most), |_| format!("ask for {most} of the accelerators{or_fewer} in each machine"))
}

fn no_gpus(trial: &Trial) -> Option<Relaxation> {
    trial.needs().find(|needs| needs.gpus.is_some())?;
    trial.advise(trial.with_needs(|needs| needs.gpus = None), |_| "ask for no accelerators".to_owned())
}

fn fewer_machines(trial: &Trial) -> Option<Relaxation> {
    let wanted = trial.groups().map(|group| group.count.get()).max()?;
    let capped = |most| trial.with_groups(|group| group.count = group.count.min(count(most)));
    let most = largest(wanted.into(), |most| trial.serves(&capped(most)))?;
    let (s, or_fewer) = if most > 1 { ("s", " or fewer") } else { ("", "") };
    trial.advise(capped(most), |_| format!("ask for {most} machine{s}{or_fewer} instead of {wanted}"))
}

fn other_spot(trial: &Trial) -> Option<Relaxation> {
    let (spot, sentence) = match trial.needs().next()?.spot {
        Spot::Never => (Spot::Only, "take spot machines, which the site may take away"),
        Spot::Only => (Spot::Never, "take machines that stay instead of spot ones"),
    };
    trial.advise(trial.with_needs(|needs| needs.spot = spot), |_| sentence.to_owned())
}

fn other_arch(trial: &Trial) -> Vec<Relaxation> {
    let there: BTreeSet<&str> = trial.offers.iter().filter_map(|offer| offer.facts.arch.as_deref()).collect();
    let asked: BTreeSet<&str> = trial.needs().map(wanted_arch).collect();
    let others = there.into_iter().filter(|arch| !asked.contains(arch));
    let with = |arch: &str| {
        let demand = trial.with_needs(|needs| needs.arch = Some(arch.to_owned()));
        trial.advise(demand, |_| format!("take the architecture `{arch}`"))
    };
    others.filter_map(with).collect()
}

/// More sites than so many are no advice, but a list.
const MOST_SITES: usize = 3;

fn other_sites(trial: &Trial) -> Vec<Relaxation> {
    let sites: BTreeSet<&SiteId> = trial.offers.iter().map(|offer| &offer.site).collect();
    let allowed = |site: &&SiteId| {
        let all_needs = trial.needs().all(|needs| SiteSelector::includes(&needs.sites, site));
        all_needs && SiteSelector::includes(&trial.demand.on, site)
    };
    let with = |site: &SiteId| {
        let demand = allowing(trial, site);
        let sentence = if SiteSelector::includes(&trial.demand.on, site) {
            format!("allow the site `{site}`")
        } else {
            format!("allow `{site}` in `on`")
        };
        trial.serves(&demand).then_some(Relaxation { sentence, demand })
    };
    sites.into_iter().filter(|site| !allowed(site)).filter_map(with).take(MOST_SITES).collect()
}

fn allowing(trial: &Trial, site: &SiteId) -> Demand {
    let allow = |wishes: &mut Vec<SiteSelector>| {
        if !SiteSelector::includes(wishes, site) {
            wishes.push(SiteSelector(site.clone()));
        }
    };
    let mut demand = trial.with_needs(|needs| allow(&mut needs.sites));
    allow(&mut demand.on);
    demand
}

/// A total means nothing while the end isn't known.
fn known_end(trial: &Trial) -> Option<Relaxation> {
    let total = trial.demand.budget.total.filter(|_| trial.demand.lease.duration.is_none())?;
    let with = |hours| lasting(trial.demand, SignedDuration::from_hours(hours as i64));
    let hours = largest(MOST_HOURS, |hours| trial.serves(&with(hours)))?;
    let sentence = format!("say for how long (`lease.duration`): the total budget of {total} lasts for {hours}h");
    Some(Relaxation { sentence, demand: with(hours) })
}

/// Ten years: no lease is longer.
const MOST_HOURS: u64 = 24 * 366 * 10 + 1;

fn shorter(trial: &Trial) -> Option<Relaxation> {
    let (_, wanted) = trial.demand.budget.total.zip(trial.demand.lease.duration)?;
    let minutes = |minutes: u64| SignedDuration::from_mins(minutes as i64);
    let limit = u64::try_from(wanted.as_secs()).unwrap_or_default().div_ceil(60);
    let most = largest(limit, |most| trial.serves(&lasting(trial.demand, minutes(most))))?;
    let sentence =
        format!("keep them for {} or less instead of {}", format_duration(minutes(most)), format_duration(wanted));
    Some(Relaxation { sentence, demand: lasting(trial.demand, minutes(most)) })
}

fn lasting(demand: &Demand, duration: SignedDuration) -> Demand {
    let mut demand = demand.clone();
    demand.lease.duration = Some(duration);
    demand
}

fn more_money(trial: &Trial) -> Option<Relaxation> {
    if trial.demand.budget == Budget::default() {
        return None;
    }
    let with = |budget| Demand { budget, ..trial.demand.clone() };
    let Some(price) = least_price(trial) else {
        let drop = |_: &Fit| "drop the budget: the price of what is there is unknown".to_owned();
        return trial.advise(with(Budget::default()), drop);
    };
    let Budget { per_hour, total } = trial.demand.budget;
    let sum = trial.demand.lease.duration.map(|duration| over(price, duration));
    let budget = Budget {
        per_hour: per_hour.map(|limit| limit.max(price)),
        total: total.map(|limit| limit.max(sum.unwrap_or(limit))),
    };
    let raised = [("per_hour", per_hour, budget.per_hour), ("total", total, budget.total)];
    let raised = raised.iter().filter(|(_, old, new)| old != new);
    let raised = raised.filter_map(|(name, _, new)| new.map(|new| format!("`budget.{name}` to {new}")));
    let raised: Vec<String> = raised.collect();
    let sentence = format!("raise {}", raised.join(" and "));
    (!raised.is_empty()).then(|| Relaxation { sentence, demand: with(budget) })
}

/// The least price an hour at which there is anything of known price that serves.
fn least_price(trial: &Trial) -> Option<Money> {
    let up_to = |limit: Money| Demand { budget: Budget { per_hour: Some(limit), total: None }, ..trial.demand.clone() };
    let anything = up_to(Money(i64::MAX));
    // The price of the place that is liked best is an upper bound; a place liked less may be cheaper.
    let liked_best = search::price(&search::choose(&anything, trial.offers)?)?;
    let (mut bad, mut good) = (-1, liked_best.0);
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if trial.serves(&up_to(Money(middle))) { good = middle } else { bad = middle }
    }
    Some(Money(good))
}
