//! For how long machines are kept.

use jiff::SignedDuration;
use serde::Deserialize;

use super::{Bounds, Opinion, Ruling, Why};
use crate::money::Money;
use crate::time::show_duration;

/// What is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    hours: Option<f64>,
    reason: Option<String>,
}

/// For how long: as the rule says, or as an opinion does that keeps to the bounds.
///
/// The price is that of all machines for an hour. Where it is not known and there is a budget, an opinion may only make
/// it shorter. Keys of an answer: `hours` and `reason`.
pub fn duration(
    opinion: Opinion<'_>,
    rule: SignedDuration,
    price_per_hour: Option<Money>,
    bounds: &Bounds,
) -> Ruling<SignedDuration> {
    let mut ruling = Ruling::by_rule(rule);
    let said: Said = ruling.hear(opinion);
    ruling.explain(said.reason);
    if let Some(hours) = said.hours {
        match allowed(hours, rule, price_per_hour, bounds) {
            Ok(duration) => ruling.take("hours", hours, duration),
            Err(why) => ruling.refuse("hours", hours, why),
        }
    }
    ruling
}

fn allowed(hours: f64, rule: SignedDuration, price: Option<Money>, bounds: &Bounds) -> Result<SignedDuration, Why> {
    // Whole seconds; beyond all numbers of them this is the largest.
    let duration = SignedDuration::from_secs((hours * 3_600.0).round() as i64);
    if duration <= SignedDuration::ZERO {
        return Err(Why::NotA("a duration"));
    }
    if duration > bounds.duration {
        return Err(Why::TooMuch(show_duration(bounds.duration)));
    }
    match (bounds.budget.total, price) {
        (None, _) => Ok(duration),
        (Some(_), None) if duration <= rule => Ok(duration),
        (Some(_), None) => Err(Why::UnknownCost),
        (Some(limit), Some(price)) => {
            let cost = price.over_seconds(duration.as_secs());
            if cost <= limit { Ok(duration) } else { Err(Why::OverBudget { cost, limit }) }
        }
    }
}
