//! `hostler audit`: lease requests and their results.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hostler_core::time::{parse_duration, parse_instant};
use hostler_engine::audit::AuditEntry;
use hostler_engine::operate::AuditFilter;
use jiff::Timestamp;

use crate::app::App;
use crate::args::AuditArgs;
use crate::error::Error;
use crate::output::Format;
use crate::view;

/// Shows the audit trail, or the selected part of it.
pub fn run(app: &App, args: &AuditArgs) -> Result<(), Error> {
    let since = args.since.as_ref().map(|since| parse_since(since, (app.now)())).transpose()?;
    let filter = AuditFilter { about: args.name.clone(), since };
    let lines = app.operate(async |operator, _| Ok(operator.audit(&filter).await?))?;
    if let Some(file) = &args.export {
        export(&app.settings.directory.join(file), &lines)?;
        app.printer.say(&format!("{} written to {}", view::plural(lines.len(), "line"), file.display()));
        return Ok(());
    }
    if lines.is_empty() && app.format == Format::Text {
        app.printer.say("no lease requests");
        return Ok(());
    }
    app.emit(&lines, |width| view::audit(&lines, width))
}

/// Parses an instant, or a duration before now.
pub(super) fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    match parse_duration(text) {
        Ok(ago) => Ok(now.checked_sub(ago).unwrap_or(Timestamp::MIN)),
        Err(_) => Ok(parse_instant(text)?),
    }
}

fn export(path: &Path, lines: &[AuditEntry]) -> Result<(), Error> {
    let unwritable = |error: std::io::Error| {
        Error::unwritable(path, &error).hinted("name a new file: existing files are not overwritten")
    };
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(|error| unwritable(error.into()))?;
        text.push(b'\n');
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all())).map_err(unwritable)
}
