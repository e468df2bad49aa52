//! Wording: how doc comments open, phrases that users do not understand, and the command line in library crates.

use std::collections::BTreeMap;
use std::path::Path;

use crate::product::Literal;
use crate::text::Text;
use crate::{Finding, rust};

/// Words that a doc comment must not open with: the noun or the verb of what it documents comes first.
const OPENERS: [&str; 7] = ["What", "Whether", "Whose", "Where", "Who", "How", "That"];

/// Share of doc comments, in percent, below which bad openings pass: some quote a word such as What.
pub const OPENINGS_ALLOWED: f64 = 1.0;

/// Doc comments, and those that open with a word other than the noun or verb of what they document.
#[derive(Debug, Default)]
pub struct Openings {
    /// Number of doc comments.
    pub comments: usize,
    /// Those that open with one of the words.
    pub bad: Vec<Finding>,
}

impl Openings {
    /// Of all doc comments the share that opens badly, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        100.0 * self.bad.len() as f64 / self.comments.max(1) as f64
    }

    /// Counts a file's doc comments. Adjacent lines of one kind are one comment.
    pub fn add(&mut self, file: &Path, text: &str) {
        let mut before = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let mark = ["///", "//!"].into_iter().find(|mark| line.starts_with(mark) && !line.starts_with("////"));
            if let Some(mark) = mark
                && before != Some(mark)
            {
                self.comments += 1;
                let first = line[mark.len()..].split_whitespace().next().unwrap_or_default();
                let first = first.trim_end_matches(|character: char| !character.is_alphabetic());
                if OPENERS.contains(&first) {
                    self.bad.push(Finding::new(file, index + 1, format!("a doc comment opens with `{first}`")));
                }
            }
            before = mark;
        }
    }
}

/// The banned phrases with their replacements.
#[derive(Debug)]
pub struct Phrases {
    phrases: Vec<(String, String)>,
    allowed: BTreeMap<String, Vec<String>>,
}

impl Phrases {
    /// Reads the list: lines `PHRASE -> REPLACEMENT` and `allow PATH: PHRASE`.
    ///
    /// # Errors
    ///
    /// The first line that is neither.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Finding> {
        let mut this = Self { phrases: Vec::new(), allowed: BTreeMap::new() };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let allowed = line.strip_prefix("allow ").and_then(|rest| rest.split_once(": "));
            if let Some((path, phrase)) = allowed {
                this.allowed.entry(path.to_owned()).or_default().push(phrase.to_owned());
            } else if let Some((phrase, instead)) = line.split_once(" -> ") {
                this.phrases.push((phrase.to_lowercase(), instead.to_owned()));
            } else {
                return Err(Finding::new(file, index + 1, "neither `PHRASE -> REPLACEMENT` nor `allow PATH: PHRASE`"));
            }
        }
        Ok(this)
    }

    /// The banned phrases in text of a file that starts at a line. Of overlapping phrases the longest is reported.
    #[must_use]
    pub fn find(&self, file: &Path, text: &str, first_line: usize) -> Vec<Finding> {
        let prepared = Text::new(text, first_line);
        let allowed = self.allowed.get(&*file.to_string_lossy());
        let mut found: Vec<(usize, &str, &str)> = Vec::new();
        for (phrase, instead) in &self.phrases {
            if allowed.is_some_and(|allowed| allowed.contains(phrase)) {
                continue;
            }
            found.extend(prepared.lines_with(phrase).into_iter().map(|line| (line, phrase.as_str(), instead.as_str())));
        }
        let is_part = |line: usize, phrase: &str| {
            found.iter().any(|(at, other, _)| *at == line && other.len() > phrase.len() && other.contains(phrase))
        };
        found
            .iter()
            .filter(|(line, phrase, _)| !is_part(*line, phrase))
            .map(|(line, phrase, instead)| Finding::new(file, *line, format!("`{phrase}`: write {instead}")))
            .collect()
    }
}

