//! A user at a simulated site, for the tests of the verbs.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;
use hostler_core::name::SiteId;
use hostler_core::ports::Provider;
use hostler_engine::audit::audited;
use hostler_engine::sites::Sites;
use hostler_sim::{Fault, FaultPlan, SimSite};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::app::App;
use crate::args::{Cli, Colour};
use crate::config::{Env, Settings};
use crate::printer::Printer;

/// The time that they live in.
pub const NOW: fn() -> Timestamp = || Timestamp::from_second(1_790_000_000).unwrap();

/// A user, with a home and a store of their own, at a site that others use as well.
pub struct User {
    pub app: App,
    pub sites: Sites,
    _home: TempDir,
}

pub fn id() -> SiteId {
    "chameleon/uc".parse().unwrap()
}

impl User {
    pub fn new(site: &Path, faults: Vec<Fault>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let env = Env::new(["HOME", "TMPDIR"].map(|name| (OsString::from(name), home.path().as_os_str().to_owned())));
        let printer = Arc::new(Printer::new(&env, Colour::Never));
        let cli = Cli::parse_from(["hostler", "--events", "none", "ls"]);
        let app = App { now: NOW, ..App::new(Settings::read(env).unwrap(), printer, &cli.global) };
        let sim: Arc<dyn Provider> = Arc::new(SimSite::new(id(), site, Arc::new(FaultPlan::new(faults))));
        let sites = audited(Sites::from([(id(), sim)]), &Arc::new(app.trail()), NOW);
        Self { app, sites, _home: home }
    }
}
