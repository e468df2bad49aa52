//! Output formats of standard output.

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// Output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and short lines, for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document with the same fields.
    Yaml,
}

/// A value as JSON or YAML, or the result of `text`.
pub fn render<T: Serialize>(format: Format, value: &T, text: impl FnOnce() -> String) -> Result<String, Error> {
    match format {
        Format::Text => Ok(text()),
        Format::Json => serde_json::to_string_pretty(value).map(|json| json + "\n").map_err(|error| unwritten(&error)),
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| unwritten(&error)),
    }
}

fn unwritten(error: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::System, "the result can't be serialized").caused_by(error)
}