/// Mentions of hostler's command line in a literal of a library crate: `hostler VERB`, or an option in backticks.
#[must_use]
pub fn command_line(literal: &Literal, verbs: &[String]) -> Option<Finding> {
    let source = &literal.source;
    let verb = source.match_indices("hostler ").find_map(|(at, found)| {
        let rest = &source[at + found.len()..];
        let word: String =
            rest.chars().take_while(|character| character.is_ascii_lowercase() || *character == '-').collect();
        let is_start =
            !source[..at].ends_with(|character: char| character.is_alphanumeric() || "-_/.".contains(character));
        (is_start && verbs.contains(&word)).then(|| format!("hostler {word}"))
    });
    let option = source.find("`--").map(|at| {
        let rest = &source[at + 1..];
        rest.chars().take_while(|character| character.is_ascii_lowercase() || *character == '-').collect()
    });
    let found = verb.or(option)?;
    let message = format!("`{found}`: a library error carries data; `crates/hostler` adds commands to type");
    Some(Finding::new(&literal.file, literal.line, message))
}

/// The verbs of the command line: the names of the enum `Verb` in `crates/hostler/src/args/cli.rs`, in kebab case.
///
/// # Errors
///
/// The file is not valid Rust, or has no such enum.
pub fn verbs(file: &Path, text: &str) -> Result<Vec<String>, Finding> {
    let syntax = rust::parse(file, text)?;
    let command = syntax.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "Verb" => Some(item),
        _ => None,
    });
    let command = command.ok_or_else(|| Finding::new(file, 1, "no enum `Verb` with the verbs"))?;
    Ok(command.variants.iter().map(|variant| kebab(&variant.ident.to_string())).collect())
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (index, character) in name.char_indices() {
        if character.is_uppercase() && index > 0 {
            text.push('-');
        }
        text.extend(character.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Openings, Phrases, command_line, verbs};
    use crate::Finding;
    use crate::product::Literal;

    const FILE: &str = "a.rs";

    #[test]
    fn only_the_first_line_of_a_doc_comment_counts() {
        let mut openings = Openings::default();
        openings.add(
            Path::new(FILE),
            "//! Parses.\n//! What it reads.\n\n/// What a site has.\nfn a() {}\n    /// Whatever: fine.\n// What is code.\n",
        );
        assert_eq!(openings.comments, 3);
        assert_eq!(openings.bad, [Finding::new(FILE, 4, "a doc comment opens with `What`")]);
    }

    fn phrases() -> Phrases {
        let list = "# comment\n\nours -> hostler's\nof ours -> created by hostler\nallow b.rs: ours\n";
        Phrases::parse(Path::new("list"), list).expect("a list")
    }

    #[test]
    fn the_longest_phrase_is_reported_with_its_replacement() {
        let found = phrases().find(Path::new(FILE), "\"\nnone of ours\"", 7);
        assert_eq!(found, [Finding::new(FILE, 8, "`of ours`: write created by hostler")]);
    }

    #[test]
    fn a_file_may_be_allowed_a_phrase() {
        assert_eq!(phrases().find(Path::new("b.rs"), "ours", 1), []);
    }

    #[test]
    fn a_line_that_is_no_rule_is_an_error_with_its_line() {
        let error = Phrases::parse(Path::new("list"), "# comment\nours\n").expect_err("no rule");
        assert_eq!((error.file.as_path(), error.line), (Path::new("list"), 2));
    }

    #[track_caller]
    fn says(source: &str) -> Option<String> {
        let verbs = ["down".to_owned(), "cost-report".to_owned()];
        let literal = Literal { file: FILE.into(), line: 3, source: source.to_owned() };
        let finding = command_line(&literal, &verbs)?;
        assert_eq!(finding.line, 3);
        Some(finding.message.split('`').nth(1).expect("a name").to_owned())
    }

    #[test]
    fn commands_and_options_of_hostler_are_found() {
        assert_eq!(says("\"run `hostler down {name}`\"").as_deref(), Some("hostler down"));
        assert_eq!(says("\"try hostler cost-report\"").as_deref(), Some("hostler cost-report"));
        assert_eq!(says("\"allow it by `--secret {name}`\"").as_deref(), Some("--secret"));
    }

    #[test]
    fn arguments_of_other_programs_and_plain_names_are_not_found() {
        for source in [
            "\"--depth\"",
            "\"git clone --depth 1\"",
            "\"`virsh --connect x`\"",
            "\"hostler downs\"",
            "\".hostler down\"",
        ] {
            assert_eq!(says(source), None, "{source}");
        }
    }

    #[test]
    fn verbs_are_the_variants_in_kebab_case() {
        let found = verbs(Path::new(FILE), "pub enum Verb { /// Help.\n Up(UpArgs), CostReport }").expect("an enum");
        assert_eq!(found, ["up", "cost-report"]);
    }
}
