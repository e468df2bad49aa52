//! What can be had when.

use hostler_core::availability::{Alternative, Answer, Choice, Decision, Instead, Question};
use jiff::SignedDuration;
use owo_colors::OwoColorize;

use super::words::{coarse, heading, indented, instant, plural};
use crate::table::{Column, Width, cell, facts, table};

/// The answer in one line, in numbers, its nodes, and what else there is.
pub fn availability(answer: &Answer, question: &Question, age: SignedDuration, width: Width) -> String {
    let mut out = format!("{}\n", verdict(answer, question));
    let free = match answer.free_at_earliest.filter(|_| answer.earliest != Some(answer.start)) {
        Some(later) => format!("{} at the start, {later} then", answer.free),
        None => format!("{} at the start", answer.free),
    };
    let (amount, duration) = (plural(answer.amount as usize, "node"), coarse(question.window.duration()));
    let mut numbers = vec![
        ("wanted", format!("{amount} for {duration} from {}", instant(answer.start))),
        ("filter", question.filter.to_string()),
        ("pool", plural(answer.pool, "node")),
        ("free", free),
        ("unknown", answer.unknown.to_string()),
        ("maintenance", answer.maintenance.to_string()),
    ];
    if let Some(cost) = answer.service_units {
        numbers.push(("cost", format!("{cost} service units")));
    }
    numbers.push(("data", if age.as_secs() < 60 { "of now".to_owned() } else { format!("{} old", coarse(age)) }));
    out.push_str(&indented(&facts(&numbers)));
    for note in &answer.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    if !answer.nodes.is_empty() {
        out.push_str(&heading("to take"));
        out.push_str(&nodes(&answer.nodes, width));
    }
    if !answer.alternatives.is_empty() {
        out.push_str(&heading("instead"));
        out.push_str(&alternatives(&answer.alternatives, width));
    }
    out
}

fn verdict(answer: &Answer, question: &Question) -> String {
    let site = answer.site.as_deref().unwrap_or_default();
    let earliest = answer.earliest.map(instant).unwrap_or_default();
    match answer.decision {
        Decision::Now | Decision::SiteChange => format!("{} at `{site}`", "free".green().bold()),
        Decision::TimeShift => format!("{} {earliest}, at `{site}`", "not before".yellow().bold()),
        Decision::None => format!("{} {}", "not within".red().bold(), coarse(question.within)),
    }
}

fn nodes(nodes: &[Choice], width: Width) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |node: &Choice| {
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
            Instead::Later => "later",
            Instead::OtherSite => "other site",
            Instead::FewerNodes => "fewer nodes",
            Instead::SmallerHardware => "smaller hardware",
        };
        vec![
            cell(what),
            cell(&found.site),
            cell(instant(found.start)),
            cell(found.amount),
            cell(found.filter.clone().unwrap_or_else(|| found.node_types.join(", "))),
            cell(found.service_units),
            cell(found.note.as_deref().unwrap_or_default()),
        ]
    };
    let columns = [
        Column::Left("GIVING UP"),
        Column::Name("SITE"),
        Column::Name("FROM"),
        Column::Right("NODES"),
        Column::Left("WHICH"),
        Column::Right("SU"),
        Column::Left("COMPARED"),
    ];
    table(width, &columns, alternatives.iter().map(row))
}
