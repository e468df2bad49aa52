//! YAML, TOML and JSON as one kind of tree, in which every value knows its line.

use toml::de::{DeTable, DeValue};

use super::finding::ScanProblem;
use crate::demand::file::tree::{self, Position};

/// A value and its line, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DocNode {
    pub value: DocValue,
    pub line: u32,
}

/// A value. Numbers stay text as written; YAML and JSON scalars are always text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum DocValue {
    Null,
    Bool(bool),
    Text(String),
    List(Vec<DocNode>),
    Map(Vec<(String, DocNode)>),
}

impl DocNode {
    /// Value of a key; `None` if this is not a map or lacks the key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Value at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Entries of a map in file order; empty for other values.
    pub fn entries(&self) -> &[(String, Self)] {
        if let DocValue::Map(entries) = &self.value { entries } else { &[] }
    }

    /// Items of a list; empty for other values.
    pub fn items(&self) -> &[Self] {
        if let DocValue::List(items) = &self.value { items } else { &[] }
    }

    /// A text or number as written.
    pub fn scalar(&self) -> Option<&str> {
        if let DocValue::Text(text) = &self.value { Some(text) } else { None }
    }

    pub fn is_map(&self) -> bool {
        matches!(self.value, DocValue::Map(_))
    }
}

/// Large enough for lock files, which contain a hash for each build of each package.
const MAX_NODES: usize = 200_000;

/// Line, if known, and message of a syntax error.
pub(super) type ParseFailure = (Option<u32>, String);

/// Parses YAML. Scalars stay text, so that `3.10` does not become `3.1`.
pub(super) fn yaml(text: &str) -> Result<DocNode, ParseFailure> {
    let read = tree::read_within(text, MAX_NODES);
    read.map(from_yaml).map_err(|(at, why)| (Some(line_of(at)), why))
}

fn from_yaml(node: tree::YamlNode) -> DocNode {
    let value = match node.value {
        tree::YamlValue::Null => DocValue::Null,
        tree::YamlValue::Text(text) => DocValue::Text(text),
        tree::YamlValue::List(items) => DocValue::List(items.into_iter().map(from_yaml).collect()),
        tree::YamlValue::Map(entries) => {
            DocValue::Map(entries.into_iter().map(|entry| (entry.key, from_yaml(entry.node))).collect())
        }
    };
    DocNode { value, line: line_of(node.at) }
}

fn line_of(at: Position) -> u32 {
    u32::try_from(at.line).unwrap_or(u32::MAX)
}

/// Parses JSON with comments and trailing commas. It is valid YAML once comments and tabs are blanked out.
pub(super) fn jsonc(text: &str) -> Result<DocNode, ParseFailure> {
    yaml(&without_comments(text)).map_err(|(line, why)| (line, why.replace("not YAML", "not JSON")))
}

/// Parses TOML.
pub(super) fn toml(text: &str) -> Result<DocNode, ParseFailure> {
    let lines = LineIndex::of(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(from_table(table.get_ref(), lines.line(table.span().start), &lines)),
        Err(error) => Err((error.span().map(|span| lines.line(span.start)), "not TOML".to_owned())),
    }
}

/// Problem for a file with a syntax error.
pub(super) fn parse_problem(file: &str, (line, text): ParseFailure) -> ScanProblem {
    ScanProblem { file: file.to_owned(), line, text: format!("{text}; ignored") }
}

fn from_table(table: &DeTable<'_>, line: u32, lines: &LineIndex) -> DocNode {
    let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), from_toml(value, lines)));
    DocNode { value: DocValue::Map(entries.collect()), line }
}

fn from_toml(value: &toml::Spanned<DeValue<'_>>, lines: &LineIndex) -> DocNode {
    let line = lines.line(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => DocValue::Text(text.to_string()),
        DeValue::Integer(number) => DocValue::Text(number.as_str().to_owned()),
        DeValue::Float(number) => DocValue::Text(number.as_str().to_owned()),
        DeValue::Boolean(value) => DocValue::Bool(*value),
        DeValue::Datetime(time) => DocValue::Text(time.to_string()),
        DeValue::Array(items) => DocValue::List(items.iter().map(|item| from_toml(item, lines)).collect()),
        DeValue::Table(table) => return from_table(table, line, lines),
    };
    DocNode { value, line }
}

/// Offsets at which lines start, except for the first.
struct LineIndex(Vec<usize>);

impl LineIndex {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    /// Line, from 1, that contains a byte offset.
    fn line(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= byte) + 1).unwrap_or(u32::MAX)
    }
}

/// Blanks out `//` and `/* */` comments and tabs, keeping line numbers.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '"' => string_end(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(taken);
        match c {
            '"' => out.push_str(piece),
            '/' if taken > 1 => out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            '\t' => out.push(' '),
            _ => out.push(c),
        }
        rest = after;
    }
    out
}

/// Length in bytes of the string at the start of a text, including quotes.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_yields_the_same_tree_with_lines() {
        let lines =
            |node: &DocNode| (node.line, node.at(&["b", "c"]).unwrap().line, node.get("d").unwrap().items()[1].line);
        let from_yaml = yaml("a: 1\nb:\n  c: x\nd:\n  - 1\n  - y\n").unwrap();
        let from_json =
            jsonc("{ // first\n\t\"b\": {\"c\": \"x/*no*/\",},\n /* two\n lines */ \"d\": [1,\n\"y\"]}").unwrap();
        let from_toml = toml("a = 1\nd = [1,\n 'y']\n[b]\nc = 'x'\n").unwrap();
        assert_eq!((lines(&from_yaml).1, lines(&from_yaml).2), (3, 6));
        assert_eq!((lines(&from_json).1, lines(&from_json).2), (2, 5));
        assert_eq!((lines(&from_toml).1, lines(&from_toml).2), (5, 3));
        assert_eq!(from_json.at(&["b", "c"]).unwrap().scalar(), Some("x/*no*/"));
    }

    #[test]
    fn numbers_stay_as_written() {
        assert_eq!(toml("v = 3.10").unwrap().get("v").unwrap().scalar(), Some("3.10"));
        assert_eq!(yaml("v: 3.10").unwrap().get("v").unwrap().scalar(), Some("3.10"));
    }

    #[test]
    fn syntax_errors_name_their_line() {
        assert_eq!(toml("a = 1\nb = = 2\n").unwrap_err().0, Some(2));
        assert!(yaml("a: 1\nb: [1\nc: }\n").unwrap_err().1.starts_with("not YAML"));
        assert!(jsonc("{\"a\": ").is_err());
    }
}
