//! The user's environment variables and configuration file.
//!
//! Invariant: no other module reads either.

mod env;
mod feed;
mod file;
mod openstack;
mod settings;

pub use env::{Env, TRUSTED, VARIABLES};
pub use feed::SavedFeed;
pub use file::{Config, KEYS};
pub use openstack::CloudSite;
pub use settings::Settings;
