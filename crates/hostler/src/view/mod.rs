//! From values to text: pure functions of a value and a width. Styles are in the text; the printer takes them out where
//! they aren't wanted.

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
mod resources;
mod several;
mod status;
mod strays;
#[cfg(test)]
mod tests;
mod words;

pub use availability::availability;
pub use calendar::{Calendar, Picture};
pub use checks::checks;
pub use deployments::deployments;
pub use failure::failure;
pub use findings::findings;
pub use fleet::{ending, fleet};
pub use grid::{Room, grid, tally};
pub use images::{image_choice, images, site_images};
pub use plan::{brief, plan};
pub use record::{audit, costs};
pub use resources::{resource, resources};
pub use status::{ready, set_up, status};
pub use strays::{going, left, strays};
pub use words::{ago, machines, money, plural, window};
