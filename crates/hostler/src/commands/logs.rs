//! `hostler logs`: what the set-up and the run wrote, and the consoles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::{Name, SiteId};
use hostler_core::plan::{Action, PlannedResource, Step};
use hostler_core::ticket::StepId;
use hostler_engine::deploy::Files;
use hostler_engine::store::{Record, Store};
use serde_json::json;

use crate::app::{App, near};
use crate::args::LogsArgs;
use crate::drive::interrupts;
use crate::error::{Error, ErrorKind};

/// How often a followed log is looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// So many bytes of a file are read at a time, from its end on.
const PART: u64 = 1 << 16;

/// What a step wrote, as much of it as is wanted.
struct Log {
    step: StepId,
    file: Option<PathBuf>,
    text: Vec<u8>,
    /// How far the file has been read, in bytes.
    end: u64,
}

/// Shows the logs of the steps in their order; with `--follow` as long as somebody works on the deployment.
pub fn run(app: &App, args: &LogsArgs) -> Result<(), Error> {
    app.block_on(async {
        let (store, record) = find(app, &args.name).await?;
        let logs = match &args.step {
            Some(step) => vec![of_step(app, &store, &record, step, args.lines).await?],
            None => all(app, &store, &record, args.lines).await?,
        };
        show(app, &logs)?;
        if args.follow { follow(app, &store, &record, &logs, args.step.is_some()).await } else { Ok(()) }
    })
}

/// The live deployment of a name, or the last one that had it: logs outlive machines.
async fn find(app: &App, name: &str) -> Result<(Store, Record), Error> {
    let Some(store) = app.store_if_there().await? else { return Err(app.no_deployment(name, None).await) };
    let found = match Name::new(name) {
        Ok(name) => store.find_last(&name).await?,
        Err(_) => None,
    };
    match found {
        Some(record) => Ok((store, record)),
        None => Err(app.no_deployment(name, Some(&store)).await),
    }
}

/// All steps of the deployment: what the last round left out may have been done in an earlier one, and its log is there.
fn steps(record: &Record) -> Vec<Step> {
    let plan = &record.plan;
    let all = plan.rework(&plan.demand, plan.at).map(|whole| whole.steps).unwrap_or_default();
    let laid_out: BTreeSet<&StepId> = all.iter().map(|step| &step.id).collect();
    let own = plan.steps.iter().filter(|step| !laid_out.contains(&step.id)).cloned();
    own.collect::<Vec<_>>().into_iter().chain(all).collect()
}

async fn of_step(app: &App, store: &Store, record: &Record, step: &str, lines: Option<usize>) -> Result<Log, Error> {
    let steps = steps(record);
    let Some(found) = steps.iter().find(|known| known.id.as_str() == step) else {
        let error = Error::new(ErrorKind::NotFound, format!("`{}` has no step `{step}`", record.name));
        let hint = match near(step, steps.iter().map(|step| step.id.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`hostler status {}` lists its steps", record.name),
        };
        return Err(error.hinted(hint));
    };
    if let Action::Create(PlannedResource::Machine(spec)) = &found.action {
        return console(app, record, &found.id, &spec.site, lines).await;
    }
    let file = log_file(store, record, found);
    let (text, end) = file.as_deref().map(|file| read(file, lines)).transpose()?.flatten().unwrap_or_default();
    Ok(Log { step: found.id.clone(), file, text, end })
}

/// The logs of all steps that wrote one; where none did, the machines' consoles.
async fn all(app: &App, store: &Store, record: &Record, lines: Option<usize>) -> Result<Vec<Log>, Error> {
    let mut logs = Vec::new();
    for step in steps(record) {
        let Some(file) = log_file(store, record, &step) else { continue };
        if let Some((text, end)) = read(&file, lines)? {
            logs.push(Log { step: step.id, file: Some(file), text, end });
        }
    }
    // Several checks of a machine write to one file.
    logs.dedup_by(|a, b| a.file == b.file);
    if logs.is_empty() {
        for (step, spec) in record.plan.machines() {
            logs.extend(console(app, record, &step.id, &spec.site, lines).await);
        }
    }
    Ok(logs)
}

/// The file with all that a part of the set-up wrote; other steps have none.
fn log_file(store: &Store, record: &Record, step: &Step) -> Option<PathBuf> {
    let Action::SetUp { machine, phase } = &step.action else { return None };
    let (_, spec) = record.plan.machines().find(|(made, _)| made.id == *machine)?;
    Some(Files::at(store.files_of(record.id)).log(&spec.name, phase))
}

/// What a file holds, or its last lines, and how far that goes; nothing where it isn't there (yet).
fn read(file: &Path, lines: Option<usize>) -> Result<Option<(Vec<u8>, u64)>, Error> {
    match File::open(file).and_then(|mut file| read_end(&mut file, lines)) {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Error::new(ErrorKind::System, format!("`{}` can't be read", file.display())).caused_by(&error))
        }
    }
}

