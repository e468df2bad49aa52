//! The plan: all decisions, made before anything is changed.
//!
//! A plan is an immutable value. The same demand, market, id and time give the same plan, byte for byte, and the
//! executor has nothing left to choose.

mod advice;
mod arch;
mod boot_image;
mod budget;
mod capacity;
mod diff;
mod drivers;
mod exclude;
mod existing_lease;
mod fit;
mod gpu;
mod images;
mod matching;
mod measure;
mod misfit;
mod model;
mod part;
mod phase;
mod placement;
mod planner;
mod rejections;
mod relax;
mod rework;
mod score;
mod search;
mod stale;
mod step;
mod steps;
mod trial;
mod window;

pub use advice::{Advice, AdviceScope, DemandChange};
pub use boot_image::{ImageObstacle, best_images};
pub use diff::{Change, ChangeKind, diff};
pub use drivers::UnsupportedDrivers;
pub use exclude::Exclusions;
pub use existing_lease::ExistingLease;
pub use images::{ImageCandidate, ImageChoice, ImageMatch, ImageOutcome, ImageReason, choose_image, images_of};
pub use matching::{could_match, matching_offers};
pub use misfit::{Misfit, MisfitKind, Rejection, Tally};
pub use model::{Pick, Plan, PlanId};
pub use phase::{Phase, PhaseSelection};
pub use placement::Placement;
pub use planner::{DEFAULT_LEASE_DURATION, NoPlan, plan};
pub use stale::Staleness;
pub use step::{Action, ExistingResources, LeaseSpec, MachineSpec, PlannedResource, ResourceKind, Step};

#[cfg(test)]
pub(crate) mod tests;
