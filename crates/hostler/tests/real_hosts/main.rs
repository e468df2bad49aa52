//! Real hosts, by the binary: in `tests/worlds/hosts`, where each has a network, a root file system and a server of its own.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

mod exec;
mod gpu;
mod killed;
mod lab;
mod library;
mod mounts;
mod own;
mod package;
mod pipeline;
#[path = "../support/process.rs"]
mod process;
mod sync;
