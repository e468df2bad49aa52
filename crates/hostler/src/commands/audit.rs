//! `hostler audit`: lease requests and their results.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hostler_core::name::DeploymentId;
use hostler_core::ticket::Ref;
use hostler_core::time::{parse_duration, parse_instant};
use hostler_engine::audit::{AuditEntry, LeaseCall};
use jiff::Timestamp;

use crate::app::App;
use crate::args::AuditArgs;
use crate::error::{Error, ErrorKind};
use crate::output::Format;
use crate::view;

/// Shows the audit trail, or the selected part of it.
pub fn run(app: &App, args: &AuditArgs) -> Result<(), Error> {
    let (mut lines, bad) = app.trail().read()?;
    if bad > 0 {
        app.printer.say(&format!("warning: {} of the audit trail can't be read", view::plural(bad, "line")));
    }
    if let Some(name) = &args.name {
        let ids = app.operate(async |operator, _| Ok(operator.ids_of(name).await?))?;
        lines = about(lines, name, &ids);
        if lines.is_empty() {
            let error = Error::new(ErrorKind::NotFound, format!("the audit trail has no entry about `{name}`"));
            return Err(error.hinted("`hostler audit` shows all entries"));
        }
    }
    if let Some(since) = &args.since {
        let since = parse_since(since, (app.now)())?;
        lines.retain(|line| line.at >= since);
    }
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

/// The entries about a deployment of this name, or a lease of this name or id. An extension has no ticket, so it is matched
/// by the lease.
fn about(lines: Vec<AuditEntry>, name: &str, ids: &BTreeSet<DeploymentId>) -> Vec<AuditEntry> {
    let is_meant = |line: &AuditEntry| {
        line.ticket.as_ref().is_some_and(|ticket| ids.contains(&ticket.deployment))
            || line.lease.as_ref().is_some_and(|lease| lease.0 == name)
            || matches!(&line.call, LeaseCall::Create { name: called, .. } if called == name)
    };
    let meant = lines.iter().filter(|line| is_meant(line));
    let leases: BTreeSet<Ref> = meant.filter_map(|line| line.lease.clone()).collect();
    let is_about =
        |line: &AuditEntry| is_meant(line) || line.lease.as_ref().is_some_and(|lease| leases.contains(lease));
    lines.into_iter().filter(|line| is_about(line)).collect()
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
