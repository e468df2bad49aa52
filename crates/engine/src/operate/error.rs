//! Errors of operations. They carry data; a front end adds the commands to type.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hostler_core::availability::AvailabilityError;
use hostler_core::demand::diagnostic::Diagnostic;
use hostler_core::demand::source::BadSource;
use hostler_core::inventory::BadFeed;
use hostler_core::journal::RemainingResource;
use hostler_core::name::{BadName, Name, SiteId};
use hostler_core::plan::{Change, NoPlan, PlanId, ResourceKind, Staleness, UnsupportedDrivers};
use hostler_core::ports::SiteError;
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::BadTime;
use jiff::Timestamp;

use crate::account::AccountError;
use crate::audit::AuditError;
use crate::deploy::{DeployError, FilesError, NotReached};
use crate::host::{BadKey, HostError};
use crate::keep::KeepError;
use crate::repo::RepoError;
use crate::run::{FailedStep, Interrupted, RunOutcome};
use crate::store::{Record, StoreError};

/// The reason why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The store cannot be used, or another process works on the deployment.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call to a site failed.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The current credentials are not those that a deployment was created with.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A deployment could not be extended, held or switched.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A deployment could not be run.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The local files of a deployment cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The demand cannot be met.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// The requested drivers do not exist for the chosen machines.
    #[error(transparent)]
    UnsupportedDrivers(#[from] UnsupportedDrivers),
    /// A name is invalid.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A time or duration is invalid.
    #[error(transparent)]
    Time(#[from] BadTime),
    /// A source is invalid.
    #[error(transparent)]
    Source(#[from] BadSource),
    /// A repository cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A host cannot be reached.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A site's calendar cannot be read.
    #[error(transparent)]
    Feed(#[from] BadFeed),
    /// The audit trail cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The audit trail has no entry about a deployment or lease of this name.
    #[error("the audit trail has no entry about `{name}`")]
    NotAudited {
        /// The name or id.
        name: String,
    },
    /// An availability query names an unknown site.
    #[error(transparent)]
    Availability(#[from] AvailabilityError),
    /// No host is mapped to a node: every node would be unknown.
    #[error("neither `hosts.json` nor `resource_map.json` exists, and no host is a node")]
    NoHostMap,
    /// A demand cannot be used.
    #[error("{}", counted(.0))]
    Problems(Vec<Diagnostic>),
    /// Interrupted before anything changed.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The user declined.
    #[error("not confirmed: nothing was changed")]
    Declined,
    /// Consent is needed, and no user can be asked.
    #[error("confirmation required")]
    Unconfirmed,

    /// No deployment of this name.
    #[error("no deployment `{name}`")]
    UnknownDeployment {
        /// The name.
        name: String,
        /// The most similar name of a live deployment.
        nearest: Option<String>,
    },
    /// The text names neither a directory nor a deployment.
    #[error("no directory and no live deployment `{text}`")]
    UnknownTarget {
        /// The text.
        text: String,
        /// The most similar name of a live deployment.
        nearest: Option<String>,
        /// The reason why it is not a source.
        #[source]
        source: Box<OperateError>,
    },
    /// Options cannot change the demand of a live deployment.
    #[error("`{0}` is a live deployment: options do not change its demand")]
    LiveTarget(Name),
    /// No site is configured.
    #[error("no site is configured")]
    NoSites,
    /// The site is not configured.
    #[error("the site `{site}` is not configured")]
    UnknownSite {
        /// The text.
        site: String,
        /// The configured sites.
        configured: Vec<SiteId>,
    },
    /// Several sites have this name.
    #[error("`{site}` names several sites")]
    AmbiguousSite {
        /// The text.
        site: String,
        /// The configured sites.
        configured: Vec<SiteId>,
    },
    /// No machine of the site meets the requirements, apart from the image.
    #[error("`{site}` has no matching machines")]
    NoMatchingMachines {
        /// The text that names the site.
        site: String,
    },
    /// The site publishes no calendar.
    #[error("the site `{site}` publishes no reservation calendar, or cannot be used")]
    NoCalendar {
        /// The site.
        site: SiteId,
    },
    /// No configured site publishes a calendar.
    #[error("no configured site reports availability")]
    NoCalendars,
    /// A secret has no value.
    #[error("the secret `{name}` has no value")]
    MissingSecret {
        /// Its name.
        name: String,
    },
    /// A stored plan can no longer be applied.
    #[error("the plan {plan} is stale: {reason}")]
    Stale {
        /// The plan.
        plan: PlanId,
        /// The reason.
        reason: Staleness,
    },
    /// A plan was applied before: the id of its deployment is in the store.
    #[error("the plan {plan} was applied already")]
    Applied {
        /// The plan.
        plan: PlanId,
        /// Its deployment.
        deployment: Name,
    },
    /// The planned hosts were taken meanwhile, and a later start was not accepted.
    #[error("the planned hosts are taken; earliest start: {start}")]
    LaterStart {
        /// The earliest start.
        start: Timestamp,
    },
    /// A live deployment would need other machines.
    #[error("`{deployment}` is up, and the demand needs other machines")]
    NeedsOtherMachines {
        /// The deployment.
        deployment: Name,
        /// The differences.
        changes: Vec<Change>,
    },
    /// A deployment has no machines.
    #[error("`{deployment}` has no machines")]
    NoMachines {
        /// The deployment.
        deployment: Name,
        /// True if bringing it up creates some.
        planned: bool,
    },
    /// No machine of this name.
    #[error("`{deployment}` has no machine `{machine}`")]
    UnknownMachine {
        /// The deployment.
        deployment: Name,
        /// The name.
        machine: String,
        /// The most similar name.
        nearest: Option<String>,
        /// The machines it has.
        machines: Vec<String>,
    },
    /// A machine cannot be logged in to.
    #[error("{reason}")]
    NotReached {
        /// The deployment.
        deployment: Name,
        /// The reason.
        reason: NotReached,
    },
    /// The set-up has no such phase.
    #[error("`{deployment}` has no phase `{phase}`")]
    UnknownPhase {
        /// The deployment.
        deployment: Name,
        /// The phase.
        phase: PhaseKind,
        /// The phases it has.
        phases: Vec<PhaseKind>,
    },
    /// A phase cannot be requested this way.
    #[error("{0}")]
    BadPhase(String),
    /// The selection leaves no phase.
    #[error("the selection leaves no phase of `{deployment}`")]
    NoPhase {
        /// The deployment.
        deployment: Name,
    },
    /// No step of this id.
    #[error("`{deployment}` has no step `{step}`")]
    UnknownStep {
        /// The deployment.
        deployment: Name,
        /// The step.
        step: String,
        /// The most similar id.
        nearest: Option<String>,
    },
    /// The machine of a step does not exist, and neither does its console.
    #[error("the machine of `{step}` does not exist, and neither does its console")]
    NoMachine {
        /// The step.
        step: StepId,
    },
    /// A deployment without an end cannot be extended by a duration.
    #[error("`{deployment}` has no end to extend")]
    NoEnd {
        /// The deployment.
        deployment: Name,
    },

    /// No resource of this name or id.
    #[error("no {kind} `{text}`")]
    UnknownResource {
        /// The kind.
        kind: ResourceKind,
        /// The text.
        text: String,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// Several resources have this name.
    #[error("several resources are named `{text}`")]
    AmbiguousResource {
        /// The text.
        text: String,
        /// Their ids.
        ids: Vec<Ref>,
    },
    /// No site that answered has the resource, and others did not answer.
    #[error("no {kind} `{text}` at the sites that answered; {} did not answer", sites(.unreachable))]
    MaybeElsewhere {
        /// The kind.
        kind: ResourceKind,
        /// The text.
        text: String,
        /// The errors of the sites that did not answer.
        unreachable: Vec<SiteError>,
    },
    /// A resource that was just created cannot be found.
    #[error("`{deployment}` was created, and its {kind} cannot be found")]
    Vanished {
        /// The deployment.
        deployment: Name,
        /// The kind.
        kind: ResourceKind,
    },
    /// A resource that was just created cannot be read back.
    #[error("`{deployment}` was created, but could not be read back")]
    Unread {
        /// The deployment.
        deployment: Name,
        /// The reason.
        #[source]
        source: Box<OperateError>,
    },
    /// Other resources of its deployment need the resource.
    #[error("other resources of the deployment `{deployment}` need this {kind}")]
    NeededByDeployment {
        /// The deployment.
        deployment: Name,
        /// The kind.
        kind: ResourceKind,
    },
    /// The deployment of the resource is closed.
    #[error("the {kind} `{text}` is orphaned: no live deployment accounts for it")]
    Orphaned {
        /// The kind.
        kind: ResourceKind,
        /// The text.
        text: String,
    },
    /// The resource was not created by a deployment of this store.
    #[error("the {kind} `{name}` at `{site}` was not created by a deployment of this store, and is not deleted")]
    NotOwned {
        /// The kind.
        kind: ResourceKind,
        /// Its name.
        name: String,
        /// Its site.
        site: SiteId,
        /// True if it bears a ticket of another store.
        ticketed: bool,
    },
    /// The resources of a site could not be listed.
    #[error("`{site}` did not answer; its orphans are not listed: {reason}")]
    Unlisted {
        /// The site.
        site: SiteId,
        /// The reason.
        reason: String,
    },
    /// No resource bears the ticket.
    #[error("no resource bears the ticket `{0}`")]
    UnknownTicket(Ticket),
    /// The site does not report where public addresses come from.
    #[error("`{0}` does not report where public addresses come from")]
    NoPool(SiteId),

    /// The site does not report what a lease holds.
    #[error("`{site}` does not report which hosts the lease `{lease}` holds")]
    LeaseUnreported {
        /// The lease.
        lease: String,
        /// The site.
        site: SiteId,
    },
    /// A lease has not begun.
    #[error("the lease `{lease}` has not begun: it is {status} until {start}")]
    LeaseNotBegun {
        /// The lease.
        lease: String,
        /// The site's own term.
        status: String,
        /// Its start.
        start: Timestamp,
    },
    /// A lease is not active.
    #[error("the lease `{lease}` is not active: it is {status}")]
    LeaseInactive {
        /// The lease.
        lease: String,
        /// The site's own term.
        status: String,
    },
    /// A lease did not begin in time.
    #[error("the lease `{lease}` has not begun after {} s", .waited.as_secs())]
    LeaseTimedOut {
        /// The lease.
        lease: String,
        /// The time waited.
        waited: Duration,
    },
    /// Every host of a lease is in use by machines of live deployments.
    #[error("the lease `{lease}` has no free host: machines of live deployments are on all of them")]
    LeaseFull {
        /// The lease.
        lease: String,
    },
    /// A lease was granted with less than was planned.
    #[error("the lease `{lease}` was granted {}", short(.missing, .until))]
    LeaseShort {
        /// The lease.
        lease: Name,
        /// The planned hosts that it lacks.
        missing: Vec<String>,
        /// Its end, if that is before the planned one.
        until: Option<Timestamp>,
    },
    /// No host matches the filter.
    #[error("no host matches the filter ({checked} checked)")]
    NoHostMatches {
        /// The number of hosts checked.
        checked: usize,
    },

    /// A registered key is not the local one.
    #[error("the key `{key}` at `{site}` is not the one in `{}`", .file.display())]
    OtherKey {
        /// Its name at the site.
        key: Ref,
        /// The site.
        site: SiteId,
        /// The local file.
        file: PathBuf,
    },
    /// A key file cannot be used.
    #[error("the key `{}` cannot be used", .file.display())]
    UnusableKey {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: BadKey,
    },
    /// The file for a new key exists.
    #[error("`{}` exists: a key file is never overwritten", .0.display())]
    KeyExists(PathBuf),
    /// The directory for a new key file cannot be created.
    #[error("the directory `{}` for the key cannot be created", .directory.display())]
    KeyDirectory {
        /// The directory.
        directory: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The copy of a new key could not be written; the key itself is in the deployment's files.
    #[error("`{deployment}` is up, and its key cannot be written to `{}`", .copy.display())]
    KeyCopy {
        /// The deployment.
        deployment: Name,
        /// The file that could not be written.
        copy: PathBuf,
        /// The key in the deployment's files.
        key: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A local file cannot be used.
    #[error("`{}` cannot be {doing}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The attempted use, such as `read`.
        doing: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// Host keys cannot be pinned.
    #[error("the keys of new hosts cannot be stored")]
    KnownHosts(#[source] std::io::Error),

    /// A run did not reach its goal.
    #[error("{0}")]
    Ended(Box<Ended>),
    /// A failure after resources were created: they still exist.
    #[error("{failure}")]
    Leaving {
        /// The deployment.
        deployment: Name,
        /// Its resources that exist or may exist.
        left: Vec<RemainingResource>,
        /// The failure.
        failure: Box<OperateError>,
    },
    /// A deployment was not brought down because the user stopped before its turn.
    #[error("`{0}` was not started: interrupted")]
    NotBegun(Name),
    /// Some of several deployments were not brought down.
    #[error("{} of {} deployments were not brought down", .failed.len(), .failed.len() + .done.len())]
    Several {
        /// Those that were.
        done: Vec<Name>,
        /// Those that were not.
        failed: Vec<(Name, OperateError)>,
    },
    /// Resources could not be deleted.
    #[error("{} could not be deleted", resources(.0.len()))]
    Undeleted(Vec<(crate::sweep::Orphan, SiteError)>),
    /// Several independent failures.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Many(Vec<OperateError>),
}

/// The end of a run that did not reach its goal.
#[derive(Debug)]
pub struct Ended {
    /// The deployment.
    pub name: Name,
    /// The outcome.
    pub outcome: RunOutcome,
    /// Resources that exist or may exist.
    pub left: Vec<RemainingResource>,
    /// True if it can only be brought down from here.
    pub rolling_back: bool,
    /// The number of its machines.
    pub machines: usize,
    /// The number of machines on which a step failed.
    pub failed_machines: usize,
}

impl Ended {
    /// The steps that failed.
    pub fn failed(&self) -> &[FailedStep] {
        match &self.outcome {
            RunOutcome::Ready { failed_runs: failed }
            | RunOutcome::RolledBack { failed, .. }
            | RunOutcome::Stuck { failed, .. } => failed,
            RunOutcome::Down | RunOutcome::Interrupted { .. } => &[],
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.outcome {
            RunOutcome::Ready { .. } => write!(f, "`{name}` is set up, but its `run` script failed"),
            RunOutcome::RolledBack { interrupted: true, .. } => {
                write!(f, "`{name}` was interrupted and rolled back; nothing is left")
            }
            RunOutcome::RolledBack { interrupted: false, .. } => {
                write!(f, "`{name}` could not be brought up and was rolled back; nothing is left")
            }
            RunOutcome::Stuck { .. } if self.machines > 1 && self.failed_machines > 0 => {
                write!(f, "`{name}` is stuck: a step failed on {} of {} machines", self.failed_machines, self.machines)
            }
            RunOutcome::Stuck { .. } => write!(f, "`{name}` is stuck"),
            RunOutcome::Interrupted { .. } => write!(f, "`{name}` was interrupted before its end"),
            RunOutcome::Down => write!(f, "`{name}` is down"),
        }
    }
}

impl OperateError {
    /// This failure, with the resources of the deployment that exist because of it.
    pub fn leaving(self, record: &Record) -> Self {
        let left = record.journal().remaining(&record.plan);
        if left.is_empty() {
            return self;
        }
        Self::Leaving { deployment: record.name.clone(), left, failure: Box::new(self) }
    }

    /// True if the user interrupted.
    pub fn is_interrupt(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Leaving { failure: inner, .. } | Self::Unread { source: inner, .. } => inner.is_interrupt(),
            _ => false,
        }
    }
}

impl From<Vec<Diagnostic>> for OperateError {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self::Problems(problems)
    }
}

fn counted(problems: &[Diagnostic]) -> String {
    match problems {
        [only] => only.to_string(),
        many => format!("the demand cannot be used: {} problems", many.len()),
    }
}

fn sites(errors: &[SiteError]) -> String {
    errors.iter().map(|error| format!("`{}`", error.site)).collect::<Vec<_>>().join(", ")
}

fn short(missing: &[String], until: &Option<Timestamp>) -> String {
    match until {
        Some(until) if missing.is_empty() => format!("until {until} only"),
        _ => format!("without {}", missing.join(", ")),
    }
}

fn resources(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}
