//! Choosing the offers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fit::Refusal;
use super::{Plan, Tally};
use crate::demand::Demand;
use crate::name::{DeploymentId, SiteId};
use crate::offer::Market;

/// Nobody can serve the demand: how many offers were looked at, why each was refused, and what would help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no offer serves the demand: {looked} looked at")]
pub struct NoPlan {
    /// How many offers were looked at.
    pub looked: usize,
    /// Each of them, and what it lacks.
    pub refusals: Vec<Refusal>,
    /// How often each kind of misfit stood in the way.
    pub tally: Tally,
    /// The sites that could not be asked, and why.
    pub silent: BTreeMap<SiteId, String>,
    /// Changes of the demand that would help, the smallest first, as sentences for the user.
    pub advice: Vec<String>,
}

/// Chooses an offer for each group and lays out the steps.
pub fn plan(_demand: &Demand, _market: &Market, _id: DeploymentId, _now: Timestamp) -> Result<Plan, NoPlan> {
    Err(NoPlan { looked: 0, refusals: Vec::new(), tally: Tally::new(), silent: BTreeMap::new(), advice: Vec::new() })
}
