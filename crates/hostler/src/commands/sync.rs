//! `hostler sync`: a directory here and on machines alike.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_engine::fleet::each;
use hostler_engine::host::{
    Compare, ExtraFiles, FileSelection, HostError, HostKey, Hosts, Ssh, SyncMode, SyncOptions, SyncReport, Target,
};
use hostler_engine::run::Interrupts;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::App;
use crate::args::{Remote, SyncArgs, SyncFilterArgs, SyncVerb};
use crate::drive::{interrupted, interrupts};
use crate::error::{Error, ErrorKind};
use crate::fleet::Fleet;
use crate::view;

/// So many names are shown of what would be deleted.
const SHOWN: usize = 20;

/// One way of the two, between a directory here and one there.
struct Route<'a> {
    local: &'a Path,
    remote: &'a str,
    direction: Direction,
    several: bool,
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// What came of it on a machine.
struct Went {
    key: Option<HostKey>,
    result: Result<SyncReport, SyncFailure>,
}

enum SyncFailure {
    Host(HostError),
    TimedOut(Duration),
}

/// Looks first where something may be deleted, asks, and then does it.
pub fn run(app: &App, args: &SyncArgs) -> Result<(), Error> {
    let (local, remote, what, direction): (&PathBuf, &Remote, &SyncFilterArgs, Direction) = match &args.way {
        SyncVerb::Up(args) => (&args.from, &args.to, &args.what, Direction::Up),
        SyncVerb::Down(args) => (&args.to, &args.from, &args.what, Direction::Down),
    };
    if remote.name.is_some() == what.fleet.hosts.is_some() {
        let message = "name a deployment (`NAME:DIRECTORY`) or a list of hosts (`--hosts FILE`), and not both";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    app.block_on(async {
        let interrupts = interrupts()?;
        let fleet = Fleet::of(app, remote.name.as_deref(), &what.fleet).await?;
        let local = app.settings.directory.join(local);
        if matches!(direction, Direction::Up) && !local.exists() {
            let error = Error::new(ErrorKind::Usage, format!("there is no `{}` to send", local.display()));
            return Err(error.hinted("name a directory of this computer, and then where it goes to"));
        }
        let route = Route { local: &local, remote: &remote.path, direction, several: fleet.targets.len() > 1 };
        let hosts = Ssh::default();
        let mut sync_options = what.sync_options(direction);
        if what.consent.dry_run || (what.delete && !what.consent.yes) {
            sync_options.mode = SyncMode::DryRun;
            let looked = route.go(&hosts, &fleet, what, &sync_options, &interrupts).await?;
            if what.consent.dry_run {
                return finish(app, &fleet, &looked, SyncMode::DryRun);
            }
            let question = deletions(&fleet, &looked);
            if !question.is_empty() {
                app.printer.say(&question);
                app.confirm_or_interrupt(&what.consent, "delete these?", &interrupts).await?;
            }
            sync_options.mode = SyncMode::Apply;
        }
        let went = route.go(&hosts, &fleet, what, &sync_options, &interrupts).await?;
        finish(app, &fleet, &went, SyncMode::Apply)
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

impl Route<'_> {
    async fn go(
        &self,
        hosts: &Ssh,
        fleet: &Fleet,
        what: &SyncFilterArgs,
        sync_options: &SyncOptions,
        interrupts: &Interrupts,
    ) -> Result<Vec<Option<Went>>, Error> {
        let options = what.fleet.options();
        let one = async |target: &Target| {
            let mut key = None;
            let work = self.one(hosts, target, sync_options, &mut key);
            let result = match options.timeout {
                None => work.await.map_err(SyncFailure::Host),
                Some(limit) => match timeout(limit, work).await {
                    Ok(result) => result.map_err(SyncFailure::Host),
                    Err(_) => Err(SyncFailure::TimedOut(limit)),
                },
            };
            Went { key, result }
        };
        let went =
            each(&fleet.targets, &options, interrupted(interrupts), one, |went: &Went| went.result.is_err()).await;
        let met = went.iter().zip(&fleet.targets);
        fleet.pin(met.filter_map(|(went, target)| Some((target.machine.as_str(), went.as_ref()?.key.as_ref()?))))?;
        if *interrupts.borrow() > 0 {
            return Err(
                Error::new(ErrorKind::Interrupted, "interrupted").hinted("the same command goes on where it was")
            );
        }
        Ok(went)
    }

    async fn one(
        &self,
        hosts: &Ssh,
        target: &Target,
        sync_options: &SyncOptions,
        key: &mut Option<HostKey>,
    ) -> Result<SyncReport, HostError> {
        let session = hosts.session(target).await?;
        *key = session.host_key();
        match (self.direction, self.several) {
            (Direction::Up, _) => session.sync_up(self.local, self.remote, sync_options).await,
            (Direction::Down, false) => session.sync_down(self.remote, self.local, sync_options).await,
            (Direction::Down, true) => {
                session.sync_down(self.remote, &self.local.join(&target.machine), sync_options).await
            }
        }
    }
}

fn deletions(fleet: &Fleet, looked: &[Option<Went>]) -> String {
    let mut out = String::new();
    for (target, went) in fleet.targets.iter().zip(looked) {
        let Some(Went { result: Ok(synced), .. }) = went else { continue };
        if synced.deleted.is_empty() {
            continue;
        }
        out.push_str(&format!("{}: {} would be deleted\n", target.machine, view::plural(synced.deleted.len(), "name")));
        for name in synced.deleted.iter().take(SHOWN) {
            out.push_str(&format!("  {}\n", name.escape_default()));
        }
        if synced.deleted.len() > SHOWN {
            out.push_str(&format!("  and {} more\n", synced.deleted.len() - SHOWN));
        }
    }
    out
}

fn finish(app: &App, fleet: &Fleet, went: &[Option<Went>], mode: SyncMode) -> Result<(), Error> {
    let all: Vec<(&Target, &Option<Went>)> = fleet.targets.iter().zip(went).collect();
    let documents: Vec<Value> = all.iter().map(|(target, went)| document(target, went)).collect();
    app.emit(&documents, |_| all.iter().map(|(target, went)| line(target, went, mode)).collect())?;
    let failed = all.iter().filter(|(_, went)| !matches!(went, Some(Went { result: Ok(_), .. }))).count();
    if failed == 0 {
        return Ok(());
    }
    let mut error = Error::new(ErrorKind::Site, format!("{failed} of {} not synced", view::machines(all.len())));
    let hosts = went.iter().flatten().filter_map(|went| match &went.result {
        Err(SyncFailure::Host(host)) => Some(host),
        _ => None,
    });
    for host in hosts {
        error = error.caused_by(host).maybe_hinted(fleet.hint(host));
    }
    error.hints.sort();
    error.hints.dedup();
    Err(error)
}

fn line(target: &Target, went: &Option<Went>, mode: SyncMode) -> String {
    let machine = &target.machine;
    match went {
        None => format!("{machine}: not begun, or stopped\n"),
        Some(Went { result: Err(SyncFailure::Host(error)), .. }) => format!("{machine}: {}\n", error.kind),
        Some(Went { result: Err(SyncFailure::TimedOut(limit)), .. }) => {
            format!("{machine}: did not end within {} s, and was stopped\n", limit.as_secs_f32())
        }
        Some(Went { result: Ok(synced), .. }) => {
            let would = if mode == SyncMode::DryRun { "would be " } else { "" };
            let mut text = format!("{machine}: {} {would}sent, {} unchanged", synced.sent.len(), synced.unchanged);
            if !synced.deleted.is_empty() {
                text.push_str(&format!(", {} {would}deleted", synced.deleted.len()));
            }
            if !synced.skipped.is_empty() {
                text.push_str(&format!(", {} left there (devices, and links that lead out)", synced.skipped.len()));
            }
            text + "\n"
        }
    }
}

fn document(target: &Target, went: &Option<Went>) -> Value {
    let (synced, error) = match went {
        None => (None, Some("not begun, or stopped".to_owned())),
        Some(Went { result: Ok(synced), .. }) => (Some(synced), None),
        Some(Went { result: Err(SyncFailure::Host(error)), .. }) => (None, Some(error.to_string())),
        Some(Went { result: Err(SyncFailure::TimedOut(_)), .. }) => (None, Some("took too long".to_owned())),
    };
    json!({
        "machine": target.machine,
        "sent": synced.map(|synced| &synced.sent),
        "deleted": synced.map(|synced| &synced.deleted),
        "unchanged": synced.map(|synced| synced.unchanged),
        "left": synced.map(|synced| &synced.skipped),
        "error": error,
    })
}