/// A log may be as long as the disk has room for: of its end, only the end is read.
fn read_end(file: &mut File, lines: Option<usize>) -> io::Result<(Vec<u8>, u64)> {
    let mut text = Vec::new();
    let Some(lines) = lines else {
        let end = file.read_to_end(&mut text)? as u64;
        return Ok((text, end));
    };
    let end = file.seek(SeekFrom::End(0))?;
    let mut from = end;
    while from > 0 && text.iter().filter(|byte| **byte == b'\n').count() <= lines {
        let length = from.min(PART);
        from -= length;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(length).read_to_end(&mut part)?;
        part.append(&mut text);
        text = part;
    }
    Ok((last_lines(&text, lines).to_vec(), end))
}

async fn console(app: &App, record: &Record, step: &StepId, site: &SiteId, lines: Option<usize>) -> Result<Log, Error> {
    let journal = record.journal();
    let Some(made) = journal.made(step) else {
        return Err(Error::new(
            ErrorKind::InvalidState,
            format!("the machine of `{step}` is not there, and so is its console"),
        ));
    };
    let sites = app.sites()?;
    let site =
        sites.get(site).ok_or_else(|| Error::new(ErrorKind::Config, format!("the site `{site}` is not configured")))?;
    let text = site.console(&made.reference).await?.into_bytes();
    let text = lines.map(|lines| last_lines(&text, lines).to_vec()).unwrap_or(text);
    Ok(Log { step: step.clone(), file: None, text, end: 0 })
}

fn show(app: &App, logs: &[Log]) -> Result<(), Error> {
    let shown = |log: &Log| String::from_utf8_lossy(&log.text).into_owned();
    let documents: Vec<_> =
        logs.iter().map(|log| json!({ "step": log.step, "file": log.file, "text": shown(log) })).collect();
    app.emit(&documents, |_| {
        let heading = |log: &Log| if logs.len() > 1 { format!("==> {} <==\n", log.step) } else { String::new() };
        logs.iter().map(|log| format!("{}{}", heading(log), shown(log))).collect()
    })
}

/// Shows what is written from now on, until nobody works on the deployment any more, or the user has seen enough.
async fn follow(app: &App, store: &Store, record: &Record, logs: &[Log], one: bool) -> Result<(), Error> {
    let mut interrupts = interrupts()?;
    let of_interest = |step: &&Step| !one || logs.iter().any(|log| log.step == step.id);
    let steps = steps(record);
    let steps = steps.iter().filter(of_interest);
    let mut files: BTreeMap<PathBuf, u64> =
        steps.filter_map(|step| Some((log_file(store, record, step)?, 0))).collect();
    for log in logs {
        if let Some(seen) = log.file.as_ref().and_then(|file| files.get_mut(file)) {
            *seen = log.end;
        }
    }
    while *interrupts.borrow_and_update() == 0 {
        // Asked before the last look, so that nothing is missed.
        let goes_on = store.is_busy(&record.name)?;
        for (file, from) in &mut files {
            let more = read_from(file, *from);
            *from += more.len() as u64;
            if !more.is_empty() {
                app.printer.data_bytes(&more);
            }
        }
        if !goes_on {
            return Ok(());
        }
        // Whichever comes first; a closed channel only means that no signal can come any more.
        let _ = tokio::time::timeout(PAUSE, interrupts.changed()).await;
    }
    Ok(())
}

/// What a file holds from a place on; nothing where it can't be read (yet).
fn read_from(file: &Path, from: u64) -> Vec<u8> {
    let mut more = Vec::new();
    if let Ok(mut file) = File::open(file)
        && file.seek(SeekFrom::Start(from)).is_ok()
        && file.read_to_end(&mut more).is_err()
    {
        more.clear();
    }
    more
}

fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let last: usize = text.split_inclusive(|byte| *byte == b'\n').rev().take(lines).map(<[u8]>::len).sum();
    &text[text.len() - last..]
}
