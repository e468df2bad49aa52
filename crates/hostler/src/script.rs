//! The steps of a plan as commands of the site's own client, to read, or to run without hostler.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostler_core::plan::{Action, Plan};
use hostler_engine::sites::Sites;

use crate::error::{Error, ErrorKind};
use crate::printer::Printer;

/// Prints the client commands of a plan, or writes them to a script, as the command line selects.
#[derive(Clone)]
pub struct Commands {
    /// True prints the commands to standard error.
    pub show: bool,
    /// The script to write.
    pub file: Option<PathBuf>,
    /// The sites whose clients are used. Empty if nothing is printed or written.
    pub sites: Sites,
    /// The only writer to the terminal.
    pub printer: Arc<Printer>,
}

impl Commands {
    /// Prints and writes the commands of a plan.
    ///
    /// # Errors
    /// If no site of the plan has a client, or the script can't be written.
    pub fn output(&self, plan: &Plan) -> Result<(), Error> {
        if !self.show && self.file.is_none() {
            return Ok(());
        }
        let script = self.script(plan)?;
        if self.show {
            self.printer.say(&script);
        }
        if let Some(path) = &self.file {
            write(path, &script).map_err(|error| Error::unwritable(path, &error))?;
            self.printer.say(&format!("the script works without hostler: `sh {0} up`, `sh {0} down`", path.display()));
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
        Err(Error::new(ErrorKind::Usage, format!("{} has no command-line client", sites.join(", "))))
    }
}

fn write(path: &Path, script: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path)?;
    file.write_all(script.as_bytes())
}
