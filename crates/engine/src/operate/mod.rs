//! The operations of hostler. Every front end (command line, server, test plugin, library) builds a request, calls one
//! method of [`Operator`] and gets a typed result.
//!
//! Nothing here parses arguments, prints, or reads the environment. The request holds everything that only a front end knows.
//! Decisions of the user go through [`Ask`]; events go to the [`Observer`].

mod apply;
mod ask;
mod attempts;
mod audit;
mod availability;
mod calendar;
mod cost;
mod create;
mod deployment;
mod disk;
mod down;
mod error;
mod exec;
mod fleet;
mod keep;
mod keys;
mod lease;
mod login;
mod logs;
mod placement;
mod plan;
mod resources;
mod resume;
mod setup;
mod site;
mod summary;
mod sweep;
mod sync;
mod target;
mod up;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::event::{DiscardEvents, Notice, Observer};
use crate::host::{Hosts, Ssh};
use crate::run::{Interrupts, unless_interrupted};
use crate::sites::{Calendars, Sites};
use crate::store::LazyStore;

pub use ask::{Answer, Ask, FileDeletions, Leftover, Proposal, Yes};
pub use attempts::LaterStart;
pub use audit::AuditFilter;
pub use availability::{AvailabilityAnswer, AvailabilityRequest, AvailabilitySource};
pub use calendar::{CalendarAnswers, site_is_called, site_place};
pub use cost::{CostLine, CostReport, CostTotal};
pub use create::{CreateOne, OneResource};
pub use deployment::Locked;
pub use down::{Down, DownRequest};
pub use error::{Ended, OperateError};
pub use exec::{ExecRequest, Program};
pub use fleet::{Fleet, FleetSource};
pub use keep::{NewEnd, PowerChange};
pub use keys::KeyRequest;
pub use lease::LeaseResult;
pub use logs::{LogRequest, StepLog};
pub use placement::PlacementRequest;
pub use resources::{ListedOwners, ListedResource, Ownership};
pub use setup::SetupRun;
pub use site::{CheckReport, SiteCheck};
pub use summary::{MachineStatus, MachineSummary, StepSummary, Summary};
pub use sweep::Swept;
pub use sync::{Direction, SyncRequest, SyncResult};
pub use target::{Analysis, DemandTarget, Requested, TargetRequest};
pub use up::{SSH_TIMEOUT, UpRequest, UpResult, UpScope};

/// Apply or dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Makes the changes.
    #[default]
    Apply,
    /// Reports what would be done, and changes nothing.
    DryRun,
}

/// The operations on deployments, sites and resources of one user.
///
/// Cheap to clone. Every method's future is `Send`; several operations may run at once in one process.
#[derive(Clone)]
pub struct Operator {
    /// The configured sites.
    pub sites: Sites,
    /// The sites that publish a reservation calendar.
    pub calendars: Calendars,
    /// The store of deployments.
    pub store: LazyStore,
    /// The directory for checkouts of repositories.
    pub scratch: PathBuf,
    /// The SSH connections.
    pub hosts: Arc<dyn Hosts>,
    /// Receives events and notices.
    pub observer: Arc<dyn Observer>,
    /// Asks the user for consent.
    pub ask: Arc<dyn Ask>,
    /// The time.
    pub now: fn() -> Timestamp,
}

impl Operator {
    /// An operator at these sites, with its store in a data directory. It consents to everything and discards all events.
    pub fn new(sites: Sites, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            sites,
            calendars: Calendars::new(),
            store: LazyStore::at(data_dir),
            scratch: std::env::temp_dir(),
            hosts: Arc::new(Ssh::default()),
            observer: Arc::new(DiscardEvents),
            ask: Arc::new(Yes),
            now: Timestamp::now,
        }
    }

    /// Asks for consent, unless the user interrupts the question.
    async fn agree(&self, proposal: &Proposal<'_>, interrupts: &Interrupts) -> Result<(), OperateError> {
        let asked = async {
            match self.ask.agree(proposal).await {
                Answer::Yes => Ok(()),
                Answer::No => Err(OperateError::Declined),
                Answer::Unavailable => Err(OperateError::Unconfirmed),
            }
        };
        unless_interrupted(interrupts, asked).await
    }

    fn notice(&self, notice: Notice) {
        self.observer.notice(&notice);
    }
}
