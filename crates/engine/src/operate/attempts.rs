//! Attempts at one demand: an offer that a site refuses is excluded, and the demand is planned again.

use hostler_core::plan::{Exclusions, Plan};
use hostler_core::ports::Remedy;
use jiff::Timestamp;

use super::{OperateError, Operator};
use crate::event::Notice;
use crate::run::RunOutcome;

/// The number of times that a demand is planned and tried. A site that refuses four different offers is more likely
/// misconfigured than full.
const ATTEMPTS: usize = 4;

/// Reaction if the planned hosts are taken before the plan is applied, so that the deployment could only start later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LaterStart {
    /// The operation fails, and reports the earliest start.
    #[default]
    Refused,
    /// The demand is planned again, with the later start.
    Accepted,
}

/// The attempts so far.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// The offers that sites refused.
    pub refused: Exclusions,
    count: usize,
    /// The start of the first plan, which the user agreed to.
    agreed: Option<Timestamp>,
}

impl Attempts {
    /// Accepts a plan that starts no later than agreed.
    ///
    /// # Errors
    /// [`OperateError::LaterStart`] with its start.
    pub fn admit(&mut self, plan: &Plan, later: LaterStart) -> Result<(), OperateError> {
        // A demand without a start is for the time of its planning, which moves on by itself.
        let requested = plan.demand.lease.start.unwrap_or(plan.at);
        match self.agreed {
            Some(agreed) if plan.start > agreed.max(requested) && later == LaterStart::Refused => {
                Err(OperateError::LaterStart { start: plan.start })
            }
            _ => {
                self.agreed = self.agreed.max(Some(plan.start));
                Ok(())
            }
        }
    }

    /// Learns from a failed attempt.
    ///
    /// # Errors
    /// The same error, if another attempt would not help or there were enough.
    pub fn learn(&mut self, operator: &Operator, plan: &Plan, error: OperateError) -> Result<(), OperateError> {
        self.count += 1;
        let OperateError::Ended(ended) = &error else { return Err(error) };
        let RunOutcome::RolledBack { interrupted: false, failed } = &ended.outcome else { return Err(error) };
        let refused: Vec<_> = failed.iter().filter(|step| step.failure.remedy == Remedy::Replan).collect();
        if refused.is_empty() || self.count == ATTEMPTS {
            return Err(error);
        }
        for step in refused {
            self.refused.exclude_failed(plan, &step.step);
            operator.notice(Notice::Replanning { reason: step.failure.message.clone() });
        }
        Ok(())
    }
}
