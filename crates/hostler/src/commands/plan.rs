//! `hostler plan`: what would be done, and why so. Changes nothing.

use std::path::Path;

use hostler_core::plan::Plan;

use crate::app::App;
use crate::args::PlanArgs;
use crate::drive::{interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::keys::Keys;
use crate::place::Place;
use crate::planning::{plan_new, warn};
use crate::script;
use crate::target::{Target, resolve};
use crate::view;

/// Shows the plan, or writes it to a file for `apply`.
pub fn run(app: &App, args: &PlanArgs) -> Result<(), Error> {
    let plan = app.block_on(async {
        let interrupts = interrupts()?;
        unless_interrupted(&interrupts, make(app, args)).await
    })?;
    script::tell(app, &plan, &args.commands)?;
    if let Some(file) = &args.out {
        write(file, &plan)?;
        app.printer.say(&format!("do it with: hostler apply {}", file.display()));
    }
    app.emit(&plan, |width| view::plan(&plan, (app.now)(), width))
}

async fn make(app: &App, args: &PlanArgs) -> Result<Plan, Error> {
    match resolve(app, &args.target, &args.demand).await? {
        Target::Live(record) => Ok(record.plan),
        Target::Wanted(wanted) => {
            warn(app, &wanted);
            let sites = app.sites()?;
            let place = match &args.reuse_lease {
                Some(lease) => Place::on_lease(app, &sites, lease).await?,
                None => Place::default(),
            };
            let plan = plan_new(app, &sites, &wanted.demand, &place).await?;
            Keys::of(app, &args.key)?.check(&sites, &plan).await?;
            Ok(plan)
        }
    }
}

fn write(file: &Path, plan: &Plan) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(plan);
    let text = text.map_err(|error| Error::new(ErrorKind::System, "the plan can't be written").caused_by(&error))?;
    std::fs::write(file, text + "\n").map_err(|error| {
        Error::new(ErrorKind::System, format!("`{}` can't be written", file.display())).caused_by(&error)
    })
}
