//! Reads fields of the YAML tree and collects all problems instead of stopping at the first.

use std::collections::BTreeMap;

use super::keys::{DemandSection, KEYS, KeySupport};
use super::tree::{Position, YamlEntry, YamlNode, YamlValue};
use crate::demand::diagnostic::{Diagnostic, FileLocation, Location, Severity};

/// Fields of a map by key, with aliases resolved.
pub type Fields<'n> = BTreeMap<&'static str, &'n YamlNode>;

/// Maximum number of problems reported for one file.
const MAX_PROBLEMS: usize = 100;

/// Problems of a file so far, and positions of the values read.
pub struct FieldReader<'a> {
    file: &'a str,
    /// Lines of the file. `None` for a line that may contain a secret.
    lines: Vec<Option<&'a str>>,
    pub problems: Vec<Diagnostic>,
    /// Position of each value by path, such as `lease.duration` or `groups.worker.cpus`.
    pub positions: BTreeMap<String, Position>,
}

impl<'a> FieldReader<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, lines: shown_lines(text), problems: Vec::new(), positions: BTreeMap::new() }
    }

    /// Reports an error.
    pub fn error(&mut self, at: Position, message: impl AsRef<str>) {
        let problem = Diagnostic::error(self.location(at), message);
        self.push(problem);
    }

    /// Reports an error with a hint.
    pub fn error_with_hint(&mut self, at: Position, message: impl AsRef<str>, hint: impl AsRef<str>) {
        let problem = Diagnostic::error(self.location(at), message).hinted(hint);
        self.push(problem);
    }

    /// Reports a warning with a hint.
    pub fn warn(&mut self, at: Position, message: impl AsRef<str>, hint: impl AsRef<str>) {
        let problem = Diagnostic::warning(self.location(at), message).hinted(hint);
        self.push(problem);
    }

    /// True if an error was reported.
    pub fn failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Inherited fields are read once for each alternative; their problems are reported once.
    fn push(&mut self, problem: Diagnostic) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Location in this file, with the text of its line.
    pub fn location(&self, at: Position) -> Location {
        Location::File(FileLocation {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            width: at.width,
            text: self.lines.get(at.line - 1).copied().flatten().map(str::to_owned),
        })
    }

    /// Fields of a map with the keys of `section`. Records their positions under `path`.
    pub fn fields<'n>(&mut self, section: DemandSection, path: &str, node: &'n YamlNode) -> Fields<'n> {
        let mut fields = Fields::new();
        let mut written = BTreeMap::new();
        for entry in self.entries(section.name(), node) {
            let Some(name) = self.resolve(section, entry) else { continue };
            if matches!(entry.node.value, YamlValue::Null) {
                continue;
            }
            fields.entry(name).or_insert(&entry.node);
            match written.insert(name, entry.key.as_str()) {
                // A key that occurs twice is reported by `entries`.
                Some(other) if other != entry.key => {
                    self.error(entry.key_at, format!("`{}` is an alias of `{other}`: use one of them", entry.key));
                }
                _ => {}
            }
            self.positions.entry(format!("{path}{name}")).or_insert(entry.key_at);
        }
        fields
    }

    /// Key under which an entry is read. `None` if it is not read, which is reported.
    fn resolve(&mut self, section: DemandSection, entry: &YamlEntry) -> Option<&'static str> {
        let Some(key) = section.keys().find(|key| key.name == entry.key) else {
            self.unknown_key(section, entry);
            return None;
        };
        match key.support {
            KeySupport::Supported => return Some(key.name),
            KeySupport::Alias(other) => return Some(other),
            // `job_recovery: none` requests nothing, so it needs no warning.
            KeySupport::Ignored(_) | KeySupport::Rejected(_) if is_off(&entry.node) => {}
            KeySupport::Ignored(why) => self.warn(entry.key_at, format!("`{}` has no effect", entry.key), why),
            KeySupport::Rejected(instead) => {
                self.error_with_hint(entry.key_at, format!("`{}` is not supported", entry.key), instead);
            }
        }
        None
    }

    /// Entries of a map whose keys the user chooses. Reports duplicate keys.
    pub fn entries<'n>(&mut self, what: &str, node: &'n YamlNode) -> &'n [YamlEntry] {
        let entries: &[YamlEntry] = match &node.value {
            YamlValue::Map(entries) => entries,
            YamlValue::Null => &[],
            other => {
                self.wrong_type(what, "a map of keys and values", node.at, other);
                &[]
            }
        };
        let mut seen = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.insert(&entry.key, entry.key_at) {
                self.error(entry.key_at, format!("duplicate key `{}`, first used in line {}", entry.key, first.line));
            }
        }
        entries
    }

    /// Items of a list, or a single value as a list of one.
    pub fn one_or_many<'n>(&mut self, what: &str, node: &'n YamlNode) -> Vec<&'n YamlNode> {
        match &node.value {
            YamlValue::List(items) => items.iter().collect(),
            YamlValue::Text(_) => vec![node],
            YamlValue::Null => Vec::new(),
            other => {
                self.wrong_type(what, "a list", node.at, other);
                Vec::new()
            }
        }
    }

    /// Text as written. Numbers and booleans are text as well.
    pub fn text<'n>(&mut self, what: &str, node: &'n YamlNode) -> Option<&'n str> {
        match &node.value {
            YamlValue::Text(text) => Some(text),
            other => {
                self.wrong_type(what, "a string or a number", node.at, other);
                None
            }
        }
    }

    /// Value parsed from a text by `parse`. Reports its error.
    pub fn value<T, E: ToString>(
        &mut self,
        what: &str,
        node: &YamlNode,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(what, node)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(node.at, format!("{what}: {}", error.to_string()));
                None
            }
        }
    }

    /// Value of a field, if the field exists.
    pub fn field<T, E: ToString>(
        &mut self,
        fields: &Fields<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        fields.get(name).and_then(|node| self.value(name, node, parse))
    }

    /// Values of a field that is a list or a single value.
    pub fn list<T, E: ToString>(
        &mut self,
        fields: &Fields<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(node) = fields.get(name) else { return Vec::new() };
        self.one_or_many(name, node).into_iter().filter_map(|item| self.value(name, item, &parse)).collect()
    }

    fn wrong_type(&mut self, what: &str, expected: &str, at: Position, found: &YamlValue) {
        let found = match found {
            YamlValue::Null => "nothing",
            YamlValue::Text(_) => "a single value",
            YamlValue::List(_) => "a list",
            YamlValue::Map(_) => "a map",
        };
        self.error(at, format!("{what}: expected {expected}, found {found}"));
    }

    fn unknown_key(&mut self, section: DemandSection, entry: &YamlEntry) {
        let message = format!("unknown key `{}` in {}", entry.key, quoted_if_key(section.name()));
        match suggestion(section, &entry.key) {
            Some(hint) => self.error_with_hint(entry.key_at, message, hint),
            None => self.error(entry.key_at, message),
        }
    }
}

