//! From YAML text to a tree in which every value knows its line and column.
//!
//! The reader of demand files walks this tree by itself, instead of deserialising into types, so that it can report
//! all problems of a file at once, each with its place. Limits hold for size, depth and what aliases expand to.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Where a value stands: line and column from 1, and how many characters it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// How many characters.
    pub width: usize,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    pub at: At,
    pub value: Value,
}

/// A value. Scalars stay text: what they are is decided by who reads them, so `0.10` stays `0.10` and `on` a key.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_at: At,
    pub node: Node,
}

/// The largest file that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// The most values of a file, those counted that aliases repeat.
const MAX_NODES: usize = 20_000;
/// The deepest nesting.
const MAX_DEPTH: usize = 32;

/// Why a text is no tree, and where.
pub type NoTree = (At, String);

const TOP: At = At { line: 1, column: 1, width: 1 };

/// Reads the one document of a text. An empty text is a null.
pub fn read(text: &str) -> Result<Node, NoTree> {
    read_within(text, MAX_NODES)
}

/// Reads a text of at most so many values.
pub fn read_within(text: &str, most: usize) -> Result<Node, NoTree> {
    if text.len() > MAX_TEXT {
        return Err((TOP, format!("the file is larger than {} KiB", MAX_TEXT >> 10)));
    }
    let mut options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    options.set_emit_comments(false);
    let mut builder = Builder { most, ..Builder::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            (At { line: mark.line().max(1), column: mark.col() + 1, width: 1 }, format!("not YAML: {}", error.info()))
        })?;
        builder.take(event, place(span))?;
    }
    Ok(builder.root.unwrap_or(Node { at: TOP, value: Value::Null }))
}

fn place(span: Span) -> At {
    let one_line = span.start.line() == span.end.line();
    let width = if one_line { span.end.col().saturating_sub(span.start.col()).max(1) } else { 1 };
    At { line: span.start.line().max(1), column: span.start.col() + 1, width }
}

/// A list or map that isn't closed yet. The children of a map are its keys and values in turn.
struct Open {
    at: At,
    anchor: usize,
    is_map: bool,
    children: Vec<Node>,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    /// What aliases stand for, with the number of its values.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    most: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: At) -> Result<(), NoTree> {
        if event.tag().is_some_and(|tag| !tag.is_yaml_core_schema()) {
            return Err((at, "tags are not understood here".to_owned()));
        }
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err((at, "a second document: one file holds one demand".to_owned()))
            }
            Event::Scalar(text, style, anchor, _) => {
                let value = scalar(&text, style);
                self.add(Node { at, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let (node, size) = known.ok_or_else(|| (at, "an alias of what it stands in".to_owned()))?;
                self.add(Node { at, ..node }, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: At, anchor: usize, is_map: bool) -> Result<(), NoTree> {
        if self.open.len() >= MAX_DEPTH {
            return Err((at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { at, anchor, is_map, children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), NoTree> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = if open.is_map { Value::Map(entries(open.children)?) } else { Value::List(open.children) };
        self.add(Node { at: open.at, value }, open.anchor, 1)
    }

    fn add(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), NoTree> {
        self.nodes += size;
        if self.nodes > self.most {
            let most = self.most;
            return Err((node.at, format!("more than {most} values, those counted that aliases repeat")));
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

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if null { Value::Null } else { Value::Text(text.to_owned()) }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Text(_) => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| 1 + count(&entry.node)).sum::<usize>(),
    }
}

/// Pairs keys and values up, and puts in what merge keys (`<<: *defaults`) bring, behind what is written itself.
fn entries(children: Vec<Node>) -> Result<Vec<Entry>, NoTree> {
    let mut written = Vec::new();
    let mut merged = Vec::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(mut node)) = (children.next(), children.next()) {
        let Value::Text(name) = key.value else { return Err((key.at, "a key must be a text".to_owned())) };
        if matches!(node.value, Value::Null) {
            // A value that isn't there has no place of its own that would mean something to people.
            node.at = key.at;
        }
        match (name.as_str(), node.value) {
            ("<<", Value::Map(more)) => merged.extend(more),
            (_, value) => written.push(Entry { key: name, key_at: key.at, node: Node { at: node.at, value } }),
        }
    }
    let mut known: HashSet<String> = written.iter().map(|entry| entry.key.clone()).collect();
    written.extend(merged.into_iter().filter(|entry| known.insert(entry.key.clone())));
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (usize, usize, String) {
        let (at, message) = read(text).unwrap_err();
        (at.line, at.column, message)
    }

    #[test]
    fn values_know_their_places() {
        let Value::Map(entries) = read("a: 1\nwörter:\n  - zwei\n").unwrap().value else { panic!("no map") };
        let Value::List(items) = &entries[1].node.value else { panic!("no list") };
        assert_eq!(entries[1].key_at, At { line: 2, column: 1, width: 6 });
        assert_eq!(items[0].at, At { line: 3, column: 5, width: 4 });
    }

    #[test]
    fn merge_keys_bring_what_is_not_written() {
        let Value::Map(entries) = read("a: &d {x: 1, y: 2}\nb:\n  <<: *d\n  x: 3\n").unwrap().value else { panic!() };
        let Value::Map(inner) = &entries[1].node.value else { panic!("no map") };
        let keys: Vec<&str> = inner.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["x", "y"]);
        assert!(matches!(&inner[0].node.value, Value::Text(text) if text == "3"));
    }

    #[test]
    fn aliases_cannot_blow_a_file_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..10 {
            let items = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        assert!(refusal(&text).2.contains("aliases"));
    }

    #[test]
    fn what_is_no_tree_says_where() {
        assert_eq!(refusal("a: 1\n---\nb: 2\n").0, 2);
        assert!(refusal("a: &x [*x]\n").2.contains("alias"));
        assert!(refusal("a: [1\nb: 2").2.starts_with("not YAML"));
        assert!(refusal("a: !include b\n").2.contains("tags"));
        assert!(refusal("[1]: 2\n").2.contains("key"));
        assert!(refusal(&"[".repeat(1000)).2.contains("limit") || refusal(&"[".repeat(1000)).2.contains("nest"));
        assert!(refusal(&"#".repeat(MAX_TEXT + 1)).2.contains("larger"));
    }

    #[test]
    fn an_empty_text_is_a_null() {
        assert!(matches!(read("# only a comment\n").unwrap().value, Value::Null));
    }
}
