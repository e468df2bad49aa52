//! Reads fields out of the tree, and collects every problem on the way instead of stopping at the first.

use std::collections::BTreeMap;

use super::keys::{Fate, KEYS, Section};
use super::tree::{At, Entry, Node, Value};
use crate::demand::problem::{Mark, Place, Problem, Severity};

/// The fields of a map: what stands under each key of the table. Other words for a key are resolved.
pub type Fields<'n> = BTreeMap<&'static str, &'n Node>;

/// Whoever has this many problems has read enough.
const MAX_PROBLEMS: usize = 100;

/// The problems of a file so far, and the places of what was read.
pub struct Reader<'a> {
    file: &'a str,
    /// The lines; those that may show a secret are absent.
    lines: Vec<Option<&'a str>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Where each value stands, by its path: `lease.duration`, `groups.worker.cpus`.
    pub places: BTreeMap<String, At>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, lines: shown_lines(text), problems: Vec::new(), places: BTreeMap::new() }
    }

    /// An error at a place.
    pub fn refuse(&mut self, at: At, message: impl AsRef<str>) {
        let problem = Problem::error(self.place(at), message);
        self.push(problem);
    }

    /// An error with something to do about it.
    pub fn refuse_with(&mut self, at: At, message: impl AsRef<str>, hint: impl AsRef<str>) {
        let problem = Problem::error(self.place(at), message).hinted(hint);
        self.push(problem);
    }

    /// A warning.
    pub fn warn(&mut self, at: At, message: impl AsRef<str>, hint: impl AsRef<str>) {
        let problem = Problem::warning(self.place(at), message).hinted(hint);
        self.push(problem);
    }

    /// Whether there is an error so far.
    pub fn failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Common fields are read once for each alternative that inherits them: their problems count once.
    fn push(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// A place of this file, with its line.
    pub fn place(&self, at: At) -> Place {
        Place::File(Mark {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            width: at.width,
            text: self.lines.get(at.line - 1).copied().flatten().map(str::to_owned),
        })
    }

    /// The fields of a map that may hold a section's keys, noted under `path`.
    pub fn fields<'n>(&mut self, section: Section, path: &str, node: &'n Node) -> Fields<'n> {
        let mut fields = Fields::new();
        let mut written = BTreeMap::new();
        for entry in self.entries(section.name(), node) {
            let Some(name) = self.resolve(section, entry) else { continue };
            if matches!(entry.node.value, Value::Null) {
                continue;
            }
            fields.entry(name).or_insert(&entry.node);
            match written.insert(name, entry.key.as_str()) {
                // The same word twice is reported with all other maps' keys.
                Some(other) if other != entry.key => {
                    self.refuse(entry.key_at, format!("`{}` and `{other}` mean the same: use one of them", entry.key));
                }
                _ => {}
            }
            self.places.entry(format!("{path}{name}")).or_insert(entry.key_at);
        }
        fields
    }

    /// The key that an entry is read as; `None` where it isn't read, which is reported.
    fn resolve(&mut self, section: Section, entry: &Entry) -> Option<&'static str> {
        let Some(key) = section.keys().find(|key| key.name == entry.key) else {
            self.unknown_key(section, entry);
            return None;
        };
        match key.fate {
            Fate::Read => return Some(key.name),
            Fate::Same(other) => return Some(other),
            // `job_recovery: none` asks for nothing, and gets it.
            Fate::Ignored(_) | Fate::Refused(_) if is_off(&entry.node) => {}
            Fate::Ignored(why) => self.warn(entry.key_at, format!("`{}` has no effect", entry.key), why),
            Fate::Refused(instead) => {
                self.refuse_with(entry.key_at, format!("`{}` is not served", entry.key), instead);
            }
        }
        None
    }

    /// The entries of a map whose keys are the user's own. A key that stands there twice is an error.
    pub fn entries<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Entry] {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                self.wrong_type(what, "a map of keys and values", node.at, other);
                &[]
            }
        };
        let mut seen = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.insert(&entry.key, entry.key_at) {
                self.refuse(entry.key_at, format!("`{}` stands here twice, first in line {}", entry.key, first.line));
            }
        }
        entries
    }

    /// The values of a list; of a single value, that one.
    pub fn one_or_many<'n>(&mut self, what: &str, node: &'n Node) -> Vec<&'n Node> {
        match &node.value {
            Value::List(items) => items.iter().collect(),
            Value::Text(_) => vec![node],
            Value::Null => Vec::new(),
            other => {
                self.wrong_type(what, "a list", node.at, other);
                Vec::new()
            }
        }
    }

    /// A text, as it is written; numbers and booleans are texts too.
    pub fn text<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            other => {
                self.wrong_type(what, "a text or a number", node.at, other);
                None
            }
        }
    }

    /// A value that is written as text, made by a function that says why it can't be.
    pub fn value<T, E: ToString>(
        &mut self,
        what: &str,
        node: &Node,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(what, node)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(node.at, format!("{what}: {}", error.to_string()));
                None
            }
        }
    }

    /// A field's value, where the field is there.
    pub fn field<T, E: ToString>(
        &mut self,
        fields: &Fields<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        fields.get(name).and_then(|node| self.value(name, node, parse))
    }

    /// The values of a field that is a list, or one value.
    pub fn list<T, E: ToString>(
        &mut self,
        fields: &Fields<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(node) = fields.get(name) else { return Vec::new() };
        self.one_or_many(name, node).into_iter().filter_map(|item| self.value(name, item, &parse)).collect()
    }

    fn wrong_type(&mut self, what: &str, wanted: &str, at: At, found: &Value) {
        let found = match found {
            Value::Null => "empty",
            Value::Text(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        };
        self.refuse(at, format!("{what}: must be {wanted}, but is {found}"));
    }

    fn unknown_key(&mut self, section: Section, entry: &Entry) {
        let message = format!("`{}` is not a key of {}", entry.key, quoted_unless_words(section.name()));
        match suggestion(section, &entry.key) {
            Some(hint) => self.refuse_with(entry.key_at, message, hint),
            None => self.refuse(entry.key_at, message),
        }
    }
}

