//! Errors and warnings about text that a user wrote, with its location and a hint.

use std::fmt;

use serde::{Serialize, Serializer};

use super::override_key::OverrideKey;

/// An error or warning about text that a user wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Location of the text.
    pub location: Location,
    /// Lower-case fragment.
    pub message: String,
    /// Suggested change.
    pub hint: Option<Hint>,
}

/// A suggested change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A change of the demand file.
    Text(String),
    /// An override, which each front end spells in its own way.
    Override {
        /// The override to set.
        key: OverrideKey,
        /// Value of the override; the user's choice if `None`.
        value: Option<String>,
        /// Alternative change of the demand file.
        or: Option<String>,
    },
}

/// Spelling of an override, with its value if given: `cpus` and `env: A=1`, or `--cpus` and `--env A=1`.
pub type Spelling = fn(OverrideKey, Option<&str>) -> String;

/// Severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The text can't be used.
    Error,
    /// The text can be used, but part of it has no effect.
    Warning,
}

/// Location of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// In a file.
    File(FileLocation),
    /// An override of the front end (a command-line flag, for example).
    Override(OverrideKey),
    /// No particular location.
    Unspecified,
}

/// A range of characters in one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileLocation {
    /// File name as the user gave it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Length of the range in characters, at least 1.
    pub width: usize,
    /// The whole line. `None` if it may contain a secret.
    pub text: Option<String>,
}

/// Maximum number of characters shown of a line. A longer line is cut around the range.
const MAX_LINE: usize = 100;

/// Maximum number of characters of a message.
const MAX_MESSAGE: usize = 300;

impl Diagnostic {
    /// Creates an error. Control characters are removed from the message, which may quote text from an untrusted file.
    pub fn error(location: Location, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Error, location, message: cut(&printable(message.as_ref())), hint: None }
    }

    /// Creates a warning.
    pub fn warning(location: Location, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(location, message) }
    }

    /// Adds a hint.
    pub fn hinted(self, hint: impl AsRef<str>) -> Self {
        self.with_hint(Hint::Text(printable(hint.as_ref())))
    }

    /// Adds a typed hint.
    pub fn with_hint(self, hint: Hint) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Formats the diagnostic as rustc does: location, message, the line with carets, and the hint.
    pub fn render(&self) -> String {
        self.render_with(plain_spelling)
    }

    fn render_with(&self, spelling: Spelling) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let location = self.location.spelled(spelling);
        let hint = self.hint.as_ref().map(|hint| hint.spelled(spelling));
        let mut out = format!("{severity}: {location}{}\n", self.message);
        match (&self.location, &hint) {
            (Location::File(FileLocation { text: Some(_), .. }), _) => {}
            (_, Some(hint)) => out.push_str(&format!("  hint: {hint}\n")),
            (_, None) => {}
        }
        if let Location::File(location) = &self.location {
            out.push_str(&snippet(location, hint.as_deref()));
        }
        out
    }
}

/// Formats diagnostics in the order of their locations.
pub fn render(problems: &[Diagnostic]) -> String {
    render_with(problems, plain_spelling)
}

/// Formats diagnostics in the order of their locations, with overrides as the front end spells them.
pub fn render_with(problems: &[Diagnostic], spelling: Spelling) -> String {
    let mut sorted: Vec<&Diagnostic> = problems.iter().collect();
    sorted.sort_by_key(|problem| match &problem.location {
        Location::Unspecified => (0, 0, 0),
        Location::Override(_) => (1, 0, 0),
        Location::File(location) => (2, location.line, location.column),
    });
    sorted.iter().map(|problem| problem.render_with(spelling)).collect::<Vec<_>>().join("\n")
}

fn plain_spelling(key: OverrideKey, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{key}: {value}"),
        None => key.to_string(),
    }
}

impl Hint {
    fn spelled(&self, spelling: Spelling) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Override { key, value, or } => {
                let or = or.as_ref().map(|or| format!(", or {or}")).unwrap_or_default();
                format!("use `{}`{or}", printable(&spelling(*key, value.as_deref())))
            }
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(plain_spelling))
    }
}

/// Serialised as text.
impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.location, self.message)
    }
}

impl Location {
    fn spelled(&self, spelling: Spelling) -> String {
        match self {
            Self::File(location) => {
                format!("{}:{}:{}: ", printable(&location.file), location.line, location.column)
            }
            Self::Override(key) => format!("{}: ", spelling(*key, None)),
            Self::Unspecified => String::new(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(plain_spelling))
    }
}

impl std::error::Error for Diagnostic {}

/// The line with carets under the range, followed by the hint.
fn snippet(location: &FileLocation, hint: Option<&str>) -> String {
    let Some(text) = &location.text else { return String::new() };
    let skipped = location.column.saturating_sub(MAX_LINE - 20);
    let line: String = printable(text).chars().skip(skipped).take(MAX_LINE).collect();
    let before = location.column - 1 - skipped.min(location.column - 1);
    // A range behind the end of the line (a missing value) still gets a caret.
    let room = line.chars().count().saturating_sub(before).max(1);
    let caret = format!("{}{}", " ".repeat(before), "^".repeat(location.width.clamp(1, room)));
    let margin = " ".repeat(location.line.to_string().len());
    let hint = hint.map(|hint| format!(" {hint}")).unwrap_or_default();
    format!("  {} | {}\n  {margin} | {caret}{hint}\n", location.line, line.trim_end())
}

/// Shortens a message: the quoted text may be as long as the file.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Replaces control characters, so that text from an untrusted file can't control the terminal.
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

    fn at(line: usize, column: usize, width: usize, text: &str) -> Location {
        Location::File(FileLocation { file: "a.yaml".to_owned(), line, column, width, text: Some(text.to_owned()) })
    }

    #[test]
    fn rendering_shows_the_line_with_carets() {
        let problem =
            Diagnostic::error(at(12, 3, 4, "  cups: 4"), "`cups` is not a key").hinted("did you mean `cpus`?");
        insta::assert_snapshot!(problem.render(), @r"
        error: a.yaml:12:3: `cups` is not a key
          12 |   cups: 4
             |   ^^^^ did you mean `cpus`?
        ");
    }

    #[test]
    fn control_characters_are_neutralised() {
        let problem = Diagnostic::error(at(1, 1, 90, "a: \x1b[2J\x07"), "`\x1b[2J` is bad");
        assert!(!problem.render().contains(['\x1b', '\x07']), "{}", problem.render());
    }

    #[test]
    fn long_line_is_cut_around_the_range() {
        let text = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let shown = Diagnostic::error(at(1, 5001, 4, &text), &text).render();
        assert!(shown.lines().next().unwrap().chars().count() < 350);
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][caret..caret + 4], "HERE");
        assert!(lines[1..].iter().all(|line| line.len() < 120));
    }

    #[test]
    fn diagnostics_are_rendered_in_the_order_of_their_locations() {
        let shown = render(&[
            Diagnostic::warning(at(9, 1, 1, "z"), "third"),
            Diagnostic::error(at(2, 1, 1, "y"), "second"),
            Diagnostic::error(Location::Override(OverrideKey::Cpus), "first"),
        ]);
        let order: Vec<usize> = ["first", "second", "third"].iter().map(|word| shown.find(word).unwrap()).collect();
        assert!(order.is_sorted(), "{shown}");
    }
}
