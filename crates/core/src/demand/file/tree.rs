//! From YAML text to a tree in which every value knows its line and column.
//!
//! The reader of demand files walks this tree instead of deserialising into types, so that it can report all problems
//! of a file at once, each with its position. Size, depth and the expansion of aliases are limited.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Position of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Width in characters.
    pub width: usize,
}

/// A value with its position.
#[derive(Debug, Clone)]
pub struct YamlNode {
    pub at: Position,
    pub value: YamlValue,
}

/// A YAML value. Scalars stay text, and their readers decide the type: `0.10` stays `0.10`, and `on` is a key.
#[derive(Debug, Clone)]
pub enum YamlValue {
    Null,
    Text(String),
    List(Vec<YamlNode>),
    Map(Vec<YamlEntry>),
}

#[derive(Debug, Clone)]
pub struct YamlEntry {
    pub key: String,
    pub key_at: Position,
    pub node: YamlNode,
}

/// Maximum size of a file in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Maximum number of values in a file, including those that aliases repeat.
const MAX_NODES: usize = 20_000;
/// Maximum depth of nesting.
const MAX_DEPTH: usize = 32;

/// Position and message of a YAML error: a lower-case fragment.
pub type YamlError = (Position, String);

const TOP: Position = Position { line: 1, column: 1, width: 1 };

/// Parses a text that contains one document. An empty text is null.
pub fn read(text: &str) -> Result<YamlNode, YamlError> {
    read_within(text, MAX_NODES)
}

/// Parses a text with at most `most` values.
pub fn read_within(text: &str, most: usize) -> Result<YamlNode, YamlError> {
    if text.len() > MAX_TEXT {
        return Err((TOP, format!("the file is larger than {} KiB", MAX_TEXT >> 10)));
    }
    let mut options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    options.set_emit_comments(false);
    let mut builder = Builder { most, ..Builder::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            (
                Position { line: mark.line().max(1), column: mark.col() + 1, width: 1 },
                format!("not YAML: {}", error.info()),
            )
        })?;
        builder.take(event, place(span))?;
    }
    Ok(builder.root.unwrap_or(YamlNode { at: TOP, value: YamlValue::Null }))
}

fn place(span: Span) -> Position {
    let one_line = span.start.line() == span.end.line();
    let width = if one_line { span.end.col().saturating_sub(span.start.col()).max(1) } else { 1 };
    Position { line: span.start.line().max(1), column: span.start.col() + 1, width }
}

/// A list or map that is still open. The children of a map are its keys and values in turn.
struct Open {
    at: Position,
    anchor: usize,
    is_map: bool,
    children: Vec<YamlNode>,
}

#[derive(Default)]
struct Builder {
    root: Option<YamlNode>,
    open: Vec<Open>,
    /// Anchored nodes, each with its number of values.
    anchors: HashMap<usize, (YamlNode, usize)>,
    nodes: usize,
    most: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), YamlError> {
        if event.tag().is_some_and(|tag| !tag.is_yaml_core_schema()) {
            return Err((at, "YAML tags are not supported".to_owned()));
        }
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err((at, "a second YAML document: a demand file contains one".to_owned()))
            }
            Event::Scalar(text, style, anchor, _) => {
                let value = scalar(&text, style);
                self.add(YamlNode { at, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let (node, size) = known.ok_or_else(|| (at, "an alias of a value that contains it".to_owned()))?;
                self.add(YamlNode { at, ..node }, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Position, anchor: usize, is_map: bool) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err((at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { at, anchor, is_map, children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = if open.is_map { YamlValue::Map(entries(open.children)?) } else { YamlValue::List(open.children) };
        self.add(YamlNode { at: open.at, value }, open.anchor, 1)
    }

    fn add(&mut self, node: YamlNode, anchor: usize, size: usize) -> Result<(), YamlError> {
        self.nodes += size;
        if self.nodes > self.most {
            let most = self.most;
            return Err((node.at, format!("more than {most} values, including those repeated by aliases")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle) -> YamlValue {
    let null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if null { YamlValue::Null } else { YamlValue::Text(text.to_owned()) }
}

fn count(node: &YamlNode) -> usize {
    match &node.value {
        YamlValue::Null | YamlValue::Text(_) => 1,
        YamlValue::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        YamlValue::Map(entries) => 1 + entries.iter().map(|entry| 1 + count(&entry.node)).sum::<usize>(),
    }
}

/// Pairs keys with values. Entries of merge keys (`<<: *defaults`) are appended unless the map has the key itself.
fn entries(children: Vec<YamlNode>) -> Result<Vec<YamlEntry>, YamlError> {
    let mut written = Vec::new();
    let mut merged = Vec::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(mut node)) = (children.next(), children.next()) {
        let YamlValue::Text(name) = key.value else { return Err((key.at, "a key must be a string".to_owned())) };
        if matches!(node.value, YamlValue::Null) {
            // A missing value gets the position of its key.
            node.at = key.at;
        }
        match (name.as_str(), node.value) {
            ("<<", YamlValue::Map(more)) => merged.extend(more),
            (_, value) => written.push(YamlEntry { key: name, key_at: key.at, node: YamlNode { at: node.at, value } }),
        }
    }
    let mut known: HashSet<String> = written.iter().map(|entry| entry.key.clone()).collect();
    written.extend(merged.into_iter().filter(|entry| known.insert(entry.key.clone())));
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax_error(text: &str) -> (usize, usize, String) {
        let (at, message) = read(text).unwrap_err();
        (at.line, at.column, message)
    }

    #[test]
    fn values_have_positions() {
        let YamlValue::Map(entries) = read("a: 1\nwörter:\n  - zwei\n").unwrap().value else { panic!("not a map") };
        let YamlValue::List(items) = &entries[1].node.value else { panic!("not a list") };
        assert_eq!(entries[1].key_at, Position { line: 2, column: 1, width: 6 });
        assert_eq!(items[0].at, Position { line: 3, column: 5, width: 4 });
    }

    #[test]
    fn merge_keys_add_missing_entries() {
        let YamlValue::Map(entries) = read("a: &d {x: 1, y: 2}\nb:\n  <<: *d\n  x: 3\n").unwrap().value else {
            panic!()
        };
        let YamlValue::Map(inner) = &entries[1].node.value else { panic!("not a map") };
        let keys: Vec<&str> = inner.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["x", "y"]);
        assert!(matches!(&inner[0].node.value, YamlValue::Text(text) if text == "3"));
    }

    #[test]
    fn expansion_of_aliases_is_limited() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..10 {
            let items = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        assert!(syntax_error(&text).2.contains("aliases"));
    }

    #[test]
    fn syntax_errors_have_positions() {
        assert_eq!(syntax_error("a: 1\n---\nb: 2\n").0, 2);
        assert!(syntax_error("a: &x [*x]\n").2.contains("alias"));
        assert!(syntax_error("a: [1\nb: 2").2.starts_with("not YAML"));
        assert!(syntax_error("a: !include b\n").2.contains("tags"));
        assert!(syntax_error("[1]: 2\n").2.contains("key"));
        assert!(
            syntax_error(&"[".repeat(1000)).2.contains("limit") || syntax_error(&"[".repeat(1000)).2.contains("nest")
        );
        assert!(syntax_error(&"#".repeat(MAX_TEXT + 1)).2.contains("larger"));
    }

    #[test]
    fn empty_text_is_null() {
        assert!(matches!(read("# only a comment\n").unwrap().value, YamlValue::Null));
    }
}
