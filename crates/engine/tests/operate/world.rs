//! A user at a simulated site, with a store of their own.

use std::path::Path;
use std::sync::Arc;

use hostler_core::name::SiteId;
use hostler_core::ports::Provider;
use hostler_engine::audit::{AuditTrail, audited};
use hostler_engine::operate::Operator;
use hostler_engine::run::{Interrupts, never};
use hostler_engine::sites::Sites;
use hostler_sim::{Fault, FaultPlan, SimSite};
use jiff::Timestamp;
use tempfile::TempDir;

/// The time of every test.
pub const NOW: fn() -> Timestamp = || Timestamp::from_second(1_790_000_000).unwrap();

/// A user, with a data directory of their own, at a site that others may use as well.
pub struct User {
    pub operator: Operator,
    pub trail: Arc<AuditTrail>,
    _data: TempDir,
}

pub fn id() -> SiteId {
    "chameleon/uc".parse().unwrap()
}

impl User {
    /// A user at the site whose resources are kept in this file.
    pub fn new(site: &Path, faults: Vec<Fault>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let trail = Arc::new(AuditTrail::in_dir(data.path()));
        let sim: Arc<dyn Provider> = Arc::new(SimSite::new(id(), site, Arc::new(FaultPlan::new(faults))));
        let sites = audited(Sites::from([(id(), sim)]), &trail, NOW);
        let operator = Operator { now: NOW, ..Operator::new(sites, data.path()) };
        Self { operator, trail, _data: data }
    }
}

/// A user at a site of their own.
pub fn user(faults: Vec<Fault>) -> (User, TempDir) {
    let site = tempfile::tempdir().unwrap();
    (User::new(&site.path().join("site.json"), faults), site)
}

pub fn uninterrupted() -> Interrupts {
    never()
}
