//! Free nodes, the earliest start and alternatives.

use hostler_core::availability::{Alternative, AvailabilityQuery, AvailabilityReport, Decision, NodeChoice, Tradeoff};
use jiff::SignedDuration;
use owo_colors::OwoColorize;

use super::words::{coarse, heading, indented, instant, plural};
use crate::table::{Column, Width, cell, facts, table};

/// The verdict, the counts behind it, the selected nodes and the alternatives.
pub fn availability(
    answer: &AvailabilityReport,
    question: &AvailabilityQuery,
    age: SignedDuration,
    width: Width,
) -> String {
    let mut out = format!("{}\n", verdict(answer, question));
    let free = match answer.free_at_earliest.filter(|_| answer.earliest != Some(answer.start)) {
        Some(later) => format!("{} at the requested start, {later} at the earliest", answer.free),
        None => answer.free.to_string(),
    };
    let (amount, duration) = (plural(answer.amount as usize, "node"), coarse(question.window.duration()));
    let mut numbers = vec![
        ("Requested", format!("{amount} for {duration} from {}", instant(answer.start))),
        ("Filter", question.filter.to_string()),
        ("Matching", plural(answer.pool, "node")),
        ("Free", free),
        ("Unknown", answer.unknown.to_string()),
        ("Maintenance", answer.maintenance.to_string()),
    ];
    if let Some(cost) = answer.service_units {
        numbers.push(("Cost", format!("{cost} SU")));
    }
    numbers.push(("Data", if age.as_secs() < 60 { "current".to_owned() } else { format!("{} old", coarse(age)) }));
    out.push_str(&indented(&facts(&numbers)));
    for note in &answer.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    if !answer.nodes.is_empty() {
        out.push_str(&heading("Selected nodes"));
        out.push_str(&nodes(&answer.nodes, width));
    }
    if !answer.alternatives.is_empty() {
        out.push_str(&heading("Alternatives"));
        out.push_str(&alternatives(&answer.alternatives, width));
    }
    out
}

fn verdict(answer: &AvailabilityReport, question: &AvailabilityQuery) -> String {
    let site = answer.site.as_deref().unwrap_or_default();
    let earliest = answer.earliest.map(instant).unwrap_or_default();
    match answer.decision {
        Decision::Now | Decision::SiteChange => format!("{} at `{site}`", "Free".green().bold()),
        Decision::TimeShift => format!("{} {earliest} at `{site}`", "Earliest start:".yellow().bold()),
        Decision::None => format!("{} within {}", "Not free".red().bold(), coarse(question.within)),
    }
}

fn nodes(nodes: &[NodeChoice], width: Width) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |node: &NodeChoice| {
        vec![
            cell(node.name.as_ref().unwrap_or(&node.uid)),
            cell(&node.site),
            cell(text(&node.node_type)),
            cell(text(&node.host_id)),
            cell(node.service_units_per_hour),
        ]
    };
    let columns = [
        Column::Name("NODE"),
        Column::Name("SITE"),
        Column::Name("TYPE"),
        Column::Left("HOST ID"),
        Column::Right("SU/H"),
    ];
    table(width, &columns, nodes.iter().map(row))
}

fn alternatives(alternatives: &[Alternative], width: Width) -> String {
    let row = |found: &Alternative| {
        let what = match found.instead {
            Tradeoff::Later => "later start",
            Tradeoff::OtherSite => "other site",
            Tradeoff::FewerNodes => "fewer nodes",
            Tradeoff::SmallerHardware => "smaller hardware",
        };
        vec![
            cell(what),
            cell(&found.site),
            cell(instant(found.start)),
            cell(found.amount),
            cell(found.filter.clone().unwrap_or_else(|| found.node_types.join("\n"))),
            cell(found.service_units),
            cell(found.note.as_deref().unwrap_or_default()),
        ]
    };
    let columns = [
        Column::Left("TRADE-OFF"),
        Column::Name("SITE"),
        Column::Name("START"),
        Column::Right("NODES"),
        if alternatives.iter().any(|found| found.filter.is_some()) {
            Column::Left("NODE TYPES")
        } else {
            Column::Name("NODE TYPES")
        },
        Column::Right("SU"),
        Column::Left("NOTE"),
    ];
    table(width, &columns, alternatives.iter().map(row))
}
