//! Several attempts at one demand: what was refused is not asked for again, and nothing moves without leave.

use hostler_core::plan::{Exclusions, Plan};
use hostler_core::ports::Remedy;
use jiff::Timestamp;

use crate::app::App;
use crate::error::{Details, Error, ErrorKind};

/// So often a demand is planned and tried.
const MOST: usize = 4;

/// Whether a later start than the one that was agreed to may be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shift {
    /// No: it is told when it could be had.
    #[default]
    Refused,
    /// Yes.
    Allowed,
}

/// The attempts so far.
#[derive(Debug, Default)]
pub struct Attempts {
    /// What is not asked for again.
    pub refused: Exclusions,
    count: usize,
    /// The start of the first plan.
    agreed: Option<Timestamp>,
}

impl Attempts {
    /// Lets a plan pass whose start is no later than agreed.
    ///
    /// # Errors
    /// [`ErrorKind::NotNow`], with the later start.
    pub fn admit(&mut self, plan: &Plan, shift: Shift) -> Result<(), Error> {
        // A demand for now is for the time of its planning, which moves on by itself.
        let wished = plan.demand.lease.start.unwrap_or(plan.at);
        match self.agreed {
            Some(agreed) if plan.start > agreed.max(wished) && shift == Shift::Refused => {
                let message = format!("what was planned is taken; the demand can be served from {} on", plan.start);
                Err(Error::new(ErrorKind::NotNow, message).hinted("take the later start: `--allow-shift`"))
            }
            _ => {
                self.agreed = self.agreed.max(Some(plan.start));
                Ok(())
            }
        }
    }

    /// Takes in why an attempt failed.
    ///
    /// # Errors
    /// The same error, where another attempt would not help, or there were enough.
    pub fn learn(&mut self, app: &App, plan: Plan, error: Error) -> Result<(), Error> {
        self.count += 1;
        let Details::Remains { failed, left } = &*error.details else { return Err(error) };
        let refused = failed.iter().filter(|step| step.failure.remedy == Remedy::Replan).collect::<Vec<_>>();
        let rolled_back = error.kind == ErrorKind::RolledBack && left.is_empty();
        if !rolled_back || refused.is_empty() || self.count == MOST {
            return Err(error);
        }
        for step in &refused {
            self.refused.learn(&plan, &step.step);
            app.printer.say(&format!("note: {}; planning anew without it", step.failure.message));
        }
        Ok(())
    }
}
