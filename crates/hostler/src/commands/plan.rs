//! `hostler plan`: the machines, cost and steps of a deployment. Changes nothing.

use std::path::Path;

use hostler_core::plan::Plan;
use hostler_engine::operate::PlacementRequest;
use hostler_engine::run::unless_interrupted;

use crate::app::App;
use crate::args::PlanArgs;
use crate::document::PlanDocument;
use crate::error::{Error, ErrorKind};
use crate::view;

/// Shows the plan, and writes it to a file for `apply`.
pub fn run(app: &App, args: &PlanArgs) -> Result<(), Error> {
    let plan = app.operate(async |operator, interrupts| {
        let placement = PlacementRequest { lease: args.reuse_lease.clone(), ..PlacementRequest::default() };
        let planned = async {
            let requested = app.resolve(operator, &args.target, &args.demand).await?;
            Ok(operator.plan(&requested, &placement, &app.key(&args.key)?).await?)
        };
        unless_interrupted(interrupts, planned).await
    })?;
    app.client_commands(&args.commands)?.output(&plan)?;
    if let Some(file) = &args.out {
        write(file, &plan)?;
    }
    app.emit(&PlanDocument::from(&plan), |width| view::plan(&plan, (app.now)(), width))?;
    if let Some(file) = &args.out {
        app.printer.say(&format!("to execute it: hostler apply {}", file.display()));
    }
    Ok(())
}

fn write(file: &Path, plan: &Plan) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(&PlanDocument::from(plan));
    let text = text.map_err(|error| Error::new(ErrorKind::System, "the plan can't be serialized").caused_by(&error))?;
    std::fs::write(file, text + "\n").map_err(|error| Error::unwritable(file, &error))
}
