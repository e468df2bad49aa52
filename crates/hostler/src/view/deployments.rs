//! The list of deployments.

use comfy_table::{Cell, Color};
use hostler_core::journal::State;
use jiff::Timestamp;

use super::words::{ago, coarse, money};
use crate::table::{Column, Width, cell, table};
use hostler_engine::operate::Summary;

/// One line per deployment.
pub fn deployments(all: &[Summary], now: Timestamp, width: Width) -> String {
    use Column::{Left, Name, Right};
    let columns = [
        Name("NAME"),
        Left("STATE"),
        Right("MACHINES"),
        Name("SITE"),
        Right("AGE"),
        Right("ENDS IN"),
        Right("PRICE/H"),
        Right("COST"),
    ];
    let row = |summary: &Summary| {
        let sites: Vec<String> = summary.sites.iter().map(ToString::to_string).collect();
        vec![
            cell(&summary.name),
            state(summary),
            cell(summary.machines.len()),
            cell(sites.join(", ")),
            cell(ago(summary.created, now)),
            cell(ends_in(summary, now)),
            cell(money(summary.price_per_hour)),
            cell(money(summary.cost)),
        ]
    };
    table(width, &columns, all.iter().map(row))
}

fn state(summary: &Summary) -> Cell {
    let text = state_text(summary);
    match summary.state {
        State::Ready => cell(text).fg(Color::Green),
        State::Stuck => cell(text).fg(Color::Red),
        State::Stopped | State::Released | State::RolledBack => cell(text),
        _ => cell(text).fg(Color::Yellow),
    }
}

/// The state. A deployment in a transient state that no process works on was interrupted.
pub(super) fn state_text(summary: &Summary) -> String {
    use State::{Launching, Releasing, RollingBack, SettingUp};
    let is_transient = matches!(summary.state, Launching | SettingUp | RollingBack | Releasing);
    let state = match (is_transient, summary.busy) {
        (true, false) => format!("{} (interrupted)", summary.state),
        _ => summary.state.to_string(),
    };
    if summary.held { format!("{state}, held") } else { state }
}

fn ends_in(summary: &Summary, now: Timestamp) -> String {
    match summary.until {
        None => "-".to_owned(),
        Some(until) if until <= now => "expired".to_owned(),
        Some(until) => coarse(until.duration_since(now)),
    }
}
