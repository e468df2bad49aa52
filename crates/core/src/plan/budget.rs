//! The check of a price against the budget.

use std::fmt;

use jiff::SignedDuration;

use crate::demand::Demand;
use crate::money::Money;
use crate::time::format_duration;

/// A limit of the budget, and a cost that exceeds it or is not known to be within it.
#[derive(Debug, Clone, Copy)]
pub(super) struct BudgetBreach {
    limit: Limit,
    cost: BudgetCost,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    PerHour(Money),
    Total(Money),
}

#[derive(Debug, Clone, Copy)]
enum BudgetCost {
    Unknown,
    PerHour(Money),
    Over(Money, SignedDuration),
    Endless(Money),
}

/// Every limit of the demand's budget that this price per hour, for all machines together, exceeds.
///
/// An unknown price exceeds every limit. A price above zero without an end exceeds every total.
pub(super) fn breaches(demand: &Demand, per_hour: Option<Money>) -> impl Iterator<Item = BudgetBreach> {
    let hourly = demand.budget.per_hour.and_then(|limit| {
        let cost = match per_hour {
            None => BudgetCost::Unknown,
            Some(price) if price > limit => BudgetCost::PerHour(price),
            Some(_) => return None,
        };
        Some(BudgetBreach { limit: Limit::PerHour(limit), cost })
    });
    let total = demand.budget.total.and_then(|limit| {
        let cost = over_total(limit, per_hour, demand.lease.duration)?;
        Some(BudgetBreach { limit: Limit::Total(limit), cost })
    });
    hourly.into_iter().chain(total)
}

fn over_total(limit: Money, per_hour: Option<Money>, duration: Option<SignedDuration>) -> Option<BudgetCost> {
    match (per_hour, duration) {
        (None, _) => Some(BudgetCost::Unknown),
        (Some(price), None) => (price > Money::ZERO).then_some(BudgetCost::Endless(price)),
        (Some(price), Some(duration)) => {
            let sum = over(price, duration);
            (sum > limit).then_some(BudgetCost::Over(sum, duration))
        }
    }
}

/// The cost of a duration at a price per hour. A started second counts as a whole one.
pub(super) fn over(per_hour: Money, duration: SignedDuration) -> Money {
    per_hour.over_seconds(duration.as_secs() + i64::from(duration.subsec_nanos() > 0))
}

impl BudgetBreach {
    /// The limit, as in `at most 5.00/h`.
    pub(super) fn limit(&self) -> impl fmt::Display {
        match self.limit {
            Limit::PerHour(limit) => format!("at most {limit}/h"),
            Limit::Total(limit) => format!("at most {limit} in total"),
        }
    }

    /// The cost, as in `24.00 over 4h`.
    pub(super) fn cost(&self) -> impl fmt::Display {
        match self.cost {
            BudgetCost::Unknown => "an unknown price".to_owned(),
            BudgetCost::PerHour(price) => format!("{price}/h"),
            BudgetCost::Over(sum, duration) => format!("{sum} over {}", format_duration(duration)),
            BudgetCost::Endless(price) => format!("{price}/h without an end"),
        }
    }
}