fn quoted_if_key(name: &str) -> String {
    if name.contains(' ') { name.to_owned() } else { format!("`{name}`") }
}

/// True if the value turns its key off.
fn is_off(node: &YamlNode) -> bool {
    match &node.value {
        YamlValue::Null => true,
        YamlValue::Text(text) => matches!(text.to_ascii_lowercase().as_str(), "" | "none" | "false" | "no" | "off"),
        YamlValue::List(items) => items.is_empty(),
        YamlValue::Map(entries) => entries.is_empty(),
    }
}

/// Similarity of two names (1 is equal) above which one is suggested for the other.
const NEAR: f64 = 0.82;

/// Suggestion for an unknown key: a similar key of the section, or the section to which the key belongs.
fn suggestion(section: DemandSection, key: &str) -> Option<String> {
    let word = key.to_lowercase().replace('-', "_");
    let near = |name: &str| {
        let part = word.len() >= 4 && (name.contains(&word) || word.contains(name));
        strsim::jaro_winkler(&word, name).max(if part { NEAR } else { 0.0 })
    };
    let here = section
        .keys()
        .filter(|known| matches!(known.support, KeySupport::Supported | KeySupport::Alias(_)))
        .map(|known| (near(known.name), known.name));
    if let Some((_, name)) = here.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)) {
        return Some(format!("did you mean `{name}`?"));
    }
    let elsewhere = KEYS.iter().find(|known| known.name == key)?;
    Some(match elsewhere.section {
        DemandSection::Task => format!("`{key}` belongs at the top of the file, not indented"),
        other => format!("`{key}` belongs under {}", quoted_if_key(other.name())),
    })
}

/// Lines of a file, with `None` for those that may contain a secret.
///
/// Works on the text and not on the tree, so that it also covers invalid YAML. A line belongs to the nearest preceding
/// line without indentation. If that line mentions secrets, the line is hidden. A line with a URL that contains a user
/// name or password is hidden as well.
fn shown_lines(text: &str) -> Vec<Option<&str>> {
    let mentions_secrets = |line: &str| line.to_ascii_lowercase().contains("secret");
    let mut under_secrets = false;
    let shown = text.lines().map(|line| {
        if line.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '#' | '-' | '}' | ']')) {
            under_secrets = mentions_secrets(line);
        }
        let hidden = under_secrets || mentions_secrets(line) || has_credentials(line);
        (!hidden).then_some(line)
    });
    shown.collect()
}

fn has_credentials(line: &str) -> bool {
    let mut authorities = line.split("://").skip(1).map(|rest| rest.split('/').next().unwrap_or_default());
    authorities.any(|authority| authority.contains('@'))
}
