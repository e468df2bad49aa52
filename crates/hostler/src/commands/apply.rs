//! `hostler apply`: executes a saved plan exactly.

use hostler_core::plan::Plan;

use crate::app::App;
use crate::args::ApplyArgs;
use crate::error::{Error, ErrorKind};

/// Executes the plan, or reports that it is stale.
pub fn run(app: &App, args: &ApplyArgs) -> Result<(), Error> {
    let plan = read(app, args)?;
    let secrets = app.secrets(&plan.demand);
    let result = app.operate_with(&args.consent, async |operator, interrupts| {
        let (ssh_timeout, mode) = (args.timeout.ssh_timeout, args.consent.mode());
        Ok(operator.apply(&plan, &secrets, ssh_timeout, mode, interrupts).await?)
    })?;
    super::up::show(app, &result)
}

fn read(app: &App, args: &ApplyArgs) -> Result<Plan, Error> {
    let text = app.settings.read_file(&args.plan, ErrorKind::Demand)?;
    serde_json::from_str(&text).map_err(|error| {
        let (file, line, column) = (args.plan.display(), error.line(), error.column());
        Error::new(ErrorKind::Demand, format!("{file}:{line}:{column}: not a plan"))
            .caused_by(&error)
            .hinted("write one with `hostler plan TARGET --out FILE`")
    })
}
