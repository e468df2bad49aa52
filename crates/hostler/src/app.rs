//! The context of every command: settings, printer, time, and the operator that runs operations.

use std::future::Future;
use std::sync::{Arc, Mutex};

use hostler_core::demand::{Demand, Overrides};
use hostler_engine::host::Ssh;
use hostler_engine::operate::{DemandTarget, KeyRequest, Operator, Requested, TargetRequest};
use hostler_engine::run::Interrupts;
use hostler_engine::sites::Sites;
use hostler_engine::store::LazyStore;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::args::{CommandsArgs, Consent, DemandArgs, Events, Global, KeyArgs};
use crate::config::Settings;
use crate::consent::Prompt;
use crate::error::{Error, ErrorKind};
use crate::observer::Terminal;
use crate::output::{Format, render};
use crate::printer::Printer;
use crate::script::Commands;
use crate::signals::interrupts;
use crate::table::Width;

/// The context of every command.
pub struct App {
    /// The user's settings.
    pub settings: Settings,
    /// The only writer to the terminal.
    pub printer: Arc<Printer>,
    /// The format of data.
    pub format: Format,
    /// The format of progress.
    pub events: Events,
    /// The time.
    pub now: fn() -> Timestamp,
}

impl App {
    /// The context of a command line.
    pub fn new(settings: Settings, printer: Arc<Printer>, global: &Global) -> Self {
        Self { settings, printer, format: global.output, events: global.events, now: Timestamp::now }
    }

