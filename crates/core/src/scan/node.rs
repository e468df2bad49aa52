//! One shape for YAML, TOML and JSON: a tree of values that know their lines.

use toml::de::{DeTable, DeValue};

use super::finding::Problem;
use crate::demand::file::tree::{self, At};

/// A value, and the line it stands on, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub line: u32,
}

/// What a value may be. Numbers are text, as they were written; YAML and JSON have no other scalars here.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The value at the end of several keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a map, in the order of the file; none where it is something else.
    pub fn entries(&self) -> &[(String, Self)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The elements of a list; none where it is something else.
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// A text or a number, as it was written.
    pub fn scalar(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }
}

/// A lock file holds a hash for each build of each package.
const MAX_NODES: usize = 200_000;

/// Where a text could not be read, and why.
pub(super) type Unread = (Option<u32>, String);

/// Reads YAML, in which every scalar stays a text: `3.10` is no `3.1`.
pub(super) fn yaml(text: &str) -> Result<Node, Unread> {
    let read = tree::read_within(text, MAX_NODES);
    read.map(from_yaml).map_err(|(at, why)| (Some(line_of(at)), why))
}

fn from_yaml(node: tree::Node) -> Node {
    let value = match node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Text(text) => Value::Text(text),
        tree::Value::List(items) => Value::List(items.into_iter().map(from_yaml).collect()),
        tree::Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|entry| (entry.key, from_yaml(entry.node))).collect())
        }
    };
    Node { value, line: line_of(node.at) }
}

fn line_of(at: At) -> u32 {
    u32::try_from(at.line).unwrap_or(u32::MAX)
}

/// Reads JSON with comments and trailing commas, which is YAML once its comments and tabs are blanks.
pub(super) fn jsonc(text: &str) -> Result<Node, Unread> {
    yaml(&without_comments(text)).map_err(|(line, why)| (line, why.replace("not YAML", "not JSON")))
}

/// Reads TOML.
pub(super) fn toml(text: &str) -> Result<Node, Unread> {
    let lines = Lines::of(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(from_table(table.get_ref(), lines.line(table.span().start), &lines)),
        Err(error) => Err((error.span().map(|span| lines.line(span.start)), "not TOML".to_owned())),
    }
}

/// A problem with a file that one of these readers refused.
pub(super) fn unread(file: &str, (line, text): Unread) -> Problem {
    Problem { file: file.to_owned(), line, text: format!("{text}, so it says nothing") }
}

fn from_table(table: &DeTable<'_>, line: u32, lines: &Lines) -> Node {
    let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), from_toml(value, lines)));
    Node { value: Value::Map(entries.collect()), line }
}

fn from_toml(value: &toml::Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.line(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Text(number.as_str().to_owned()),
        DeValue::Float(number) => Value::Text(number.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| from_toml(item, lines)).collect()),
        DeValue::Table(table) => return from_table(table, line, lines),
    };
    Node { value, line }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    /// The line, from 1, that a byte is on.
    fn line(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= byte) + 1).unwrap_or(u32::MAX)
    }
}

/// Blanks out `//` and `/* */` comments and tabs, keeping every line where it is.
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

/// How many bytes the string that a text begins with takes, quotes included.
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
    fn the_same_tree_from_every_format_with_its_lines() {
        let lines =
            |node: &Node| (node.line, node.at(&["b", "c"]).unwrap().line, node.get("d").unwrap().items()[1].line);
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
    fn what_is_broken_names_its_line() {
        assert_eq!(toml("a = 1\nb = = 2\n").unwrap_err().0, Some(2));
        assert!(yaml("a: 1\nb: [1\nc: }\n").unwrap_err().1.starts_with("not YAML"));
        assert!(jsonc("{\"a\": ").is_err());
    }
}
