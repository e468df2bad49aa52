//! `hostler logs`: what the set-up and the run wrote, and the consoles.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::Name;
use hostler_core::plan::{Action, Step, What};
use hostler_core::ticket::StepId;
use hostler_engine::deploy::Files;
use hostler_engine::store::{Record, Store};
use serde_json::json;

use crate::app::{App, near};
use crate::args::LogsArgs;
use crate::drive::interrupts;
use crate::error::{Error, Kind};

/// How often a followed log is looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// What a step wrote.
struct Log {
    step: StepId,
    file: Option<PathBuf>,
    text: String,
}

/// Shows the logs of the steps in their order; with `--follow` until interrupted.
pub fn run(app: &App, args: &LogsArgs) -> Result<(), Error> {
    app.block_on(async {
        let (store, record) = find(app, &args.name).await?;
        let logs = match &args.step {
            Some(step) => vec![of_step(app, &store, &record, step).await?],
            None => all(app, &store, &record).await?,
        };
        show(app, args, &logs)?;
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

async fn of_step(app: &App, store: &Store, record: &Record, step: &str) -> Result<Log, Error> {
    let Some(found) = record.plan.steps.iter().find(|known| known.id.as_str() == step) else {
        let error = Error::new(Kind::Unknown, format!("`{}` has no step `{step}`", record.name));
        let hint = match near(step, record.plan.steps.iter().map(|step| step.id.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`hostler status {}` lists its steps", record.name),
        };
        return Err(error.hinted(hint));
    };
    if let Action::Create(What::Machine(spec)) = &found.action {
        return console(app, record, &found.id, &spec.site).await;
    }
    let file = log_file(store, record, found);
    let text = file.as_deref().map(read).transpose()?.flatten().unwrap_or_default();
    Ok(Log { step: found.id.clone(), file, text })
}

/// The logs of all steps that wrote one; where none did, the machines' consoles.
async fn all(app: &App, store: &Store, record: &Record) -> Result<Vec<Log>, Error> {
    let mut logs = Vec::new();
    for step in &record.plan.steps {
        let Some(file) = log_file(store, record, step) else { continue };
        if let Some(text) = read(&file)? {
            logs.push(Log { step: step.id.clone(), file: Some(file), text });
        }
    }
    // Several checks of a machine write to one file.
    logs.dedup_by(|a, b| a.file == b.file);
    if logs.is_empty() {
        for (step, spec) in record.plan.machines() {
            logs.extend(console(app, record, &step.id, &spec.site).await);
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

/// What a file holds; nothing where it isn't there (yet).
fn read(file: &Path) -> Result<Option<String>, Error> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(Kind::System, format!("`{}` can't be read", file.display())).caused_by(&error)),
    }
}

async fn console(app: &App, record: &Record, step: &StepId, site: &hostler_core::name::SiteId) -> Result<Log, Error> {
    let journal = record.journal();
    let Some(made) = journal.made(step) else {
        return Err(Error::new(Kind::State, format!("the machine of `{step}` is not there, and so is its console")));
    };
    let sites = app.sites()?;
    let site =
        sites.get(site).ok_or_else(|| Error::new(Kind::Config, format!("the site `{site}` is not configured")))?;
    Ok(Log { step: step.clone(), text: site.console(&made.reference).await?, file: None })
}

fn show(app: &App, args: &LogsArgs, logs: &[Log]) -> Result<(), Error> {
    let shown = |log: &Log| args.lines.map_or_else(|| log.text.clone(), |lines| last_lines(&log.text, lines));
    let documents: Vec<_> =
        logs.iter().map(|log| json!({ "step": log.step, "file": log.file, "text": shown(log) })).collect();
    app.emit(&documents, |_| {
        let heading = |log: &Log| if logs.len() > 1 { format!("==> {} <==\n", log.step) } else { String::new() };
        logs.iter().map(|log| format!("{}{}", heading(log), shown(log))).collect()
    })
}

/// Shows what is written from now on, until the user has seen enough.
async fn follow(app: &App, store: &Store, record: &Record, logs: &[Log], one: bool) -> Result<(), Error> {
    let mut interrupts = interrupts()?;
    let of_interest = |step: &&Step| !one || logs.iter().any(|log| log.step == step.id);
    let steps = record.plan.steps.iter().filter(of_interest);
    let mut files: BTreeMap<PathBuf, u64> =
        steps.filter_map(|step| Some((log_file(store, record, step)?, 0))).collect();
    for log in logs {
        if let Some(seen) = log.file.as_ref().and_then(|file| files.get_mut(file)) {
            *seen = log.text.len() as u64;
        }
    }
    while *interrupts.borrow_and_update() == 0 {
        for (file, from) in &mut files {
            let more = read_from(file, *from);
            *from += more.len() as u64;
            if !more.is_empty() {
                app.printer.data_bytes(&more);
            }
        }
        // Whichever comes first; a closed channel only means that no signal can come any more.
        let _ = tokio::time::timeout(PAUSE, interrupts.changed()).await;
    }
    Ok(())
}

/// What a file holds from a place on; nothing where it can't be read (yet).
fn read_from(file: &Path, from: u64) -> Vec<u8> {
    let mut more = Vec::new();
    if let Ok(mut file) = std::fs::File::open(file)
        && file.seek(SeekFrom::Start(from)).is_ok()
        && file.read_to_end(&mut more).is_err()
    {
        more.clear();
    }
    more
}

fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    all[all.len().saturating_sub(lines)..].concat()
}
