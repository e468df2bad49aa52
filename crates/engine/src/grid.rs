//! Table of a deployment's progress: a row for each machine, a column for each stage.

use std::collections::BTreeMap;

use hostler_core::journal::{Goal, Journal, StepStatus};
use hostler_core::plan::{Action, MachineSpec, Plan, PlannedResource, Step};
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::StepId;
use jiff::Timestamp;

use crate::event::Performed;

/// A stage of a machine, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Its creation and its address.
    Launch,
    /// A phase of its set-up.
    Phase(PhaseKind),
}

impl Stage {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Phase(kind) => kind.name(),
        }
    }
}

/// The state of a machine's stage. Of several steps in one stage, the smallest of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageState {
    /// It failed.
    Failed,
    /// It is running, since this time.
    Running(Timestamp),
    /// It was started, and no process is known to work on it.
    Started,
    /// It has not started.
    Waiting,
    /// It was deleted.
    Deleted,
    /// It is done.
    Done,
    /// It was done already.
    Already,
    /// It is not needed on this machine.
    NotNeeded,
}

/// Machines by stages.
#[derive(Debug, Clone)]
pub struct Grid {
    stages: Vec<Stage>,
    rows: Vec<MachineRow>,
    cells: BTreeMap<StepId, Cell>,
}

#[derive(Debug, Clone)]
struct MachineRow {
    machine: String,
    /// For each stage, the states of its steps.
    states: Vec<Vec<StageState>>,
}

/// The position of a step's state.
#[derive(Debug, Clone, Copy)]
struct Cell {
    row: usize,
    stage: usize,
    nth: usize,
}

impl StageState {
    /// The state of a step that ended.
    pub fn of(performed: Performed) -> Self {
        match performed {
            Performed::Now => Self::Done,
            Performed::Already => Self::Already,
            Performed::NotNeeded => Self::NotNeeded,
        }
    }

    /// True if it does not change any more.
    pub fn is_over(self) -> bool {
        self >= Self::Deleted
    }

    fn read(progress: Option<&StepStatus>) -> Self {
        match progress {
            None => Self::Waiting,
            Some(StepStatus::Started | StepStatus::Undoing(_)) => Self::Started,
            Some(StepStatus::Done(_)) => Self::Done,
            Some(StepStatus::Undone) => Self::Deleted,
            Some(StepStatus::Failed(_) | StepStatus::UndoFailed(..)) => Self::Failed,
        }
    }
}

impl Grid {
    /// The grid of a plan and its journal. When the deployment is going down, only the machines themselves are shown.
    pub fn of(plan: &Plan, journal: &Journal) -> Self {
        let rows: BTreeMap<&StepId, usize> = plan.machines().zip(0..).map(|((step, _), row)| (&step.id, row)).collect();
        let shown = |stage: &Stage| *journal.goal() == Goal::Up || *stage == Stage::Launch;
        let placed = plan.steps.iter().filter_map(|step| {
            let (machine, stage) = stage(step)?;
            Some((step, *rows.get(machine)?, stage)).filter(|_| shown(&stage))
        });
        let placed: Vec<(&Step, usize, Stage)> = placed.collect();
        let mut stages: Vec<Stage> = placed.iter().map(|(_, _, stage)| *stage).collect();
        stages.sort();
        stages.dedup();
        let empty = |(_, spec): (&Step, &MachineSpec)| MachineRow {
            machine: spec.name.clone(),
            states: vec![Vec::new(); stages.len()],
        };
        let mut grid = Self { rows: plan.machines().map(empty).collect(), cells: BTreeMap::new(), stages };
        for (step, row, stage) in placed {
            grid.add(step, row, stage, StageState::read(journal.step_status(&step.id)));
        }
        grid
    }

    fn add(&mut self, step: &Step, row: usize, stage: Stage, state: StageState) {
        let Ok(stage) = self.stages.binary_search(&stage) else { return };
        let states = &mut self.rows[row].states[stage];
        self.cells.insert(step.id.clone(), Cell { row, stage, nth: states.len() });
        states.push(state);
    }

    /// Sets the state of a step; `false` if it is not a step of one machine.
    pub fn set(&mut self, step: &StepId, state: StageState) -> bool {
        let Some(Cell { row, stage, nth }) = self.cells.get(step).copied() else { return false };
        self.rows[row].states[stage][nth] = state;
        true
    }

    /// The machine that a step works on, if it works on one.
    pub fn machine_of(&self, step: &StepId) -> Option<&str> {
        self.cells.get(step).map(|cell| self.machine(cell.row))
    }

    /// The stages that any machine has.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The number of machines.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// A machine's name.
    pub fn machine(&self, row: usize) -> &str {
        &self.rows[row].machine
    }

    /// The state of a machine's stage; `None` if the machine has no such stage.
    pub fn state(&self, row: usize, stage: usize) -> Option<StageState> {
        self.rows[row].states[stage].iter().min().copied()
    }

    /// The state of a machine as a whole.
    pub fn overall(&self, row: usize) -> StageState {
        self.rows[row].states.iter().flatten().min().copied().unwrap_or(StageState::NotNeeded)
    }
}

/// The machine and stage that a step belongs to, if it works on one machine.
pub fn stage(step: &Step) -> Option<(&StepId, Stage)> {
    match &step.action {
        Action::Create(PlannedResource::Machine(_)) => Some((&step.id, Stage::Launch)),
        Action::Create(PlannedResource::Address { machine: Some(machine), .. }) => Some((machine, Stage::Launch)),
        Action::Create(_) => None,
        Action::WaitSsh { machine } => Some((machine, Stage::Phase(PhaseKind::WaitSsh))),
        Action::SetUp { machine, phase } => Some((machine, Stage::Phase(phase.kind()))),
    }
}
