//! A plan's steps as commands of the site's own client, to learn from, or to run without hostler.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostler_core::plan::{Action, Plan};
use hostler_engine::sites::Sites;

use crate::app::App;
use crate::args::CommandsArgs;
use crate::error::{Error, ErrorKind};
use crate::printer::Printer;

/// Shows a plan's commands and writes them to a file, as far as the command line asks for it.
#[derive(Clone)]
pub struct Commands {
    show: bool,
    file: Option<PathBuf>,
    sites: Sites,
    printer: Arc<Printer>,
}

impl Commands {
    /// As the command line asks.
    ///
    /// # Errors
    /// If the configuration of the sites cannot be read.
    pub fn of(app: &App, args: &CommandsArgs) -> Result<Self, Error> {
        let (show, file) = (args.show_commands, args.script.as_ref().map(|path| app.settings.directory.join(path)));
        let sites = if show || file.is_some() { app.sites()? } else { Sites::new() };
        Ok(Self { show, file, sites, printer: Arc::clone(&app.printer) })
    }

    /// Shows and writes the commands of a plan.
    ///
    /// # Errors
    /// If the plan's site has no such client, or the file cannot be written.
    pub fn tell(&self, plan: &Plan) -> Result<(), Error> {
        if !self.show && self.file.is_none() {
            return Ok(());
        }
        let script = self.script(plan)?;
        if self.show {
            self.printer.say(&script);
        }
        if let Some(path) = &self.file {
            write(path, &script).map_err(|error| {
                Error::new(ErrorKind::System, format!("cannot write `{}`", path.display())).caused_by(&error)
            })?;
            self.printer.say(&format!("run it without hostler: sh {0} up; sh {0} down", path.display()));
        }
        Ok(())
    }

    fn script(&self, plan: &Plan) -> Result<String, Error> {
        let mut used = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Create(resource) => Some(resource.site()),
            Action::WaitSsh { .. } | Action::SetUp { .. } => None,
        });
        if let Some(script) = used.next().and_then(|site| self.sites.get(site)?.client_script(plan)) {
            return Ok(script);
        }
        let sites: Vec<String> = plan.picks.iter().map(|pick| format!("`{}`", pick.site)).collect();
        Err(Error::new(ErrorKind::Usage, format!("{} has no client whose commands could be shown", sites.join(", "))))
    }
}

fn write(path: &Path, script: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path)?;
    file.write_all(script.as_bytes())
}
