//! The three formats of what goes to standard output.

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, Kind};

/// How data is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: tables and short lines.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document, with the same fields.
    Yaml,
}

/// A value in the machine-readable formats; in text, what `text` makes of it.
pub fn render<T: Serialize>(format: Format, value: &T, text: impl FnOnce() -> String) -> Result<String, Error> {
    match format {
        Format::Text => Ok(text()),
        Format::Json => serde_json::to_string_pretty(value).map(|json| json + "\n").map_err(|error| unwritten(&error)),
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| unwritten(&error)),
    }
}

fn unwritten(error: &dyn std::error::Error) -> Error {
    Error::new(Kind::System, "the answer can't be written in this format").caused_by(error)
}
