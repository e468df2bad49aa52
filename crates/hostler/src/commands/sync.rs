//! `hostler sync`: synchronizes a directory of this computer with a directory on each machine.

use std::path::PathBuf;

use hostler_engine::host::{Compare, ExtraFiles, FileSelection, SyncMode, SyncOptions, Target};
use hostler_engine::operate::{Direction, Fleet, Mode, SyncRequest, SyncResult};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{Remote, SyncArgs, SyncFilterArgs, SyncVerb};
use crate::error::{Error, ErrorKind};
use crate::hosts;
use crate::view;

/// Synchronizes, after asking if files would be deleted.
pub fn run(app: &App, args: &SyncArgs) -> Result<(), Error> {
    let (local, remote, what, direction): (&PathBuf, &Remote, &SyncFilterArgs, Direction) = match &args.way {
        SyncVerb::Up(args) => (&args.from, &args.to, &args.what, Direction::Up),
        SyncVerb::Down(args) => (&args.to, &args.from, &args.what, Direction::Down),
    };
    if remote.name.is_some() == what.fleet.hosts.is_some() {
        let message = "name either a deployment (`NAME:DIRECTORY`) or a list of hosts (`--hosts FILE`)";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    app.operate_with(&what.consent, async |operator, interrupts| {
        let fleet = app.fleet(operator, remote.name.as_deref(), &what.fleet).await?;
        let local = app.settings.directory.join(local);
        if direction == Direction::Up && !local.exists() {
            let error = Error::new(ErrorKind::Usage, format!("the directory `{}` does not exist", local.display()));
            return Err(error.hinted("name the local directory first, then the remote one"));
        }
        let (sync_options, mode) = (what.sync_options(direction), what.consent.mode());
        let request = SyncRequest {
            fleet: &fleet,
            local: &local,
            remote: &remote.path,
            direction,
            sync_options: &sync_options,
            options: what.fleet.options(),
            mode,
        };
        let results = operator.sync(&request, interrupts).await?;
        finish(app, &fleet, &results, mode)
    })
}

impl SyncFilterArgs {
    fn sync_options(&self, direction: Direction) -> SyncOptions {
        SyncOptions {
            files: match direction {
                Direction::Up => FileSelection::Source,
                Direction::Down => FileSelection::All,
            },
            exclude: self.exclude.clone(),
            compare: if self.checksum { Compare::Content } else { Compare::SizeAndTime },
            extra: if self.delete { ExtraFiles::Delete } else { ExtraFiles::Keep },
            mode: SyncMode::Apply,
        }
    }
}

fn finish(app: &App, fleet: &Fleet, results: &[SyncResult], mode: Mode) -> Result<(), Error> {
    let all: Vec<(&Target, &SyncResult)> = fleet.targets.iter().zip(results).collect();
    let documents: Vec<Value> = all.iter().map(|(target, result)| document(target, result)).collect();
    app.emit(&documents, |_| all.iter().map(|(target, result)| line(target, result, mode)).collect())?;
    let failed = results.iter().filter(|result| !matches!(result, SyncResult::SyncReport(_))).count();
    if failed == 0 {
        return Ok(());
    }
    let mut error =
        Error::new(ErrorKind::Site, format!("{failed} of {} were not synchronized", view::machines(all.len())));
    for result in results {
        if let SyncResult::Failed(host) = result {
            error = error.caused_by(host).maybe_hinted(hosts::hint(fleet, host));
        }
    }
    error.hints.sort();
    error.hints.dedup();
    Err(error)
}

fn line(target: &Target, result: &SyncResult, mode: Mode) -> String {
    let machine = &target.machine;
    match result {
        SyncResult::Stopped => format!("{machine}: cancelled\n"),
        SyncResult::Failed(error) => format!("{machine}: {}\n", error.kind),
        SyncResult::TimedOut(limit) => {
            format!("{machine}: timed out after {} s\n", limit.as_secs_f32())
        }
        SyncResult::SyncReport(synced) => {
            let would = if mode == Mode::DryRun { "would be " } else { "" };
            let mut text = format!("{machine}: {} {would}sent, {} unchanged", synced.sent.len(), synced.unchanged);
            if !synced.deleted.is_empty() {
                text.push_str(&format!(", {} {would}deleted", synced.deleted.len()));
            }
            if !synced.skipped.is_empty() {
                text.push_str(&format!(
                    ", {} skipped (devices, and links that leave the directory)",
                    synced.skipped.len()
                ));
            }
            text + "\n"
        }
    }
}

fn document(target: &Target, result: &SyncResult) -> Value {
    let (synced, error) = match result {
        SyncResult::SyncReport(synced) => (Some(synced), None),
        SyncResult::Stopped => (None, Some("cancelled".to_owned())),
        SyncResult::Failed(error) => (None, Some(error.to_string())),
        SyncResult::TimedOut(_) => (None, Some("timed out".to_owned())),
    };
    json!({
        "machine": target.machine,
        "sent": synced.map(|synced| &synced.sent),
        "deleted": synced.map(|synced| &synced.deleted),
        "unchanged": synced.map(|synced| synced.unchanged),
        "skipped": synced.map(|synced| &synced.skipped),
        "error": error,
    })
}