    /// Runs a future to its end, on this thread.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Error::new(ErrorKind::System, "cannot start threads").caused_by(&error))?;
        let result = runtime.block_on(future);
        // A call that hangs in a thread of its own must not keep a finished command from ending.
        runtime.shutdown_background();
        result
    }

    /// Runs an operation that needs no consent.
    pub fn operate<T>(
        &self,
        operation: impl AsyncFnOnce(&Operator, &Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.block_on(async {
            let (operator, interrupts) = (self.operator(Arc::new(self.prompt(&Consent::default())))?, interrupts()?);
            operation(&operator, &interrupts).await
        })
    }

    /// Runs an operation that asks the user for consent.
    pub fn operate_with<T>(
        &self,
        consent: &Consent,
        operation: impl AsyncFnOnce(&Operator, &Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.operate_at(self.prompt(consent), operation)
    }

    /// Runs an operation whose plan can be printed as commands of a site's own client instead.
    pub fn operate_or_print<T>(
        &self,
        consent: &Consent,
        commands: Commands,
        operation: impl AsyncFnOnce(&Operator, &Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.operate_at(Prompt { commands: Some(commands), ..self.prompt(consent) }, operation)
    }

    fn operate_at<T>(
        &self,
        prompt: Prompt,
        operation: impl AsyncFnOnce(&Operator, &Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.block_on(async {
            let prompt = Arc::new(prompt);
            let (operator, interrupts) = (self.operator(Arc::clone(&prompt))?, interrupts()?);
            prompt.settle(operation(&operator, &interrupts).await)
        })
    }

    /// The client commands that `--show-commands` and `--script` request.
    ///
    /// # Errors
    /// If the configuration of the sites can't be used.
    pub fn client_commands(&self, args: &CommandsArgs) -> Result<Commands, Error> {
        let file = args.script.as_ref().map(|path| self.settings.directory.join(path));
        let sites = if args.show_commands || file.is_some() { self.sites()? } else { Sites::new() };
        Ok(Commands { show: args.show_commands, file, sites, printer: Arc::clone(&self.printer) })
    }

    fn prompt(&self, consent: &Consent) -> Prompt {
        Prompt {
            printer: Arc::clone(&self.printer),
            yes: consent.yes,
            now: self.now,
            commands: None,
            failure: Mutex::default(),
            notes: self.trust().notes,
        }
    }

    /// The operator at the configured sites.
    pub fn operator(&self, prompt: Arc<Prompt>) -> Result<Operator, Error> {
        let observer = Terminal { printer: Arc::clone(&self.printer), events: self.events, now: self.now };
        Ok(Operator {
            sites: self.sites()?,
            calendars: self.calendars()?,
            store: LazyStore::at(&self.settings.data_dir),
            scratch: self.settings.scratch_dir.clone(),
            hosts: Arc::new(Ssh::default()),
            observer: Arc::new(observer),
            ask: prompt,
            now: self.now,
        })
    }

    /// Writes a value to standard output: as JSON, YAML, or the result of `text`.
    pub fn emit<T: Serialize>(&self, value: &T, text: impl FnOnce(Width) -> String) -> Result<(), Error> {
        let text = render(self.format, value, || text(self.printer.width))?;
        self.printer.data(&text);
        Ok(())
    }

    /// Writes a text to standard output, or to standard error if standard output is JSON or YAML.
    pub fn show(&self, text: impl FnOnce(Width) -> String) {
        match self.format {
            Format::Text => self.printer.data(&text(self.printer.width)),
            Format::Json | Format::Yaml => self.printer.say(&text(self.printer.error_width)),
        }
    }

    /// Asks a yes-or-no question, unless `--yes` was given. Only for changes that are no [`Operator`] method: those ask by
    /// themselves.
    pub fn confirm(&self, consent: &Consent, question: &str) -> Result<(), Error> {
        if consent.yes {
            return Ok(());
        }
        if !self.printer.can_ask {
            return Err(hostler_engine::operate::OperateError::Unconfirmed.into());
        }
        match self.printer.confirm(question) {
            true => Ok(()),
            false => Err(hostler_engine::operate::OperateError::Declined.into()),
        }
    }
}

impl App {
    /// The demand of a target: a demand file, a directory, a git URL or a live deployment.
    ///
    /// # Errors
    /// If the file cannot be read, or the target cannot be resolved.
    pub async fn resolve(&self, operator: &Operator, target: &str, options: &DemandArgs) -> Result<Requested, Error> {
        let overrides = options.overrides(None);
        if !is_demand_file(target) {
            return self.resolve_as(operator, DemandTarget::Named(target), overrides).await;
        }
        let text = self.settings.read_file(target.as_ref(), ErrorKind::Demand);
        let text = text.map_err(|error| self.no_demand_file(target, error))?;
        self.resolve_as(operator, DemandTarget::File { path: target, text: &text }, overrides).await
    }

    /// The demand of options alone.
    ///
    /// # Errors
    /// If an option is invalid.
    pub async fn demand_of(&self, operator: &Operator, options: &DemandArgs, name: &str) -> Result<Demand, Error> {
        Ok(self.resolve_as(operator, DemandTarget::Options(name), options.overrides(None)).await?.demand)
    }

    async fn resolve_as(
        &self,
        operator: &Operator,
        target: DemandTarget<'_>,
        overrides: Overrides,
    ) -> Result<Requested, Error> {
        let (directory, home) = (&self.settings.directory, self.settings.env.home());
        Ok(operator.resolve(&TargetRequest { target, overrides, directory, home }).await?)
    }

    /// The values of a demand's secrets that are set in the environment.
    pub fn secrets(&self, demand: &Demand) -> BTreeMap<String, SecretString> {
        let names = demand.workload.secrets.iter();
        names.filter_map(|name| Some((name.clone(), SecretString::from(self.settings.env.secret(name)?)))).collect()
    }

    /// The key that the options select.
    ///
    /// # Errors
    /// If a key file cannot be used, or a file for a new key exists.
    pub fn key(&self, args: &KeyArgs) -> Result<KeyRequest, Error> {
        let path = args.key_path.as_ref().map(|path| self.settings.directory.join(path));
        match path {
            None => Ok(KeyRequest::default()),
            Some(path) if args.create_key => Ok(KeyRequest::new_in(path)?),
            Some(path) => Ok(KeyRequest::own(&path)?),
        }
    }

    /// The error for a demand file that cannot be read, with the most similar name in its directory.
    fn no_demand_file(&self, path: &str, error: Error) -> Error {
        let full = self.settings.directory.join(path);
        if full.exists() {
            return error;
        }
        let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let siblings = full.parent().and_then(|directory| directory.read_dir().ok()).into_iter().flatten().flatten();
        let names: Vec<String> = siblings.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let files = names.iter().map(String::as_str).filter(|name| is_demand_file(name));
        match hostler_core::name::closest(&name, files) {
            Some(near) => {
                let near = std::path::Path::new(path).with_file_name(near);
                error.hinted(format!("did you mean `{}`?", near.display()))
            }
            None => error.hinted("name an existing demand file, a directory, or a git URL"),
        }
    }
}

fn is_demand_file(text: &str) -> bool {
    !text.contains("://") && (text.ends_with(".yaml") || text.ends_with(".yml"))
}
