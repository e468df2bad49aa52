//! A deployment as front ends show it: the record of `up`, `status` and `ls`.

use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::demand::SiteSelector;
use hostler_core::journal::{DeploymentState, Entry, Goal, Journal, RemainingResource, StepStatus};
use hostler_core::money::Money;
use hostler_core::name::{DeploymentId, GroupName, Name, SiteId};
use hostler_core::offer::PriceUnit;
use hostler_core::plan::{MachineSpec, Plan, PlanId, Step};
use hostler_core::shape::Shape;
use hostler_core::ticket::StepId;
use jiff::Timestamp;
use serde::Serialize;

use super::{OperateError, Operator};
use crate::deploy::Files;
use crate::grid::{Grid, StageState, stage};
use crate::host::quote;
use crate::run::title;
use crate::store::{Record, Store, StoredEntry};

/// A deployment, with its machines and steps.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DeploymentId,
    /// Its state.
    pub state: DeploymentState,
    /// True while a process works on it.
    pub busy: bool,
    /// True if it is kept although it failed or expired.
    pub held: bool,
    /// Its sites.
    pub sites: Vec<SiteId>,
    /// The time it was created.
    #[serde(rename = "created_at")]
    pub created: Timestamp,
    /// The time it was ready first.
    #[serde(rename = "ready_at")]
    pub ready: Option<Timestamp>,
    /// Seconds that the latest round took until it was ready.
    pub round_seconds: Option<i64>,
    /// Its end; `None` if it stays until it is brought down.
    #[serde(rename = "ends_at")]
    pub until: Option<Timestamp>,
    /// The time its last resource was deleted; `None` while it is live.
    #[serde(rename = "closed_at")]
    pub closed: Option<Timestamp>,
    /// The plan of its latest round.
    #[serde(rename = "plan_id")]
    pub plan: PlanId,
    /// Cost per hour while it is up; `None` if unknown.
    pub price_per_hour: Option<Money>,
    /// Cost so far, by the planned price and for the time that its resources existed; `None` if unknown.
    pub cost: Option<Money>,
    /// Unit of the price and the cost.
    pub unit: PriceUnit,
    /// Its machines, by rank.
    pub machines: Vec<MachineSummary>,
    /// Its steps.
    pub steps: Vec<StepSummary>,
    /// Its resources that exist or may exist.
    #[serde(rename = "remaining")]
    pub left: Vec<RemainingResource>,
    /// Its machines and their phases, for tables. Documents have the same facts in `steps`.
    #[serde(skip)]
    pub grid: Grid,
}

/// A machine of a deployment.
#[derive(Debug, Clone, Serialize)]
pub struct MachineSummary {
    /// Its host name.
    pub name: String,
    /// Its group.
    pub group: GroupName,
    /// Its place among all machines, from 0.
    pub rank: u32,
    /// Its site.
    pub site: SiteId,
    /// Its node type.
    pub node_type: String,
    /// Its size.
    #[serde(rename = "size")]
    pub shape: Shape,
    /// Its image.
    pub image: String,
    /// Its status, as far as the journal knows.
    pub status: MachineStatus,
    /// Its address, once it has one.
    pub address: Option<String>,
    /// Its SSH port, once it has an address.
    pub port: Option<u16>,
    /// The user to log in as.
    pub user: String,
    /// The command that logs in, once it was created.
    pub ssh: Option<String>,
}

/// The status of a machine, as far as the journal knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineStatus {
    /// Not created yet, or deleted.
    Missing,
    /// Created, and not logged in to yet.
    Pending,
    /// Logged in to at least once, and not shut down since.
    Running,
    /// Shut down on request.
    Stopped,
}

impl MachineStatus {
    /// The word for tables.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// A step of a deployment.
#[derive(Debug, Clone, Serialize)]
pub struct StepSummary {
    /// Its id.
    pub step: String,
    /// Its title.
    pub title: String,
    /// Its status: `waiting`, `started`, `done`, `failed`, `undoing`, `undone`, `undo_failed`.
    pub status: &'static str,
    /// The time of its last event.
    pub at: Option<Timestamp>,
    /// The reason of its failure.
    #[serde(rename = "error")]
    pub failure: Option<String>,
    /// The machine that it works on, if it works on one.
    #[serde(skip)]
    pub machine: Option<StepId>,
}

impl Operator {
    /// The live deployment of a name, or the last one that had it.
    ///
    /// # Errors
    /// [`OperateError::UnknownDeployment`] if there never was one.
    pub async fn status(&self, name: &str) -> Result<Summary, OperateError> {
        let (store, record) = self.last_deployment(name).await?;
        Ok(self.queried_summary(&store, &record).await)
    }

    /// The live deployments that use a selected site, oldest first; all of them if no site is selected.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn list(&self, on: &[SiteSelector]) -> Result<Vec<Summary>, OperateError> {
        let Some(store) = self.store.existing().await? else { return Ok(Vec::new()) };
        let mut records = self.deployments().await?;
        records
            .retain(|record| on.is_empty() || record.plan.sites().iter().any(|site| SiteSelector::includes(on, site)));
        let mut summaries = Vec::with_capacity(records.len());
        for record in &records {
            summaries.push(self.queried_summary(&store, record).await);
        }
        Ok(summaries)
    }

