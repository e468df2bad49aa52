//! `hostler man`: the manual pages.

use std::path::Path;

use crate::app::App;
use crate::args::ManArgs;
use crate::error::{Error, ErrorKind};
use crate::reference::man;

/// Prints the main page, or writes one page per command to a directory.
pub fn run(app: &App, args: &ManArgs) -> Result<(), Error> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        let rendered = man::main_page(&mut page);
        rendered
            .map_err(|error| Error::new(ErrorKind::System, "the manual page can't be rendered").caused_by(&error))?;
        app.printer.data_bytes(&page);
        return Ok(());
    };
    let written = std::fs::create_dir_all(dir).and_then(|()| man::pages(dir));
    written.map_err(|error| unwritten(dir, &error))
}

fn unwritten(dir: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::System, format!("manual pages can't be written to `{}`", dir.display())).caused_by(error)
}
