//! One deployment in detail.

use hostler_core::journal::DeploymentState;
use hostler_core::plan::ResourceKind;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;

use super::deployments::state_text;
use super::failure::{SHOWN, also_failed};
use super::grid::{Room, grid, tally};
use super::plan::shape;
use super::remaining::remaining;
use super::words::{ago, coarse, heading, instant, plural, price};
use crate::table::{Column, Width, cell, facts, table};
use hostler_engine::operate::{MachineSummary, StepSummary, Summary};

/// The deployment, its machines, steps and other resources.
pub fn status(summary: &Summary, now: Timestamp, width: Width) -> String {
    let mut out = facts(&[
        ("Name", summary.name.bold().to_string()),
        ("State", state_text(summary)),
        ("Created", format!("{} ({} ago)", instant(summary.created), ago(summary.created, now))),
        end(summary, now),
        (
            "Cost",
            format!("{} so far, {}/h", price(summary.cost, summary.unit), price(summary.price_per_hour, summary.unit)),
        ),
        ("Plan", summary.plan.to_string()),
        ("ID", summary.id.to_string()),
    ]);
    out.push('\n');
    out.push_str(&machines(&summary.machines, width));
    out.push_str(&heading(&plural(summary.steps.len(), "step")));
    out.push_str(&match summary.machines.len() {
        0 | 1 => steps(summary.steps.iter(), now, width),
        _ => by_machine(summary, now, width),
    });
    let others: Vec<_> = summary.left.iter().filter(|left| left.kind != ResourceKind::Machine).cloned().collect();
    if !others.is_empty() {
        out.push_str(&heading("Other resources"));
        out.push_str(&remaining(&others, width));
    }
    let logins: Vec<&str> = summary.machines.iter().filter_map(|machine| machine.ssh.as_deref()).collect();
    if !logins.is_empty() {
        out.push('\n');
        logins.iter().for_each(|login| out.push_str(&format!("{login}\n")));
    }
    out
}

/// The end, which no longer matters once nothing is left.
fn end(summary: &Summary, now: Timestamp) -> (&'static str, String) {
    let ends = match (summary.closed, summary.until) {
        (Some(closed), _) => return ("Closed", format!("{} ({} ago)", instant(closed), ago(closed, now))),
        (None, None) => format!("never (until `hostler down {}`)", summary.name),
        (None, Some(until)) if until <= now => format!("{} (expired {} ago)", instant(until), ago(until, now)),
        (None, Some(until)) => format!("{} (in {})", instant(until), coarse(until.duration_since(now))),
    };
    ("Ends", ends)
}

/// Message that the end of a deployment was moved: `digits ends 2026-03-01T16:00:00Z (in 4h)`.
pub fn extended(summary: &Summary, now: Timestamp) -> String {
    format!("{} {} {}\n", summary.name.bold(), end(summary, now).0.to_lowercase(), end(summary, now).1)
}

/// Message that a deployment is ready, and the login commands.
pub fn ready(summary: &Summary, width: Width) -> String {
    let took = coarse(SignedDuration::from_secs(summary.round_seconds.unwrap_or_default()));
    let mut out = format!("{} is ready ({took})\n\n", summary.name.bold());
    if summary.machines.len() > 1 {
        out.push_str(&machines(&summary.machines, width));
        out.push('\n');
    }
    for login in summary.machines.iter().filter_map(|machine| machine.ssh.as_deref()) {
        out.push_str(&format!("{login}\n"));
    }
    out
}

/// Result of a round that ran only some phases.
pub fn set_up(summary: &Summary, width: Width) -> String {
    if summary.state == DeploymentState::Ready {
        return ready(summary, width);
    }
    let name = &summary.name;
    let mut out = format!("{}: the selected phases are done\n", name.bold());
    out.push_str(&format!("`hostler setup {name}` runs the other phases, `hostler up {name}` also the `run` script\n"));
    out
}

fn machines(machines: &[MachineSummary], width: Width) -> String {
    use Column::{Left, Name};
    let columns = [Name("MACHINE"), Name("STATE"), Name("ADDRESS"), Name("SITE"), Name("NODE TYPE"), Left("SIZE")];
    let row = |machine: &MachineSummary| {
        let address = match (&machine.address, machine.port) {
            (Some(address), Some(22) | None) => address.clone(),
            (Some(address), Some(port)) => format!("{address}:{port}"),
            (None, _) => "-".to_owned(),
        };
        vec![
            cell(&machine.name),
            cell(machine.status.text()),
            cell(address),
            cell(&machine.site),
            cell(&machine.node_type),
            cell(shape(&machine.shape)),
        ]
    };
    table(width, &columns, machines.iter().map(row))
}

/// Steps of no single machine as a list, the others as a table of machines and phases, and the failures.
fn by_machine(summary: &Summary, now: Timestamp, width: Width) -> String {
    let (single, of_all): (Vec<_>, Vec<_>) = summary.steps.iter().partition(|step| step.machine.is_some());
    let mut out = if of_all.is_empty() { String::new() } else { steps(of_all.into_iter(), now, width) + "\n" };
    out.push_str(&grid(&summary.grid, now, Room { width, height: None }));
    out.push_str(&format!("{}\n", tally(&summary.grid)));
    let failed: Vec<&StepSummary> = single.into_iter().filter(|step| step.failure.is_some()).collect();
    if !failed.is_empty() {
        out.push_str(&heading("Failed"));
        let (shown, rest) = failed.split_at(failed.len().min(SHOWN));
        out.push_str(&steps(shown.iter().copied(), now, width));
        out.push_str(&also_failed(rest, |step| step.step.clone()));
    }
    out
}

fn steps<'s>(steps: impl Iterator<Item = &'s StepSummary>, now: Timestamp, width: Width) -> String {
    let columns = [Column::Name("STEP"), Column::Name("STATE"), Column::Right("AGO"), Column::Left("REASON")];
    let row = |step: &StepSummary| {
        let when = step.at.map(|at| ago(at, now)).unwrap_or_default();
        let why = step.failure.as_deref().unwrap_or_default();
        vec![cell(&step.step), cell(step.status.replace('_', " ")), cell(when), cell(why)]
    };
    table(width, &columns, steps.map(row))
}
