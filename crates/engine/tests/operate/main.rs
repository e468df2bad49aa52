//! Operations at a simulated site: as any front end calls them.

#![expect(clippy::unwrap_used, reason = "a panic reports the line")]
#![expect(clippy::disallowed_methods, reason = "a test may block its thread")]

mod at_once;
mod leases;
mod send;
mod single;
mod sources;
mod unreadable;
mod world;
