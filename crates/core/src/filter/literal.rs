//! The literals of a filter.

use super::field::{Field, FieldType};
use crate::inventory::arch;
use crate::size::Bytes;

/// A value that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Flag(bool),
    /// In the field's own unit: bytes for sizes, bits per second for rates.
    Number(f64),
    Text(String),
}

impl Literal {
    /// Parses a literal of a field's type. `None` if the text is not one.
    pub(super) fn parse(field: Field, value: &str) -> Option<Self> {
        match field.kind() {
            FieldType::Flag => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(Self::Flag(true)),
                "false" | "no" | "0" => Some(Self::Flag(false)),
                _ => None,
            },
            FieldType::Number => value.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Number),
            // A bare number is bytes, as in Blazar's own queries. Below 1 MiB a forgotten unit is more likely.
            FieldType::Size => match value.parse::<u64>() {
                Ok(bytes) => (bytes >= 1 << 20).then_some(Self::Number(bytes as f64)),
                Err(_) => value.parse().ok().map(|Bytes(bytes)| Self::Number(bytes as f64)),
            },
            FieldType::Rate => rate(value).map(Self::Number),
            FieldType::Text if field == Field::Arch => Some(Self::Text(arch(value).to_owned())),
            FieldType::Text => Some(Self::Text(value.to_owned())),
        }
    }

    /// The text that parses back to this literal, with quotes if it needs them.
    pub(super) fn show(&self, field: Field) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) if text.contains('\'') => format!("\"{text}\""),
            Self::Text(text) if text.is_empty() || text.contains(|c: char| !is_plain(c)) => format!("'{text}'"),
            Self::Text(text) => text.clone(),
            Self::Number(number) if field.kind() == FieldType::Size => Bytes(*number as u64).exact(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// True for characters that need no quotes.
pub(super) fn is_plain(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '=' | '!' | '<' | '>' | '~' | '&' | '|' | '"' | '\'' | ',')
}

/// Parses `25Gbps`, `100G` or a bare number of bits per second.
fn rate(text: &str) -> Option<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.to_ascii_lowercase().trim_end_matches("bps").trim_end_matches("bit/s") {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        _ => return None,
    };
    number.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}
