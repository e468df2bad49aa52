//! What moves: everything here does what a plan or a journal says, and decides nothing by itself.

pub mod account;
pub mod audit;
mod blocking;
pub mod deploy;
pub mod event;
pub mod fleet;
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
