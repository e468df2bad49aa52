//! Strict parsing of a model's answer, and its text made safe for display.

use std::ops::Deref;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Maximum number of characters shown of an answer's text.
pub(super) const MAX_SHOWN_CHARS: usize = 200;

/// Reason why an answer is invalid. An invalid answer is ignored as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// The answer is empty.
    #[error("the answer is empty")]
    Empty,
    /// The answer is larger than any valid one.
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// There is text around the JSON.
    #[error("there is text around the JSON")]
    Prose,
    /// A fenced block is not closed; the answer may be truncated.
    #[error("the fenced block is not closed")]
    Unclosed,
    /// Several fenced blocks; the intended one is unknown.
    #[error("there are several fenced blocks")]
    SeveralBlocks,
    /// A list, text or number instead of an object.
    #[error("the answer is not a JSON object")]
    NotAnObject,
    /// Invalid JSON, an unknown or duplicate key, or a value of the wrong type.
    #[error("{0}")]
    Malformed(String),
}

/// A text that may become part of a demand: short, one line, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ShortText(String);

/// In characters.
const MAX_TEXT_CHARS: usize = 500;

impl TryFrom<String> for ShortText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.chars().all(is_plain) {
            true if text.chars().count() <= MAX_TEXT_CHARS => Ok(Self(text)),
            true => Err("a text is too long"),
            false => Err("a text contains control characters"),
        }
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// In bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
const FENCE: &str = "```";

/// Parses an answer: one JSON object, alone or as the only contents of a fenced block.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, BadAnswer> {
    if text.len() > MAX_ANSWER_BYTES {
        return Err(BadAnswer::TooLong);
    }
    let text = text.trim();
    let body = match text.strip_prefix(FENCE) {
        Some(opened) => in_block(opened)?.trim(),
        None => text,
    };
    match body.chars().next() {
        None => Err(BadAnswer::Empty),
        Some('{') => serde_json::from_str(body).map_err(|error| malformed(body, &error)),
        // serde would accept a list as an object without keys.
        Some(_) if body.contains('{') && !body.starts_with(['[', '"']) => Err(BadAnswer::Prose),
        Some(_) => Err(BadAnswer::NotAnObject),
    }
}

/// Contents of a fenced block that ends the answer.
fn in_block(opened: &str) -> Result<&str, BadAnswer> {
    let (info, inside) = opened.split_once('\n').ok_or(BadAnswer::Unclosed)?;
    if !matches!(info.trim().to_ascii_lowercase().as_str(), "" | "json") {
        return Err(BadAnswer::Malformed(format!("the fenced block contains `{}`, not JSON", plain(info))));
    }
    let mut fences = inside.match_indices(FENCE).filter(|(at, _)| *at == 0 || inside[..*at].ends_with('\n'));
    let (end, _) = fences.next().ok_or(BadAnswer::Unclosed)?;
    match (inside[end + FENCE.len()..].trim().is_empty(), fences.next()) {
        (true, _) => Ok(&inside[..end]),
        (false, Some(_)) => Err(BadAnswer::SeveralBlocks),
        (false, None) => Err(BadAnswer::Prose),
    }
}

fn malformed(body: &str, error: &serde_json::Error) -> BadAnswer {
    let mut documents = serde_json::Deserializer::from_str(body).into_iter::<IgnoredAny>();
    let first_is_json = matches!(documents.next(), Some(Ok(_)));
    if error.is_syntax() && first_is_json && documents.byte_offset() < body.len() {
        return BadAnswer::Prose;
    }
    BadAnswer::Malformed(plain(&error.to_string()))
}

/// Text of an answer as one line that is safe for a terminal.
pub(super) fn plain(text: &str) -> String {
    let visible = |c| if is_plain(c) { c } else { ' ' };
    let mut shown: String = text.trim().chars().take(MAX_SHOWN_CHARS + 1).map(visible).collect();
    if let Some((end, _)) = shown.char_indices().nth(MAX_SHOWN_CHARS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// False for control characters, which could move the cursor, and for directional marks, which change the reading
/// order.
pub(super) fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}
