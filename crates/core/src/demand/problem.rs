//! What is wrong with something that a user wrote: where, what, and what to do about it.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong, or that is not done although it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it was written.
    pub place: Place,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// What was written can't be used.
    Error,
    /// It can, but something in it has no effect.
    Warning,
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a file.
    File(Mark),
    /// On the command line: the flag, as `--cpus`.
    Flag(String),
    /// Nowhere in particular.
    Everywhere,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// How many characters are meant, at least one.
    pub width: usize,
    /// The line itself; absent where it may show a secret.
    pub text: Option<String>,
}

/// Longer lines are cut: what is meant is shown, and so many characters about it.
const SHOWN: usize = 100;

/// Longer messages are cut, in characters.
const LONGEST_MESSAGE: usize = 300;

impl Problem {
    /// An error. Control characters are taken out of the message, since it quotes what strangers may have written.
    pub fn error(place: Place, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Error, place, message: cut(&printable(message.as_ref())), hint: None }
    }

    /// A warning.
    pub fn warning(place: Place, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// The same, with something to do about it.
    pub fn hinted(self, hint: impl AsRef<str>) -> Self {
        Self { hint: Some(printable(hint.as_ref())), ..self }
    }

    /// The problem in full: where, what, the line with a caret, and the hint.
    pub fn render(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut out = format!("{severity}: {self}\n");
        match (&self.place, &self.hint) {
            (Place::File(Mark { text: Some(_), .. }), _) => {}
            (_, Some(hint)) => out.push_str(&format!("  hint: {hint}\n")),
            (_, None) => {}
        }
        if let Place::File(mark) = &self.place {
            out.push_str(&snippet(mark, self.hint.as_deref()));
        }
        out
    }
}

/// All problems in full, in the order of their places. The one function that shows them.
pub fn render(problems: &[Problem]) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| match &problem.place {
        Place::Everywhere => (0, 0, 0),
        Place::Flag(_) => (1, 0, 0),
        Place::File(mark) => (2, mark.line, mark.column),
    });
    sorted.iter().map(|problem| problem.render()).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(mark) => write!(f, "{}:{}:{}: ", printable(&mark.file), mark.line, mark.column),
            Self::Flag(flag) => write!(f, "{flag}: "),
            Self::Everywhere => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The line, and a caret under what is meant, with the hint beside it.
fn snippet(mark: &Mark, hint: Option<&str>) -> String {
    let Some(text) = &mark.text else { return String::new() };
    let skipped = mark.column.saturating_sub(SHOWN - 20);
    let line: String = printable(text).chars().skip(skipped).take(SHOWN).collect();
    let before = mark.column - 1 - skipped.min(mark.column - 1);
    // A place behind the end of the line (a value that is missing) still gets its caret.
    let room = line.chars().count().saturating_sub(before).max(1);
    let caret = format!("{}{}", " ".repeat(before), "^".repeat(mark.width.clamp(1, room)));
    let margin = " ".repeat(mark.line.to_string().len());
    let hint = hint.map(|hint| format!(" {hint}")).unwrap_or_default();
    format!("  {} | {}\n  {margin} | {caret}{hint}\n", mark.line, line.trim_end())
}

/// What is quoted from a file may be as long as the file.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Text without control characters: a file from a stranger must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, width: usize, text: &str) -> Place {
        Place::File(Mark { file: "a.yaml".to_owned(), line, column, width, text: Some(text.to_owned()) })
    }

    #[test]
    fn a_problem_is_shown_with_its_line_and_a_caret() {
        let problem = Problem::error(at(12, 3, 4, "  cups: 4"), "`cups` is not a key").hinted("did you mean `cpus`?");
        insta::assert_snapshot!(problem.render(), @r"
        error: a.yaml:12:3: `cups` is not a key
          12 |   cups: 4
             |   ^^^^ did you mean `cpus`?
        ");
    }

    #[test]
    fn terminal_escapes_of_strangers_are_not_passed_on() {
        let problem = Problem::error(at(1, 1, 90, "a: \x1b[2J\x07"), "`\x1b[2J` is bad");
        assert!(!problem.render().contains(['\x1b', '\x07']), "{}", problem.render());
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_meant() {
        let text = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let shown = Problem::error(at(1, 5001, 4, &text), &text).render();
        assert!(shown.lines().next().unwrap().chars().count() < 350);
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][caret..caret + 4], "HERE");
        assert!(lines[1..].iter().all(|line| line.len() < 120));
    }

    #[test]
    fn problems_are_shown_in_the_order_of_their_places() {
        let shown = render(&[
            Problem::warning(at(9, 1, 1, "z"), "third"),
            Problem::error(at(2, 1, 1, "y"), "second"),
            Problem::error(Place::Flag("--cpus".to_owned()), "first"),
        ]);
        let order: Vec<usize> = ["first", "second", "third"].iter().map(|word| shown.find(word).unwrap()).collect();
        assert!(order.is_sorted(), "{shown}");
    }
}
