//! The calendar as text: one letter per lease, explained by a table below.

use hostler_core::inventory::NodeState;
use hostler_core::time::Window;
use jiff::SignedDuration;
use owo_colors::OwoColorize;

use super::model::{Calendar, CalendarLease, Row, minute, step};
use crate::table::{Column, Width, cell, table};
use crate::view::words::{coarse, plural};

/// Width where there is no limit.
const WIDEST: usize = 200;
/// Longer node names are cut.
const LONGEST_LABEL: usize = 20;
/// Columns between time headings.
const EVERY: usize = 14;
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

pub(super) fn text(calendar: &Calendar<'_>, width: Width) -> String {
    let label = calendar
        .rows
        .iter()
        .map(|row| row.label.chars().count())
        .max()
        .unwrap_or(0)
        .clamp("requested".len(), LONGEST_LABEL);
    let room = width.map_or(WIDEST, usize::from).saturating_sub(label + 1).max(1);
    let step = step(&calendar.shown, room);
    let cells = cells(&calendar.shown, step, room);
    let mut out =
        format!("\n{}, one column per {}, times in UTC\n", plural(calendar.rows.len(), "node").bold(), coarse(step));
    out.push_str(&line("", label, &headings(&cells)));
    let framed = |cell: &Window| if cell.overlaps(&calendar.framed) { 'v' } else { ' ' };
    out.push_str(&line(calendar.frame.label(), label, &cells.iter().map(framed).collect::<String>()));
    for row in &calendar.rows {
        out.push_str(&line(row.label, label, &cells.iter().map(|cell| mark(row, cell)).collect::<String>()));
    }
    out.push_str("\n. free   ? unknown   x maintenance   + several leases   # other leases\n");
    if !calendar.leases.is_empty() {
        out.push('\n');
        out.push_str(&leases(&calendar.leases, width));
    }
    out
}

fn cells(shown: &Window, step: SignedDuration, room: usize) -> Vec<Window> {
    let next = |cell: &Window| Window::starting_at(cell.end(), step).ok().filter(|next| next.start() < shown.end());
    std::iter::successors(Window::starting_at(shown.start(), step).ok(), next).take(room).collect()
}

fn line(label: &str, width: usize, cells: &str) -> String {
    let label = match label.chars().count() {
        long if long > width => label.chars().take(width - 1).chain(['…']).collect(),
        _ => label.to_owned(),
    };
    let line = format!("{label:width$} {cells}");
    format!("{}\n", line.trim_end())
}

/// Start of the column below: month, day and time.
fn headings(cells: &[Window]) -> String {
    let mut out = String::new();
    for cell in cells.iter().step_by(EVERY) {
        let heading = cell.start().strftime("|%m-%d %H:%M").to_string();
        out.push_str(&format!("{heading:EVERY$}"));
    }
    // A heading that would exceed the last column is left out.
    let whole = cells.len() / EVERY * EVERY;
    let fits = if cells.len() - whole >= 12 { cells.len() } else { whole };
    out.chars().take(fits.max(12.min(cells.len()))).collect()
}

fn mark(row: &Row<'_>, cell: &Window) -> char {
    let mut held = row.held.iter().filter(|held| held.window.overlaps(cell)).map(|held| held.lease);
    let empty = match row.state {
        NodeState::Reservable => '.',
        NodeState::Maintenance => 'x',
        NodeState::Unmapped | NodeState::NeverSynced => '?',
    };
    match (held.next(), held.next()) {
        (None, _) => empty,
        (Some(_), _) if row.state == NodeState::Maintenance => 'x',
        (Some(first), Some(second)) if first != second => '+',
        (Some(lease), _) => letter(lease),
    }
}

fn letter(lease: usize) -> char {
    LETTERS.chars().nth(lease).unwrap_or('#')
}

fn leases(leases: &[CalendarLease<'_>], width: Width) -> String {
    let row = |(index, lease): (usize, &CalendarLease<'_>)| {
        vec![
            cell(letter(index)),
            cell(lease.id),
            cell(lease.nodes),
            cell(minute(lease.start)),
            cell(minute(lease.end)),
            cell(if lease.user.is_empty() { "-" } else { lease.user }),
        ]
    };
    let columns = [
        Column::Name(" "),
        Column::Name("LEASE"),
        Column::Right("NODES"),
        Column::Left("START"),
        Column::Left("END"),
        Column::Left("USER"),
    ];
    table(width, &columns, leases.iter().enumerate().map(row))
}
