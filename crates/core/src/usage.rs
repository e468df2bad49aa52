//! Cost of a deployment, from the prices of its plan and the times of its journal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Entry, StepEvent};
use crate::money::Money;
use crate::offer::{ClaimTerm, PriceUnit};
use crate::plan::{Action, Plan, PlannedResource};
use crate::ticket::StepId;

/// Planned cost and cost to date of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Unit of the amounts.
    pub unit: PriceUnit,
    /// Planned price per hour. `None`: unknown.
    pub price_per_hour: Option<Money>,
    /// Planned cost from its start to its current end. `None`: no end, or unknown price.
    pub planned: Option<Money>,
    /// Cost to date. `None` if a price is unknown.
    pub used: Option<Money>,
}

impl Plan {
    /// Price per hour of a resource while it exists. `None`: unknown. Zero for machines on leased hosts: the lease is
    /// charged.
    pub fn price_of(&self, resource: &PlannedResource) -> Option<Money> {
        match resource {
            PlannedResource::Machine(spec) => match self.picks.iter().find(|pick| pick.group == spec.group) {
                Some(pick) if pick.terms.claim != ClaimTerm::OnLaunch => Some(Money::ZERO),
                pick => pick?.price_per_hour,
            },
            PlannedResource::Lease(_) => {
                let leased = self.picks.iter().filter(|pick| pick.terms.claim == ClaimTerm::Lease);
                leased
                    .map(|pick| Some(pick.price_per_hour?.times(i64::from(pick.count))))
                    .try_fold(Money::ZERO, |sum, price| Some(sum.plus(price?)))
            }
            PlannedResource::Network { .. } | PlannedResource::Keypair { .. } | PlannedResource::Address { .. } => {
                Some(Money::ZERO)
            }
        }
    }
}

/// Computes the cost of a deployment from its latest plan and all entries of its journal with their times.
///
/// A machine is charged from its creation to its deletion, a lease only within its window.
pub fn usage<'e>(plan: &Plan, entries: impl IntoIterator<Item = (Timestamp, &'e Entry)>, now: Timestamp) -> Usage {
    let mut lifetimes = Lifetimes { open: BTreeMap::new(), closed: Vec::new(), until: plan.until };
    entries.into_iter().for_each(|(at, entry)| lifetimes.take(at, entry));
    let until = lifetimes.until;
    let priced = |step: &StepId| match plan.step(step).map(|step| &step.action) {
        Some(Action::Create(resource)) => (plan.price_of(resource), matches!(resource, PlannedResource::Lease(_))),
        _ => (Some(Money::ZERO), false),
    };
    let used = lifetimes.all(now).try_fold(Money::ZERO, |sum, (step, from, to)| {
        let (price, is_lease) = priced(step);
        let (from, to) = if is_lease { (from.max(plan.start), to.min(until.unwrap_or(to))) } else { (from, to) };
        Some(sum.plus(price?.over_seconds(to.duration_since(from).as_secs().max(0))))
    });
    let length = until.map(|until| until.duration_since(plan.start).as_secs().max(0));
    Usage {
        unit: plan.unit(),
        price_per_hour: plan.price_per_hour,
        planned: plan.price_per_hour.zip(length).map(|(price, seconds)| price.over_seconds(seconds)),
        used,
    }
}

/// Lifetimes of resources, by the step that created them.
struct Lifetimes<'e> {
    open: BTreeMap<&'e StepId, Timestamp>,
    closed: Vec<(&'e StepId, Timestamp, Timestamp)>,
    until: Option<Timestamp>,
}

impl<'e> Lifetimes<'e> {
    fn take(&mut self, at: Timestamp, entry: &'e Entry) {
        match entry {
            Entry::Until(until) => self.until = *until,
            Entry::Step { step, event: StepEvent::Done { created: Some(_) } } => {
                self.open.entry(step).or_insert(at);
            }
            Entry::Step { step, event: StepEvent::Undone } => {
                self.closed.extend(self.open.remove(step).map(|from| (step, from, at)));
            }
            _ => {}
        }
    }

    fn all(&self, now: Timestamp) -> impl Iterator<Item = (&'e StepId, Timestamp, Timestamp)> {
        self.closed.iter().copied().chain(self.open.iter().map(move |(step, from)| (*step, *from, now)))
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::ResourceKind;
    use crate::plan::plan;
    use crate::plan::tests::text::{demand, id, market, now};
    use crate::ports::Created;
    use crate::ticket::Ref;

    use super::*;

    fn done(step: &str) -> Entry {
        let created = Some(Created { reference: Ref("x".into()), address: None });
        Entry::Step { step: step.parse().unwrap(), event: StepEvent::Done { created } }
    }

    fn undone(step: &str) -> Entry {
        Entry::Step { step: step.parse().unwrap(), event: StepEvent::Undone }
    }

    fn costs(plan: &Plan, entries: &[(i64, Entry)], minutes: i64) -> (String, String) {
        let at = |minutes: i64| now() + jiff::SignedDuration::from_mins(minutes);
        let usage = usage(plan, entries.iter().map(|(minutes, entry)| (at(*minutes), entry)), at(minutes));
        let text = |amount: Option<Money>| amount.map_or("unknown".to_owned(), |amount| amount.to_string());
        (format!("{} {}", text(usage.planned), usage.unit), text(usage.used))
    }

    #[test]
    fn lease_is_charged_within_its_window_and_its_machines_are_free() {
        let market = market("chameleon/uc gpu hosts=n1,n2,n3 leased price=2.00");
        let plan = plan(&demand("for duration=4h\ngroup node 2"), &market, id(), now()).unwrap();
        let lease = [(0, done("lease"))];
        assert_eq!(costs(&plan, &lease, 60), ("16.00 SU".into(), "4.00".into()));
        assert_eq!(costs(&plan, &lease, 600), ("16.00 SU".into(), "16.00".into()), "after its window");
        let all = [(0, done("lease")), (5, done("machine-digits-1")), (30, undone("lease"))];
        assert_eq!(costs(&plan, &all, 600).1, "2.00");
        let longer = [(0, done("lease")), (5, Entry::Until(Some(now() + jiff::SignedDuration::from_hours(5))))];
        assert_eq!(costs(&plan, &longer, 600), ("20.00 SU".into(), "20.00".into()));
    }

    #[test]
    fn machine_is_charged_from_creation_to_deletion() {
        let plan = plan(&demand("group node 1"), &market("aws/us-east-1 m price=0.60"), id(), now()).unwrap();
        let step = plan.steps.iter().find(|step| step.id.as_str().starts_with("machine")).unwrap().id.to_string();
        assert_eq!(costs(&plan, &[], 60), ("unknown USD".into(), "0.00".into()));
        let entries = [(0, done(&step)), (30, undone(&step)), (60, done(&step))];
        assert_eq!(costs(&plan, &entries, 90).1, "0.60");
    }

    #[test]
    fn lease_without_machines_is_charged() {
        let market = market("chameleon/uc gpu hosts=n1 leased price=2.00");
        let plan = plan(&demand("for duration=4h\ngroup node 1"), &market, id(), now())
            .unwrap()
            .with_only(&[ResourceKind::Lease]);
        assert_eq!(plan.steps.len(), 1);
        assert!(plan.steps[0].after.is_empty() && plan.has_no_machines());
        assert_eq!(costs(&plan, &[(0, done("lease"))], 60).1, "2.00");
    }
}
