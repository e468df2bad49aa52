//! The machines of a deployment and the phases of each, as a table of values.

use std::collections::BTreeMap;

use hostler_core::journal::{Goal, Journal, Progress};
use hostler_core::plan::{Action, MachineSpec, Plan, PlannedResource, Step};
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::StepId;
use hostler_engine::run::Performed;
use jiff::Timestamp;

/// What a machine goes through, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is made, and given its address.
    Launch,
    /// A phase of its set-up.
    Phase(PhaseKind),
}

/// Where a stage of a machine stands. Of several steps in one stage the first of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It failed.
    Failed,
    /// It is being worked on, since then.
    Running(Timestamp),
    /// It was begun, and nobody is known to work on it.
    Begun,
    /// Its turn has not come.
    Waiting,
    /// It was given back.
    Gone,
    /// It was done.
    Done,
    /// It was right already.
    Already,
    /// There was nothing to do it for.
    NotNeeded,
}

/// Machines by stages.
#[derive(Debug, Clone)]
pub struct Grid {
    stages: Vec<Stage>,
    rows: Vec<Row>,
    places: BTreeMap<StepId, Place>,
}

/// A machine.
#[derive(Debug, Clone)]
struct Row {
    machine: String,
    /// For each stage, where its steps stand.
    cells: Vec<Vec<Standing>>,
}

/// Where a step's standing is kept.
#[derive(Debug, Clone, Copy)]
struct Place {
    row: usize,
    stage: usize,
    nth: usize,
}

impl Stage {
    /// As users name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Phase(kind) => kind.name(),
        }
    }
}

impl Standing {
    /// Of a step that is done.
    pub fn of(how: Performed) -> Self {
        match how {
            Performed::Now => Self::Done,
            Performed::Already => Self::Already,
            Performed::NotNeeded => Self::NotNeeded,
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(self) -> bool {
        self >= Self::Gone
    }

    fn read(progress: Option<&Progress>) -> Self {
        match progress {
            None => Self::Waiting,
            Some(Progress::Started | Progress::Undoing) => Self::Begun,
            Some(Progress::Done(_)) => Self::Done,
            Some(Progress::Undone) => Self::Gone,
            Some(Progress::Failed(_) | Progress::UndoFailed(..)) => Self::Failed,
        }
    }
}

impl Grid {
    /// By a plan and its journal. On the way back only the machines themselves are of interest.
    pub fn of(plan: &Plan, journal: &Journal) -> Self {
        let rows: BTreeMap<&StepId, usize> = plan.machines().zip(0..).map(|((step, _), row)| (&step.id, row)).collect();
        let wanted = |stage: &Stage| *journal.goal() == Goal::Up || *stage == Stage::Launch;
        let placed = plan.steps.iter().filter_map(|step| {
            let (machine, stage) = stage(step)?;
            Some((step, *rows.get(machine)?, stage)).filter(|_| wanted(&stage))
        });
        let placed: Vec<(&Step, usize, Stage)> = placed.collect();
        let mut stages: Vec<Stage> = placed.iter().map(|(_, _, stage)| *stage).collect();
        stages.sort();
        stages.dedup();
        let empty = |(_, spec): (&Step, &MachineSpec)| Row {
            machine: spec.name.clone(),
            cells: vec![Vec::new(); stages.len()],
        };
        let mut grid = Self { rows: plan.machines().map(empty).collect(), places: BTreeMap::new(), stages };
        for (step, row, stage) in placed {
            grid.place(step, row, stage, Standing::read(journal.progress(&step.id)));
        }
        grid
    }

    fn place(&mut self, step: &Step, row: usize, stage: Stage, standing: Standing) {
        let Ok(stage) = self.stages.binary_search(&stage) else { return };
        let cell = &mut self.rows[row].cells[stage];
        self.places.insert(step.id.clone(), Place { row, stage, nth: cell.len() });
        cell.push(standing);
    }

    /// Takes in where a step stands now; `false` where it is not a step of one machine.
    pub fn set(&mut self, step: &StepId, standing: Standing) -> bool {
        let Some(Place { row, stage, nth }) = self.places.get(step).copied() else { return false };
        self.rows[row].cells[stage][nth] = standing;
        true
    }

    /// The machine that a step is about, if it is about one.
    pub fn machine_of(&self, step: &StepId) -> Option<&str> {
        self.places.get(step).map(|place| self.machine(place.row))
    }

    /// The stages that any machine goes through.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// A machine's name.
    pub fn machine(&self, row: usize) -> &str {
        &self.rows[row].machine
    }

    /// Where a machine's stage stands; nothing where it has none such.
    pub fn standing(&self, row: usize, stage: usize) -> Option<Standing> {
        self.rows[row].cells[stage].iter().min().copied()
    }

    /// Where a machine stands in all.
    pub fn overall(&self, row: usize) -> Standing {
        self.rows[row].cells.iter().flatten().min().copied().unwrap_or(Standing::NotNeeded)
    }
}

/// Which machine's stage a step belongs to, if it is about one machine.
pub fn stage(step: &Step) -> Option<(&StepId, Stage)> {
    match &step.action {
        Action::Create(PlannedResource::Machine(_)) => Some((&step.id, Stage::Launch)),
        Action::Create(PlannedResource::Address { machine: Some(machine), .. }) => Some((machine, Stage::Launch)),
        Action::Create(_) => None,
        Action::Reach { machine } => Some((machine, Stage::Phase(PhaseKind::Reach))),
        Action::SetUp { machine, phase } => Some((machine, Stage::Phase(phase.kind()))),
    }
}
