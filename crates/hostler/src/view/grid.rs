//! Machines by phases, as text for any width and height.

use comfy_table::{Attribute, Cell, Color};
use jiff::Timestamp;

use super::words::{ago, machines};
use crate::grid::{Grid, Standing};
use crate::table::{Column, Width, cell, table};

/// How much room there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// In columns.
    pub width: Width,
    /// In lines; as many as it needs where there is no limit.
    pub height: Option<usize>,
}

/// So many letters of a phase's name tell it from all others.
const SHORT: usize = 6;
/// Between two columns.
const GAP: usize = 2;
/// The heading, and what is said of those that are not shown.
const AROUND: usize = 3;

/// A row for each machine and a column for each phase. Where there are more phases than fit, those that are over on all
/// machines are named below, and then those that have begun on none; where there are more machines, those that failed or
/// are worked on come first, and the rest is counted.
pub fn grid(grid: &Grid, now: Timestamp, room: Room) -> String {
    let columns = columns(grid, now, room.width);
    let rows = rows(grid, room.height.map_or(usize::MAX, |height| height.saturating_sub(AROUND).max(1)));
    let headings: Vec<Column> = std::iter::once(Column::Name("MACHINE"))
        .chain(columns.shown.iter().map(|stage| Column::Name(heading(grid, *stage, columns.cut))))
        .collect();
    let row = |row: &usize| {
        let cells = columns.shown.iter().map(|stage| shown(standing(grid, *row, *stage), now));
        std::iter::once(cell(grid.machine(*row))).chain(cells).collect()
    };
    // No line is broken: a row that is too wide for any terminal is cut by it.
    let mut out = table(None, &headings, rows.iter().map(row));
    let below = [
        rest(grid, &rows),
        elsewhere("done everywhere", grid, &columns.over),
        elsewhere("still to come", grid, &columns.to_come),
    ];
    let width = room.width.map_or(usize::MAX, usize::from);
    let cut = |line: String| format!("{}\n", line.chars().take(width).collect::<String>().trim_end());
    out.extend(below.into_iter().flatten().map(cut));
    out
}

/// How many machines stand where: `200 machines: 3 failed, 12 running, 185 done`.
pub fn tally(grid: &Grid) -> String {
    let all: Vec<usize> = (0..grid.count()).collect();
    format!("{}: {}", machines(grid.count()), counts(grid, &all))
}

/// Which stages are columns, and which are only named.
struct Columns {
    shown: Vec<usize>,
    over: Vec<usize>,
    to_come: Vec<usize>,
    /// How much of a heading is shown.
    cut: usize,
}

fn columns(grid: &Grid, now: Timestamp, width: Width) -> Columns {
    let all = (0..grid.stages().len()).collect();
    let mut columns = Columns { shown: all, over: Vec::new(), to_come: Vec::new(), cut: usize::MAX };
    let Some(width) = width.map(usize::from) else { return columns };
    if needed(grid, &columns, now) > width {
        columns.cut = SHORT;
    }
    let everywhere = |stage: usize, holds: &dyn Fn(Standing) -> bool| {
        (0..grid.count()).filter_map(|row| grid.standing(row, stage)).all(holds)
    };
    while needed(grid, &columns, now) > width && columns.shown.len() > 1 {
        let first = columns.shown[0];
        if everywhere(first, &Standing::is_over) {
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
        let cells = (0..grid.count()).map(|row| text(standing(grid, row, *stage), now).len());
        cells.chain([heading(grid, *stage, columns.cut).len()]).max().unwrap_or(0) + GAP
    };
    // The last column needs no gap.
    (names + GAP + columns.shown.iter().map(widest).sum::<usize>()).saturating_sub(GAP)
}

fn heading(grid: &Grid, stage: usize, cut: usize) -> &'static str {
    let name = grid.stages()[stage].name();
    name.get(..cut.min(name.len())).unwrap_or(name)
}

/// Those that are shown, in order.
fn rows(grid: &Grid, most: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..grid.count()).collect();
    if rows.len() > most {
        rows.sort_by_key(|row| class(grid.overall(*row)));
        rows.truncate(most);
    }
    rows
}

fn class(standing: Standing) -> usize {
    match standing {
        Standing::Failed => 0,
        Standing::Running(_) => 1,
        Standing::Begun => 2,
        Standing::Waiting => 3,
        Standing::Gone => 4,
        Standing::Done | Standing::Already | Standing::NotNeeded => 5,
    }
}

/// What machines are counted as, in the order in which they are shown.
const CLASSES: [&str; 6] = ["failed", "running", "begun", "waiting", "gone", "done"];

fn rest(grid: &Grid, shown: &[usize]) -> Option<String> {
    let rest: Vec<usize> = (0..grid.count()).filter(|row| !shown.contains(row)).collect();
    (!rest.is_empty()).then(|| format!("and {} more: {}", rest.len(), counts(grid, &rest)))
}

fn counts(grid: &Grid, rows: &[usize]) -> String {
    let count = |wanted: usize| rows.iter().filter(|row| class(grid.overall(**row)) == wanted).count();
    let counted = CLASSES.iter().enumerate().map(|(number, name)| (count(number), name));
    let counted = counted.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    counted.collect::<Vec<_>>().join(", ")
}

fn elsewhere(what: &str, grid: &Grid, stages: &[usize]) -> Option<String> {
    let names: Vec<&str> = stages.iter().map(|stage| grid.stages()[*stage].name()).collect();
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}

/// Behind what failed nothing is waited for.
fn standing(grid: &Grid, row: usize, stage: usize) -> Option<Standing> {
    let standing = grid.standing(row, stage)?;
    Some(standing).filter(|standing| *standing != Standing::Waiting || grid.overall(row) != Standing::Failed)
}

fn text(standing: Option<Standing>, now: Timestamp) -> String {
    match standing {
        None => "-".to_owned(),
        Some(Standing::Failed) => "FAILED".to_owned(),
        Some(Standing::Running(since)) => ago(since, now),
        Some(Standing::Begun) => "begun".to_owned(),
        Some(Standing::Waiting) => "wait".to_owned(),
        Some(Standing::Gone) => "gone".to_owned(),
        Some(Standing::Done) => "done".to_owned(),
        Some(Standing::Already) => "as is".to_owned(),
        Some(Standing::NotNeeded) => "n/a".to_owned(),
    }
}

/// The words say all; colours only help to find them.
fn shown(standing: Option<Standing>, now: Timestamp) -> Cell {
    let cell = cell(text(standing, now));
    match standing {
        Some(Standing::Failed) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Some(Standing::Running(_)) => cell.fg(Color::Cyan),
        Some(Standing::Done | Standing::Already) => cell.fg(Color::Green),
        _ => cell.add_attribute(Attribute::Dim),
    }
}
