//! Pure functions from a value and a width to text. Texts contain ANSI styles, which the printer strips where colour is
//! off.

mod advice;
mod availability;
mod calendar;
mod checks;
mod deployments;
mod failure;
mod findings;
mod fleet;
mod grid;
mod images;
mod plan;
mod record;
mod remaining;
mod resources;
mod status;
#[cfg(test)]
mod tests;
mod words;

pub use advice::advice;
pub use availability::availability;
pub use calendar::{Calendar, Picture};
pub use checks::checks;
pub use deployments::deployments;
pub use failure::failure;
pub use findings::findings;
pub use fleet::{fleet, outcome};
pub use grid::{Room, grid, tally};
pub use images::{image_choice, images, site_images};
pub use plan::{brief, plan};
pub use record::{audit, costs};
pub use remaining::{deletions, remaining, sweep_result};
pub use resources::{resource, resources};
pub use status::{extended, ready, set_up, status};
pub use words::{ago, machines, money, plural};
