//! A plan's steps as commands of the site's own client, to learn from, or to run without hostler.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hostler_core::plan::Plan;

use crate::app::App;
use crate::args::CommandsArgs;
use crate::error::{Error, ErrorKind};

/// Shows them, and writes them to a file, as far as that is asked for.
pub fn tell(app: &App, plan: &Plan, args: &CommandsArgs) -> Result<(), Error> {
    if !args.show_commands && args.script.is_none() {
        return Ok(());
    }
    let script = app.script_of(plan)?;
    if args.show_commands {
        app.printer.say(&script);
    }
    if let Some(path) = &args.script {
        let path = app.settings.directory.join(path);
        write(&path, &script).map_err(|error| {
            Error::new(ErrorKind::System, format!("`{}` can't be written", path.display())).caused_by(&error)
        })?;
        app.printer.say(&format!("do it without hostler: sh {0} up; sh {0} down", path.display()));
    }
    Ok(())
}

fn write(path: &Path, script: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path)?;
    file.write_all(script.as_bytes())
}
