//! Operations at a simulated site: as any front end calls them.

mod at_once;
mod leases;
mod single;
mod sources;
mod world;
