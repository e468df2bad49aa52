//! From an answer's text to its content, or to what is wrong with it.

use std::ops::Deref;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{is_plain, plain};

/// Why an answer can't be read. Nothing of it counts then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is longer than any answer needs to be.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It has text around the JSON.
    #[error("there is text around the JSON")]
    Prose,
    /// A block was opened and never closed: it may have been cut off.
    #[error("its block is never closed")]
    Unclosed,
    /// Which of several blocks is meant is not known.
    #[error("it has several blocks")]
    SeveralBlocks,
    /// It is a list, a text or a number by itself, or nothing of the kind.
    #[error("it is no JSON object")]
    NotAnObject,
    /// No JSON, an unknown key, a key twice, or a value of another kind.
    #[error("{0}")]
    Malformed(String),
}

/// A text of an answer that may come to stand in a demand: short, in one line, and as it looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Word(String);

/// In characters.
const LONGEST_WORD: usize = 500;

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.chars().all(is_plain) {
            true if text.chars().count() <= LONGEST_WORD => Ok(Self(text)),
            true => Err("a text is too long"),
            false => Err("a text has control characters in it"),
        }
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// In bytes.
const LONGEST: usize = 64 << 10;
const FENCE: &str = "```";

/// Reads an answer: one JSON object, or one fenced block with it and nothing else.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, BadAnswer> {
    if text.len() > LONGEST {
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
        // A list would pass for an object whose keys are left out.
        Some(_) if body.contains('{') && !body.starts_with(['[', '"']) => Err(BadAnswer::Prose),
        Some(_) => Err(BadAnswer::NotAnObject),
    }
}

/// What stands between an opening fence and the closing one, which is the last line.
fn in_block(opened: &str) -> Result<&str, BadAnswer> {
    let (info, inside) = opened.split_once('\n').ok_or(BadAnswer::Unclosed)?;
    if !matches!(info.trim().to_ascii_lowercase().as_str(), "" | "json") {
        return Err(BadAnswer::Malformed(format!("its block holds `{}` and not JSON", plain(info))));
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
