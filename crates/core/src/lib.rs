//! The pure core of hostler.
//!
//! All decisions are made here, by pure functions: the requirements of a repository ([`scan`]), the demand ([`demand`]),
//! the choice of offers ([`mod@plan`]), and the next steps of a deployment ([`journal`]). Time, environment, randomness and
//! files are arguments. The crate's `clippy.toml` bans functions that would read them.

pub mod availability;
pub mod calendar;
pub mod demand;
pub mod downgrade;
pub mod filter;
pub mod hash;
pub mod inventory;
pub mod journal;
pub mod money;
pub mod name;
pub mod offer;
pub mod opinion;
pub mod plan;
pub mod ports;
pub mod scan;
mod seconds;
pub mod setup;
pub mod shape;
pub mod size;
pub mod ticket;
pub mod time;
pub mod usage;
pub mod verify;
