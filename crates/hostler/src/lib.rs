//! hostler provisions machines and sets them up. This crate is its library and its command line.
//!
//! To use it as a library, without the dependencies of the command line:
//! `hostler = { version = "0.1", default-features = false }`.
//!
//! ```no_run
//! # async fn example(site: std::sync::Arc<dyn hostler::Provider>) -> Result<(), Box<dyn std::error::Error>> {
//! use hostler::{Demand, ProvisionConfig, Provisioner};
//!
//! let demand = Demand::from_yaml("num_nodes: 2\nresources: {cpus: 8+}")?;
//! let provisioner = Provisioner::with_config(site, ProvisionConfig::new("/var/lib/hostler"));
//! let cluster = provisioner.provision_cluster("train", &demand).await?;
//! println!("log in to {}", cluster.machines[0].address);
//! provisioner.release("train").await?;
//! # Ok(())
//! # }
//! ```
//!
//! Every operation of the command line is a method of [`operate::Operator`]; [`Provisioner`] wraps the most common ones.
//!
//! Invariant: of the command line, only `config` reads the user's environment and files, and only `printer` writes to the
//! terminal. Every failure becomes an `error::Error`, whose kind alone decides the exit code.

// For callers that implement a trait of this crate.
pub use async_trait::async_trait;
pub use hostler_core::demand::{Demand, InvalidDemand};
pub use hostler_core::name::{Name, SiteId};
pub use hostler_core::plan::{Plan, ResourceKind};
pub use hostler_core::ports::Provider;
// The modules of every type in a public field or signature.
pub use hostler_core::{
    availability, calendar, demand, downgrade, filter, inventory, journal, money, name, offer, plan, ports, scan,
    setup, shape, size, ticket, time, usage,
};
pub use hostler_engine::deploy::OnFailure;
pub use hostler_engine::event::{Event, Notice, Observer, Report, RunStart};
pub use hostler_engine::fleet::{FleetOptions, HostResult};
pub use hostler_engine::host::{Command, Target};
pub use hostler_engine::operate::{OperateError, Operator};
pub use hostler_engine::provision::{Cluster, ProvisionConfig, Provisioner};
pub use hostler_engine::run::Interrupts;
pub use hostler_engine::sites::{Calendars, Sites};
pub use hostler_engine::store::LazyStore;
pub use hostler_engine::{
    account, audit, deploy, event, fleet, grid, host, keep, operate, provision, repo, run, store, sweep,
};
pub use hostler_providers as providers;
pub use jiff;
pub use secrecy::{self, SecretString};

#[cfg(feature = "cli")]
pub mod app;
#[cfg(feature = "cli")]
pub mod args;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
pub mod commands;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "cli")]
pub mod consent;
#[cfg(feature = "cli")]
pub mod document;
#[cfg(feature = "cli")]
pub mod error;
#[cfg(feature = "cli")]
pub mod hosts;
#[cfg(feature = "cli")]
pub mod observer;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "cli")]
pub mod printer;
#[cfg(feature = "cli")]
pub mod reference;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod script;
#[cfg(feature = "cli")]
pub mod signals;
#[cfg(feature = "cli")]
pub mod sites;
#[cfg(feature = "cli")]
pub mod table;
#[cfg(feature = "cli")]
pub mod trace;
#[cfg(feature = "cli")]
pub mod view;

#[cfg(feature = "cli")]
pub use cli::main;