fn quoted_unless_words(name: &str) -> String {
    if name.contains(' ') { name.to_owned() } else { format!("`{name}`") }
}

/// Whether a value turns its key off.
fn is_off(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => matches!(text.to_ascii_lowercase().as_str(), "" | "none" | "false" | "no" | "off"),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

/// How alike two words are (1 is equal) where one is taken for the other.
const NEAR: f64 = 0.82;

/// What somebody who wrote `key` there may have meant: a key of the same section, or where the key belongs.
fn suggestion(section: Section, key: &str) -> Option<String> {
    let word = key.to_lowercase().replace('-', "_");
    let near = |name: &str| {
        let part = word.len() >= 4 && (name.contains(&word) || word.contains(name));
        strsim::jaro_winkler(&word, name).max(if part { NEAR } else { 0.0 })
    };
    let here = section
        .keys()
        .filter(|known| matches!(known.fate, Fate::Read | Fate::Same(_)))
        .map(|known| (near(known.name), known.name));
    if let Some((_, name)) = here.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)) {
        return Some(format!("did you mean `{name}`?"));
    }
    let elsewhere = KEYS.iter().find(|known| known.name == key)?;
    Some(match elsewhere.section {
        Section::Task => format!("`{key}` belongs at the top of the file, not indented"),
        other => format!("`{key}` belongs under {}", quoted_unless_words(other.name())),
    })
}

/// The lines of a file, without those that may show a secret.
///
/// This looks at the text and not at the tree, since it also holds for files that are no YAML. A line belongs to the
/// nearest line above it that isn't indented; where that one speaks of secrets, the line is kept back. So is a URL
/// that holds a user or password.
fn shown_lines(text: &str) -> Vec<Option<&str>> {
    let speaks_of_secrets = |line: &str| line.to_ascii_lowercase().contains("secret");
    let mut under_secrets = false;
    let shown = text.lines().map(|line| {
        if line.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '#' | '-' | '}' | ']')) {
            under_secrets = speaks_of_secrets(line);
        }
        let kept_back = under_secrets || speaks_of_secrets(line) || has_credentials(line);
        (!kept_back).then_some(line)
    });
    shown.collect()
}

fn has_credentials(line: &str) -> bool {
    let mut authorities = line.split("://").skip(1).map(|rest| rest.split('/').next().unwrap_or_default());
    authorities.any(|authority| authority.contains('@'))
}
