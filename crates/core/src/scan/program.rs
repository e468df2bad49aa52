//! What to run: a `Procfile`, or a program whose name says it.

use super::finding::{Confidence, Fact};
use super::notes::Notes;

/// `Procfile`: its one command. Of several, none is more than a guess.
pub(super) fn scan_procfile(notes: &mut Notes<'_>, text: &str) {
    let command = |line: &'_ str| {
        let (name, command) = line.split_once(':')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (is_name && !command.trim().is_empty()).then(|| command.trim().to_owned())
    };
    let commands: Vec<(u32, String)> =
        (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, command(text)?))).collect();
    let sure = if commands.len() == 1 { Confidence::Implied } else { Confidence::Guessed };
    for (line, command) in commands {
        notes.add(Fact::Run(command.clone()), sure, line, &command);
    }
}

/// `main.py` or `train.py` at the top: a guess, since nobody says with which arguments it runs.
pub(super) fn note_program(notes: &mut Notes<'_>) {
    notes.add_for_file(Fact::Run(format!("python {}", notes.file)), Confidence::Guessed);
}
