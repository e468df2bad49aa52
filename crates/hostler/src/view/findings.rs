//! Findings of a scan, each with its evidence.

use hostler_core::scan::{Confidence, Finding, Scan};

use super::words::{heading, plural};
use crate::table::{Column, Width, cell, table};

/// Findings, and files that could not be parsed.
pub fn findings(scan: &Scan, width: Width) -> String {
    let mut out =
        if scan.findings.is_empty() { "no requirements found\n".to_owned() } else { facts(&scan.findings, width) };
    if scan.findings.iter().any(|finding| finding.confidence == Confidence::Guessed) {
        out.push_str("\nGuesses are not applied; set them in a demand file or with an option.\n");
    }
    if !scan.problems.is_empty() {
        out.push_str(&heading(&plural(scan.problems.len(), "problem")));
        scan.problems.iter().for_each(|problem| out.push_str(&format!("  {problem}\n")));
    }
    out
}

fn facts(findings: &[Finding], width: Width) -> String {
    let columns = [
        Column::Name("REQUIREMENT"),
        Column::Left("VALUE"),
        Column::Name("CONFIDENCE"),
        Column::Name("LOCATION"),
        Column::Left("EVIDENCE"),
    ];
    let row = |finding: &Finding| {
        let more = if finding.also > 0 { format!(" (+{})", finding.also) } else { String::new() };
        vec![
            cell(finding.fact.name().replace('_', " ")),
            cell(one_line(&finding.fact.value())),
            coloured(finding.confidence),
            cell(finding.location() + &more),
            // If the file itself is the evidence, LOCATION already names it.
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

/// The first line of a script, and an ellipsis for the rest.
fn one_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}
