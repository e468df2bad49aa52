//! `hostler man`: the manual pages.

use std::path::Path;

use clap::CommandFactory;

use crate::app::App;
use crate::args::{Cli, ManArgs};
use crate::error::{Error, Kind};

/// Writes the main page to standard output, or a page for every command to a directory.
pub fn run(app: &App, args: &ManArgs) -> Result<(), Error> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| Error::new(Kind::System, "the page can't be made").caused_by(&error))?;
        app.printer.data_bytes(&page);
        return Ok(());
    };
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(|error| unwritten(dir, &error))
}

fn unwritten(dir: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::System, format!("the pages can't be written to `{}`", dir.display())).caused_by(error)
}
