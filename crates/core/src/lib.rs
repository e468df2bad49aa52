//! The pure core of hostler.
//!
//! Everything that is *decided* is decided here, by functions from values to values: what a repository needs ([`scan`]),
//! what a demand file says ([`demand`]), which offers serve it ([`mod@plan`]), and what a deployment does next
//! ([`journal`]). Nothing in this crate knows the time, the environment, a random number, a file or a socket: those
//! come in as arguments, and a `clippy.toml` of its own bans the functions that would fetch them.

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
pub mod setup;
pub mod shape;
pub mod size;
pub mod ticket;
pub mod time;
pub mod usage;
pub mod verify;
