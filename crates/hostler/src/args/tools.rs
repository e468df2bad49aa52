//! `hostler check`, `completions` and `man`.

use std::path::PathBuf;

use clap::Args;

/// Sites to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Sites [default: all]
    #[arg(value_name = "SITE")]
    pub sites: Vec<String>,
}

/// A shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Destination of the manual pages.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}
