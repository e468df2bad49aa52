//! What moves: everything here does what a plan or a journal says, and decides nothing by itself.

pub mod event;
pub mod setup;
pub mod host;
pub mod repo;
