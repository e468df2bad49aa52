//! What every command has at hand: settings, printer, time, store and sites, each made when it is first needed.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use hostler_core::name::Name;
pub use hostler_core::near::near;
use hostler_engine::deploy::Files;
use hostler_engine::run::Interrupts;
use hostler_engine::store::{Lock, Record, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::{Consent, Events, Global};
use crate::config::Settings;
use crate::drive::unless_interrupted;
use crate::error::{Error, ErrorKind};
use crate::output::{Format, render};
use crate::printer::Printer;
use crate::summary::Summary;
use crate::table::Width;

/// What every command has at hand.
pub struct App {
    /// What the user has set.
    pub settings: Settings,
    /// The only writer to the terminal.
    pub printer: Arc<Printer>,
    /// How data is written.
    pub format: Format,
    /// How progress is written.
    pub events: Events,
    /// The time.
    pub now: fn() -> Timestamp,
}

impl App {
    /// For a command line.
    pub fn new(settings: Settings, printer: Arc<Printer>, global: &Global) -> Self {
        Self { settings, printer, format: global.output, events: global.events, now: Timestamp::now }
    }

    /// Runs a future to its end, on this thread.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Error::new(ErrorKind::System, "no threads to work with").caused_by(&error))?;
        let result = runtime.block_on(future);
        // A call that hangs in a thread of its own must not keep a finished command from ending.
        runtime.shutdown_background();
        result
    }

    /// Writes a value to standard output: as JSON or YAML, or the text that is made of it.
    pub fn emit<T: Serialize>(&self, value: &T, text: impl FnOnce(Width) -> String) -> Result<(), Error> {
        let text = render(self.format, value, || text(self.printer.width))?;
        self.printer.data(&text);
        Ok(())
    }

    /// Shows a text for people: on standard output where that is for people, else on standard error.
    pub fn show(&self, text: impl FnOnce(Width) -> String) {
        match self.format {
            Format::Text => self.printer.data(&text(self.printer.width)),
            Format::Json | Format::Yaml => self.printer.say(&text(self.printer.error_width)),
        }
    }

    /// The store, which is made where there is none.
    pub async fn store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.settings.data_dir).await?)
    }

    /// The store, where there is one: a command that only looks makes none.
    pub async fn store_if_there(&self) -> Result<Option<Store>, Error> {
        if !self.settings.data_dir.join("journal.db").exists() {
            return Ok(None);
        }
        self.store().await.map(Some)
    }

    /// The live deployments, the oldest first. Of those that can't be read the user is told.
    pub async fn readable(&self, store: &Store) -> Result<Vec<Record>, Error> {
        let listing = store.list().await?;
        for error in &listing.unreadable {
            self.printer.say(&format!("warning: {error}"));
        }
        Ok(listing.records)
    }

    /// Makes sure that no live deployment has a name, before anybody is asked for anything.
    pub async fn check_free(&self, name: &Name) -> Result<(), Error> {
        match self.store_if_there().await? {
            Some(store) if store.find(name).await?.is_some() => Err(StoreError::Taken(name.clone()).into()),
            _ => Ok(()),
        }
    }

    /// The store and the live deployment of a name.
    pub async fn deployment(&self, name: &str) -> Result<(Store, Record), Error> {
        let Some(store) = self.store_if_there().await? else { return Err(self.no_deployment(name, None).await) };
        let record = match Name::new(name) {
            Ok(name) => store.find(&name).await?,
            Err(_) => None,
        };
        match record {
            Some(record) => Ok((store, record)),
            None => Err(self.no_deployment(name, Some(&store)).await),
        }
    }

    /// The same, while no other process may work on it.
    pub async fn locked(&self, name: &str) -> Result<Locked, Error> {
        let (store, record) = self.deployment(name).await?;
        let lock = store.lock(&record.name)?;
        // Another process may have changed it before the lock was ours.
        match store.find(&record.name).await? {
            Some(record) => Ok(Locked { store, record, lock }),
            None => Err(self.no_deployment(name, Some(&store)).await),
        }
    }

    /// That there is no deployment of a name, with those that are called nearly so.
    pub async fn no_deployment(&self, name: &str, store: Option<&Store>) -> Error {
        let mut names: Vec<String> = Vec::new();
        if let Some(store) = store {
            names = store
                .list()
                .await
                .unwrap_or_default()
                .records
                .into_iter()
                .map(|record| record.name.to_string())
                .collect();
        }
        let error = Error::new(ErrorKind::NotFound, format!("there is no deployment `{name}`"));
        match near(name, names.iter().map(String::as_str)) {
            Some(near) => error.hinted(format!("did you mean `{near}`?")),
            None => error.hinted("`hostler ls` lists those that there are"),
        }
    }

    /// A record as the user sees it. It is busy where another process holds its lock.
    pub fn summary(&self, store: &Store, record: &Record) -> Summary {
        self.summary_while(store, record, store.is_busy(&record.name).unwrap_or(true))
    }

    pub(crate) fn summary_while(&self, store: &Store, record: &Record, busy: bool) -> Summary {
        Summary::of(record, busy, &self.ssh_config(store, record), (self.now)())
    }

    /// Where the `ssh_config` of a deployment lies.
    pub fn ssh_config(&self, store: &Store, record: &Record) -> PathBuf {
        Files::at(store.files_of(record.id)).ssh_config()
    }

    /// Makes sure that the user wants it: by `--yes`, or by the answer to a question. Nobody is asked off a terminal.
    pub fn confirm(&self, consent: &Consent, question: &str) -> Result<(), Error> {
        if consent.yes {
            return Ok(());
        }
        if !self.printer.can_ask {
            let message = "this needs a confirmation, and there is no terminal to ask at";
            return Err(
                Error::new(ErrorKind::Unconfirmed, message).hinted("look at what is shown above, then add `--yes`")
            );
        }
        if self.printer.confirm(question) {
            return Ok(());
        }
        Err(declined())
    }
}

impl App {
    /// The same, where Ctrl-C is listened to already, and would otherwise not end the question.
    pub async fn confirm_or_interrupt(
        &self,
        consent: &Consent,
        question: &str,
        interrupts: &Interrupts,
    ) -> Result<(), Error> {
        if consent.yes || !self.printer.can_ask {
            return self.confirm(consent, question);
        }
        let (printer, question) = (Arc::clone(&self.printer), question.to_owned());
        let asked = tokio::task::spawn_blocking(move || printer.confirm(&question));
        match unless_interrupted(interrupts, async { Ok(asked.await.unwrap_or(false)) }).await? {
            true => Ok(()),
            false => Err(declined()),
        }
    }
}

fn declined() -> Error {
    Error::new(ErrorKind::Declined, "not confirmed: nothing was changed")
}

/// A live deployment that only this process may work on.
pub struct Locked {
    /// Where its journal is kept.
    pub store: Store,
    /// Its record, read under the lock.
    pub record: Record,
    /// What keeps other processes away.
    pub lock: Lock,
}

impl Locked {
    /// The record as the user sees it. The lock is ours, so nobody else is busy with it.
    pub fn summary(&self, app: &App) -> Summary {
        app.summary_while(&self.store, &self.record, false)
    }
}
