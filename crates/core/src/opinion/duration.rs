//! Length of the lease, as suggested by a model.

use jiff::SignedDuration;
use serde::Deserialize;

use super::{AdvisedDecision, AnswerLimits, ModelAnswer, RejectionReason};
use crate::money::Money;
use crate::time::format_duration;

/// Keys of the model's answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DurationAnswer {
    hours: Option<f64>,
    reason: Option<String>,
}

/// Chooses the length of the lease: the rule's value, or the model's if it is within the limits.
///
/// `price_per_hour` is for all machines together. If it is unknown and there is a budget, the model may only shorten
/// the lease. Keys of an answer: `hours` and `reason`.
pub fn duration(
    answer: ModelAnswer<'_>,
    rule: SignedDuration,
    price_per_hour: Option<Money>,
    limits: &AnswerLimits,
) -> AdvisedDecision<SignedDuration> {
    let mut decision = AdvisedDecision::by_rule(rule);
    let answer: DurationAnswer = decision.parse_answer(answer);
    decision.explain(answer.reason);
    if let Some(hours) = answer.hours {
        match allowed(hours, rule, price_per_hour, limits) {
            Ok(duration) => decision.accept("hours", hours, duration),
            Err(why) => decision.reject("hours", hours, why),
        }
    }
    decision
}

fn allowed(
    hours: f64,
    rule: SignedDuration,
    price: Option<Money>,
    limits: &AnswerLimits,
) -> Result<SignedDuration, RejectionReason> {
    // Whole seconds. The conversion saturates for numbers that are too large.
    let duration = SignedDuration::from_secs((hours * 3_600.0).round() as i64);
    if duration <= SignedDuration::ZERO {
        return Err(RejectionReason::NotA("a duration"));
    }
    if duration > limits.duration {
        return Err(RejectionReason::TooMuch(format_duration(limits.duration)));
    }
    match (limits.budget.total, price) {
        (None, _) => Ok(duration),
        (Some(_), None) if duration <= rule => Ok(duration),
        (Some(_), None) => Err(RejectionReason::UnknownCost),
        (Some(limit), Some(price)) => {
            let cost = price.over_seconds(duration.as_secs());
            if cost <= limit { Ok(duration) } else { Err(RejectionReason::OverBudget { cost, limit }) }
        }
    }
}
