//! Input and output: the operations of hostler, and the sites, hosts, files and journals that they use.
//!
//! `hostler_core` decides; this crate carries out. Front ends call [`operate::Operator`], or [`provision::Provisioner`] for
//! clusters.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may block its thread"))]

pub mod account;
pub mod audit;
mod blocking;
pub mod deploy;
pub mod event;
pub mod fleet;
#[cfg(test)]
mod futures_are_send;
pub mod gather;
pub mod grid;
pub mod host;
pub mod keep;
pub mod operate;
pub mod output_log;
pub mod provision;
pub mod repo;
pub mod run;
pub mod setup;
pub mod sites;
pub mod store;
pub mod sweep;
