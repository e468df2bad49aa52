//! Options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::output::Format;

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Output format of stdout: `text`, `json` or `yaml`
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Format,

    /// Progress format of stderr: `auto` (bars on a terminal, else lines), `lines`, `json` or `none`
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub events: Events,

    /// Append every call to a site, with its duration, to this file as JSON lines
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub trace: Option<PathBuf>,

    /// Colour: `auto`, `always` or `never`; `auto` respects NO_COLOR and CLICOLOR
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub color: Colour,
}

/// Format of progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Events {
    /// Bars on a terminal, else lines
    #[default]
    Auto,
    /// One line per event, with the time
    Lines,
    /// One JSON document per event
    Json,
    /// No progress
    None,
}

/// Use of colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
