//! The list of deployments.

use comfy_table::{Cell, Color};
use hostler_core::journal::DeploymentState;
use jiff::Timestamp;

use super::words::{ago, coarse, price};
use crate::table::{Column, Width, cell, table};
use hostler_engine::operate::Summary;

/// Columns from which on `setting up (interrupted)` fits into one line.
const WIDE: u16 = 100;

/// One line per deployment.
pub fn deployments(all: &[Summary], now: Timestamp, width: Width) -> String {
    use Column::{Name, Right};
    let columns = [
        Name("NAME"),
        Name("STATE"),
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
            state(summary, width),
            cell(summary.machines.len()),
            cell(sites.join(", ")),
            cell(ago(summary.created, now)),
            cell(ends_in(summary, now)),
            cell(price(summary.price_per_hour, summary.unit)),
            cell(price(summary.cost, summary.unit)),
        ]
    };
    table(width, &columns, all.iter().map(row))
}

fn state(summary: &Summary, width: Width) -> Cell {
    let narrow = width.is_some_and(|width| width < WIDE);
    let text = state_text(summary).replace(" (", if narrow { "\n(" } else { " (" });
    match summary.state {
        DeploymentState::Ready => cell(text).fg(Color::Green),
        DeploymentState::Stuck => cell(text).fg(Color::Red),
        DeploymentState::Stopped | DeploymentState::Down | DeploymentState::RolledBack => cell(text),
        _ => cell(text).fg(Color::Yellow),
    }
}

/// The state. A deployment in a transient state that no process works on was interrupted.
pub(super) fn state_text(summary: &Summary) -> String {
    use DeploymentState::{GoingDown, Launching, RollingBack, SettingUp};
    let is_transient = matches!(summary.state, Launching | SettingUp | RollingBack | GoingDown);
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
