//! Entry points: a `Procfile`, or a program with a typical name.

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};

/// Records the command of a `Procfile`. Several commands are all guesses.
pub(super) fn scan_procfile(findings: &mut FileFindings<'_>, text: &str) {
    let command = |line: &'_ str| {
        let (name, command) = line.split_once(':')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (is_name && !command.trim().is_empty()).then(|| command.trim().to_owned())
    };
    let commands: Vec<(u32, String)> =
        (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, command(text)?))).collect();
    let confidence = if commands.len() == 1 { Confidence::Implied } else { Confidence::Guessed };
    for (line, command) in commands {
        findings.add(ScanFact::Run(command.clone()), confidence, line, &command);
    }
}

/// Records `main.py` or `train.py` at the top level as a guess, since its arguments are unknown.
pub(super) fn note_program(findings: &mut FileFindings<'_>) {
    findings.add_for_file(ScanFact::Run(format!("python {}", findings.file)), Confidence::Guessed);
}
