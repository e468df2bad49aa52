//! The table of machines and phases, for any width and height.

use comfy_table::{Attribute, Cell, Color};
use jiff::Timestamp;

use super::words::{ago, machines};
use crate::table::{Column, Width, cell, table};
use hostler_engine::grid::{Grid, StageState};

/// Available room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// Columns.
    pub width: Width,
    /// Lines; `None` for unlimited.
    pub height: Option<usize>,
}

/// Letters of a shortened phase name; six distinguish all phases.
const SHORT: usize = 6;
/// Spaces between columns.
const GAP: usize = 2;
/// Lines other than rows: the heading and two summaries of what is hidden.
const AROUND: usize = 3;

/// One row per machine, one column per phase. Phases that do not fit are listed below: first those that ended on all
/// machines, then those that started on none. Machines that do not fit are counted; failed and running ones come first.
pub fn grid(grid: &Grid, now: Timestamp, room: Room) -> String {
    let columns = columns(grid, now, room.width);
    let rows = rows(grid, room.height.map_or(usize::MAX, |height| height.saturating_sub(AROUND).max(1)));
    let headings: Vec<Column> = std::iter::once(Column::Name("MACHINE"))
        .chain(columns.shown.iter().map(|stage| Column::Name(heading(grid, *stage, columns.cut))))
        .collect();
    let row = |row: &usize| {
        let cells = columns.shown.iter().map(|stage| shown(state(grid, *row, *stage), now));
        std::iter::once(cell(grid.machine(*row))).chain(cells).collect()
    };
    // Rows are not wrapped: the terminal cuts a row that is too wide.
    let mut out = table(None, &headings, rows.iter().map(row));
    let below = [
        rest(grid, &rows),
        listed("done on all machines", grid, &columns.over),
        listed("not started", grid, &columns.to_come),
    ];
    let width = room.width.map_or(usize::MAX, usize::from);
    let cut = |line: String| format!("{}\n", line.chars().take(width).collect::<String>().trim_end());
    out.extend(below.into_iter().flatten().map(cut));
    out
}

/// Number of machines per state: `200 machines: 3 failed, 12 running, 185 done`.
pub fn tally(grid: &Grid) -> String {
    let all: Vec<usize> = (0..grid.count()).collect();
    format!("{}: {}", machines(grid.count()), counts(grid, &all))
}

/// Stages shown as columns, and those only listed.
struct Columns {
    shown: Vec<usize>,
    over: Vec<usize>,
    to_come: Vec<usize>,
    /// Maximum length of a heading.
    cut: usize,
}

fn columns(grid: &Grid, now: Timestamp, width: Width) -> Columns {
    let all = (0..grid.stages().len()).collect();
    let mut columns = Columns { shown: all, over: Vec::new(), to_come: Vec::new(), cut: usize::MAX };
    let Some(width) = width.map(usize::from) else { return columns };
    if needed(grid, &columns, now) > width {
        columns.cut = SHORT;
    }
    let everywhere = |stage: usize, holds: &dyn Fn(StageState) -> bool| {
        (0..grid.count()).filter_map(|row| grid.state(row, stage)).all(holds)
    };
    while needed(grid, &columns, now) > width && columns.shown.len() > 1 {
        let first = columns.shown[0];
        if everywhere(first, &StageState::is_over) {
            columns.over.push(columns.shown.remove(0));
            continue;
        }
        columns.to_come.extend(columns.shown.pop());
    }
    columns.to_come.reverse();
    columns
}

fn needed(grid: &Grid, columns: &Columns, now: Timestamp) -> usize {
    let names = (0..grid.count()).map(|row| grid.machine(row).len()).max().unwrap_or(0).max("MACHINE".len());
    let widest = |stage: &usize| {
        let cells = (0..grid.count()).map(|row| text(state(grid, row, *stage), now).len());
        cells.chain([heading(grid, *stage, columns.cut).len()]).max().unwrap_or(0) + GAP
    };
    // The last column needs no gap.
    (names + GAP + columns.shown.iter().map(widest).sum::<usize>()).saturating_sub(GAP)
}

fn heading(grid: &Grid, stage: usize, cut: usize) -> &'static str {
    let name = grid.stages()[stage].name();
    name.get(..cut.min(name.len())).unwrap_or(name)
}

/// Indexes of the rows to show, in order.
fn rows(grid: &Grid, most: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..grid.count()).collect();
    if rows.len() > most {
        rows.sort_by_key(|row| class(grid.overall(*row)));
        rows.truncate(most);
    }
    rows
}

fn class(state: StageState) -> usize {
    match state {
        StageState::Failed => 0,
        StageState::Running(_) => 1,
        StageState::Started => 2,
        StageState::Waiting => 3,
        StageState::Deleted => 4,
        StageState::Done | StageState::Already | StageState::NotNeeded => 5,
    }
}

/// Names of the classes, in display order.
const CLASSES: [&str; 6] = ["failed", "running", "started", "waiting", "deleted", "done"];

fn rest(grid: &Grid, shown: &[usize]) -> Option<String> {
    let rest: Vec<usize> = (0..grid.count()).filter(|row| !shown.contains(row)).collect();
    (!rest.is_empty()).then(|| format!("{} more: {}", rest.len(), counts(grid, &rest)))
}

fn counts(grid: &Grid, rows: &[usize]) -> String {
    let count = |number: usize| rows.iter().filter(|row| class(grid.overall(**row)) == number).count();
    let counted = CLASSES.iter().enumerate().map(|(number, name)| (count(number), name));
    let counted = counted.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    counted.collect::<Vec<_>>().join(", ")
}

fn listed(label: &str, grid: &Grid, stages: &[usize]) -> Option<String> {
    let names: Vec<&str> = stages.iter().map(|stage| grid.stages()[*stage].name()).collect();
    (!names.is_empty()).then(|| format!("{label}: {}", names.join(", ")))
}

/// Phases after a failed one are not going to start: they count as absent.
fn state(grid: &Grid, row: usize, stage: usize) -> Option<StageState> {
    let state = grid.state(row, stage)?;
    Some(state).filter(|state| *state != StageState::Waiting || grid.overall(row) != StageState::Failed)
}

fn text(state: Option<StageState>, now: Timestamp) -> String {
    match state {
        None => "-".to_owned(),
        Some(StageState::Failed) => "FAILED".to_owned(),
        Some(StageState::Running(since)) => ago(since, now),
        Some(StageState::Started) => "started".to_owned(),
        Some(StageState::Waiting) => "wait".to_owned(),
        Some(StageState::Deleted) => "deleted".to_owned(),
        Some(StageState::Done) => "done".to_owned(),
        Some(StageState::Already) => "ok".to_owned(),
        Some(StageState::NotNeeded) => "n/a".to_owned(),
    }
}

/// The text carries the meaning; colour only helps to find it.
fn shown(state: Option<StageState>, now: Timestamp) -> Cell {
    let cell = cell(text(state, now));
    match state {
        Some(StageState::Failed) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Some(StageState::Running(_)) => cell.fg(Color::Cyan),
        Some(StageState::Done | StageState::Already) => cell.fg(Color::Green),
        _ => cell.add_attribute(Attribute::Dim),
    }
}