    /// The summary of a record whose lock this operation holds: no other process works on it.
    pub(super) fn summary(&self, store: &Store, record: &Record) -> Summary {
        Summary::of(record, false, &Files::at(store.files_of(record.id)).ssh_config(), (self.now)())
    }

    /// The summary of a record whose lock any process may hold. A lock that cannot be queried counts as held.
    async fn queried_summary(&self, store: &Store, record: &Record) -> Summary {
        let busy = store.is_busy(&record.name).await.unwrap_or(true);
        Summary::of(record, busy, &Files::at(store.files_of(record.id)).ssh_config(), (self.now)())
    }
}

impl Summary {
    /// The summary of a record. `busy` is true while a process holds its lock; `ssh_config` is the file with the addresses and
    /// keys of its machines.
    pub fn of(record: &Record, busy: bool, ssh_config: &Path, now: Timestamp) -> Self {
        let (plan, journal, usage) = (&record.plan, record.journal(), record.usage(now));
        Self {
            name: record.name.clone(),
            id: record.id,
            state: record.state(),
            busy,
            held: journal.is_held(),
            sites: plan.sites(),
            created: record.created,
            ready: record.entries.iter().find(|stored| stored.entry == Entry::Ready).map(|stored| stored.at),
            round_seconds: round_seconds(record),
            until: journal.until(plan),
            closed: record.closed,
            plan: plan.id(),
            price_per_hour: plan.price_per_hour,
            cost: usage.used,
            unit: usage.unit,
            machines: plan.machines().map(|(step, spec)| machine(plan, journal, step, spec, ssh_config)).collect(),
            steps: step_summaries(record, journal),
            left: journal.remaining(plan),
            grid: grid(record, journal, busy),
        }
    }
}

fn round_seconds(record: &Record) -> Option<i64> {
    let round = record.entries.iter().rposition(|stored| stored.entry == Entry::Goal(Goal::Up))?;
    let ready = record.entries[round..].iter().find(|stored| stored.entry == Entry::Ready)?;
    Some(ready.at.duration_since(record.entries[round].at).as_secs())
}

fn machine(plan: &Plan, journal: &Journal, step: &Step, spec: &MachineSpec, ssh_config: &Path) -> MachineSummary {
    let address = journal.address(plan, &step.id);
    let status = match journal.created(&step.id) {
        None => MachineStatus::Missing,
        Some(_) if journal.is_powered_off(&step.id) => MachineStatus::Stopped,
        Some(_) if journal.login_succeeded() => MachineStatus::Running,
        Some(_) => MachineStatus::Pending,
    };
    let created = matches!(status, MachineStatus::Pending | MachineStatus::Running);
    MachineSummary {
        name: spec.name.clone(),
        group: spec.group.clone(),
        rank: spec.rank,
        site: spec.site.clone(),
        node_type: spec.node_type.clone(),
        shape: spec.shape.clone(),
        image: spec.image.clone(),
        status,
        address: address.map(|address| address.host.clone()),
        port: address.map(|address| address.port),
        user: spec.user.clone(),
        ssh: created.then(|| format!("ssh -F {} {}", quote(&ssh_config.display().to_string()), spec.name)),
    }
}

/// A started step is running only while a process holds the lock.
fn grid(record: &Record, journal: &Journal, busy: bool) -> Grid {
    let mut grid = Grid::of(&record.plan, journal);
    for stored in record.entries.iter().filter(|_| busy) {
        if let Entry::Step { step, .. } = &stored.entry
            && matches!(journal.step_status(step), Some(StepStatus::Started | StepStatus::Undoing(_)))
        {
            grid.set(step, StageState::Running(stored.at));
        }
    }
    grid
}

fn step_summaries(record: &Record, journal: &Journal) -> Vec<StepSummary> {
    let of_step = |stored: &'_ StoredEntry| match &stored.entry {
        Entry::Step { step, .. } => Some((step.clone(), stored.at)),
        _ => None,
    };
    let last: BTreeMap<StepId, Timestamp> = record.entries.iter().filter_map(of_step).collect();
    record.plan.steps.iter().map(|step| step_summary(journal, step, last.get(&step.id).copied())).collect()
}

fn step_summary(journal: &Journal, step: &Step, last: Option<Timestamp>) -> StepSummary {
    let (status, failure) = match journal.step_status(&step.id) {
        None => ("waiting", None),
        Some(StepStatus::Started) => ("started", None),
        Some(StepStatus::Done(_)) => ("done", None),
        Some(StepStatus::Failed(failure)) => ("failed", Some(failure.message.clone())),
        Some(StepStatus::Undoing(_)) => ("undoing", None),
        Some(StepStatus::Undone) => ("undone", None),
        Some(StepStatus::UndoFailed(failure, _)) => ("undo_failed", Some(failure.message.clone())),
    };
    StepSummary {
        step: step.id.to_string(),
        title: title(step),
        status,
        at: last.filter(|_| status != "waiting"),
        failure,
        machine: stage(step).map(|(machine, _)| machine.clone()),
    }
}
