//! A deployment as the user sees it: the JSON record of `up`, `status` and `ls`.

use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::journal::{Entry, Goal, Journal, Left, Progress, State};
use hostler_core::money::Money;
use hostler_core::name::{DeploymentId, GroupName, Name, SiteId};
use hostler_core::plan::{MachineSpec, Plan, PlanId, Shape, Step};
use hostler_core::ticket::StepId;
use hostler_engine::host::quote;
use hostler_engine::run::title;
use hostler_engine::store::{Record, Stored};
use jiff::Timestamp;
use serde::Serialize;

use crate::grid::{Grid, Standing, stage};

/// All about a deployment.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DeploymentId,
    /// Where it stands.
    pub state: State,
    /// Whether a process works on it now.
    pub busy: bool,
    /// Whether it is kept though failed or expired.
    pub held: bool,
    /// The sites that it is at.
    pub sites: Vec<SiteId>,
    /// When it was entered.
    pub created: Timestamp,
    /// When all was ready for the first time.
    pub ready: Option<Timestamp>,
    /// How many seconds the latest round took until all was ready.
    pub round_seconds: Option<i64>,
    /// Until when its machines are held; until given back where absent.
    pub until: Option<Timestamp>,
    /// When nothing of it was left.
    pub closed: Option<Timestamp>,
    /// The plan of its latest round.
    pub plan: PlanId,
    /// What it costs an hour while it is up; unknown where absent.
    pub price_per_hour: Option<Money>,
    /// What it has cost so far, by the planned price, while its things were there; unknown where absent.
    pub cost: Option<Money>,
    /// Its machines, in the order of their ranks.
    pub machines: Vec<Machine>,
    /// Its steps.
    pub steps: Vec<StepState>,
    /// What is, or may be, at a site.
    pub left: Vec<Left>,
    /// Its machines and their phases, for people's eyes: documents have all of it in the steps.
    #[serde(skip)]
    pub grid: Grid,
}

/// A machine of a deployment.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its group.
    pub group: GroupName,
    /// Its place among all machines, from 0.
    pub rank: u32,
    /// Where.
    pub site: SiteId,
    /// The node type there.
    pub node_type: String,
    /// Its size.
    pub shape: Shape,
    /// The image that it booted.
    pub image: String,
    /// What it does.
    pub state: MachineState,
    /// Where to reach it, once it is there.
    pub address: Option<String>,
    /// Its SSH port, once it is there.
    pub port: Option<u16>,
    /// The user to log in as.
    pub user: String,
    /// The command that logs in.
    pub ssh: Option<String>,
}

/// What a machine does, as far as the journal knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Not made yet, or given back.
    Absent,
    /// It was made.
    There,
    /// It was shut down on request.
    Off,
}

impl MachineState {
    /// For the user's eyes.
    pub fn text(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::There => "there",
            Self::Off => "off",
        }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Serialize)]
pub struct StepState {
    /// Which.
    pub step: String,
    /// What it does.
    pub title: String,
    /// Where it stands: `waiting`, `started`, `done`, `failed`, `undoing`, `undone`, `undo_failed`.
    pub state: &'static str,
    /// When something last happened to it.
    pub at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The machine that it is about, if it is about one.
    #[serde(skip)]
    pub machine: Option<StepId>,
}

impl Summary {
    /// From a record; `busy` is whether a process holds its lock, `ssh_config` the file that its machines' addresses
    /// and keys stand in.
    pub fn of(record: &Record, busy: bool, ssh_config: &Path, now: Timestamp) -> Self {
        let (plan, journal) = (&record.plan, record.journal());
        let mut sites: Vec<SiteId> = plan.picks.iter().map(|pick| pick.site.clone()).collect();
        sites.sort();
        sites.dedup();
        Self {
            name: record.name.clone(),
            id: record.id,
            state: record.state(),
            busy,
            held: journal.held(),
            sites,
            created: record.created,
            ready: record.entries.iter().find(|stored| stored.entry == Entry::Ready).map(|stored| stored.at),
            round_seconds: round_seconds(record),
            until: journal.until(plan),
            closed: record.closed,
            plan: plan.id(),
            price_per_hour: plan.price_per_hour,
            cost: record.usage(now).used,
            machines: plan.machines().map(|(step, spec)| machine(plan, &journal, step, spec, ssh_config)).collect(),
            steps: step_states(record, &journal),
            left: journal.left(plan),
            grid: grid(record, &journal, busy),
        }
    }
}

fn round_seconds(record: &Record) -> Option<i64> {
    let round = record.entries.iter().rposition(|stored| stored.entry == Entry::Goal(Goal::Up))?;
    let ready = record.entries[round..].iter().find(|stored| stored.entry == Entry::Ready)?;
    Some(ready.at.duration_since(record.entries[round].at).as_secs())
}

fn machine(plan: &Plan, journal: &Journal, step: &Step, spec: &MachineSpec, ssh_config: &Path) -> Machine {
    let made = journal.made(&step.id);
    let address = journal.address(plan, &step.id);
    let state = match made {
        None => MachineState::Absent,
        Some(_) if journal.is_off(&step.id) => MachineState::Off,
        Some(_) => MachineState::There,
    };
    Machine {
        name: spec.name.clone(),
        group: spec.group.clone(),
        rank: spec.rank,
        site: spec.site.clone(),
        node_type: spec.node_type.clone(),
        shape: spec.shape.clone(),
        image: spec.image.clone(),
        state,
        address: address.map(|address| address.host.clone()),
        port: address.map(|address| address.port),
        user: spec.user.clone(),
        ssh: (state == MachineState::There)
            .then(|| format!("ssh -F {} {}", quote(&ssh_config.display().to_string()), spec.name)),
    }
}

/// What was begun is being worked on only while a process has the lock.
fn grid(record: &Record, journal: &Journal, busy: bool) -> Grid {
    let mut grid = Grid::of(&record.plan, journal);
    for stored in record.entries.iter().filter(|_| busy) {
        if let Entry::Step { step, .. } = &stored.entry
            && matches!(journal.progress(step), Some(Progress::Started | Progress::Undoing))
        {
            grid.set(step, Standing::Running(stored.at));
        }
    }
    grid
}

fn step_states(record: &Record, journal: &Journal) -> Vec<StepState> {
    let about = |stored: &'_ Stored| match &stored.entry {
        Entry::Step { step, .. } => Some((step.clone(), stored.at)),
        _ => None,
    };
    let last: BTreeMap<StepId, Timestamp> = record.entries.iter().filter_map(about).collect();
    record.plan.steps.iter().map(|step| step_state(journal, step, last.get(&step.id).copied())).collect()
}

fn step_state(journal: &Journal, step: &Step, last: Option<Timestamp>) -> StepState {
    let (state, failure) = match journal.progress(&step.id) {
        None => ("waiting", None),
        Some(Progress::Started) => ("started", None),
        Some(Progress::Done(_)) => ("done", None),
        Some(Progress::Failed(failure)) => ("failed", Some(failure.message.clone())),
        Some(Progress::Undoing) => ("undoing", None),
        Some(Progress::Undone) => ("undone", None),
        Some(Progress::UndoFailed(failure, _)) => ("undo_failed", Some(failure.message.clone())),
    };
    StepState {
        step: step.id.to_string(),
        title: title(step),
        state,
        at: last.filter(|_| state != "waiting"),
        failure,
        machine: stage(step).map(|(machine, _)| machine.clone()),
    }
}
