//! `hostler completions`: a completion script for a shell.

use clap::CommandFactory;

use crate::app::App;
use crate::args::{Cli, CompletionsArgs};
use crate::error::Error;

/// Writes the script to standard output.
pub fn run(app: &App, args: &CompletionsArgs) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hostler", &mut script);
    app.printer.data_bytes(&script);
    Ok(())
}
