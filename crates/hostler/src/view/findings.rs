//! What a scan found, each fact with the line that says so.

use hostler_core::scan::{Confidence, Finding, Scan};

use super::words::{heading, plural};
use crate::table::{Column, Width, cell, table};

/// The findings, what they ask for, and what could not be read.
pub fn findings(scan: &Scan, width: Width) -> String {
    let mut out = if scan.findings.is_empty() {
        "nothing was found that says what this repository needs\n".to_owned()
    } else {
        facts(&scan.findings, width)
    };
    if scan.findings.iter().any(|finding| finding.confidence == Confidence::Guessed) {
        out.push_str("\nWhat is guessed is not asked for: say so in a demand file, or by a flag.\n");
    }
    if !scan.problems.is_empty() {
        out.push_str(&heading(&format!("{} not understood", plural(scan.problems.len(), "place"))));
        scan.problems.iter().for_each(|problem| out.push_str(&format!("  {problem}\n")));
    }
    out
}

fn facts(findings: &[Finding], width: Width) -> String {
    let columns = [
        Column::Name("FACT"),
        Column::Left("VALUE"),
        Column::Name("SURE"),
        Column::Name("WHERE"),
        Column::Left("EVIDENCE"),
    ];
    let row = |finding: &Finding| {
        let more = if finding.also > 0 { format!(" (+{})", finding.also) } else { String::new() };
        vec![
            cell(finding.fact.name().replace('_', " ")),
            cell(one_line(&finding.fact.value())),
            coloured(finding.confidence),
            cell(finding.place() + &more),
            // Where the file's being there is the evidence, its name has been said.
            cell(if finding.evidence == finding.file { "" } else { &finding.evidence }),
        ]
    };
    table(width, &columns, findings.iter().map(row))
}

fn coloured(confidence: Confidence) -> comfy_table::Cell {
    use comfy_table::Color;
    let plain = cell(confidence);
    match confidence {
        Confidence::Stated => plain.fg(Color::Green),
        Confidence::Implied => plain,
        Confidence::Guessed => plain.fg(Color::Yellow),
    }
}

/// A script as its first line.
fn one_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}
