//! JSON documents with keys that the value they show derives.

use hostler_core::offer::PriceUnit;
use hostler_core::plan::{Plan, PlanId};
use hostler_engine::operate::{Down, Mode};
use serde::Serialize;
use serde_json::{Value, json};

/// A plan with its id, which is the hash of its other keys, and the unit of its prices. `apply` reads it as a plan.
#[derive(Serialize)]
pub struct PlanDocument<'p> {
    id: PlanId,
    unit: PriceUnit,
    #[serde(flatten)]
    plan: &'p Plan,
}

impl<'p> From<&'p Plan> for PlanDocument<'p> {
    fn from(plan: &'p Plan) -> Self {
        Self { id: plan.id(), unit: plan.unit(), plan }
    }
}

/// The resources that a dry run would delete, by deployment; null if they were deleted.
pub fn would_be_deleted(down: &Down, mode: Mode) -> Value {
    match mode {
        Mode::Apply => Value::Null,
        Mode::DryRun => {
            down.left.iter().map(|left| json!({ "name": left.deployment, "remaining": left.left })).collect()
        }
    }
}
