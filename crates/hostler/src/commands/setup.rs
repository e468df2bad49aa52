//! `hostler setup`: runs phases of a deployment's set-up again.

use hostler_engine::operate::{Mode, SetupRun, UpResult};

use crate::app::App;
use crate::args::SetupArgs;
use crate::error::Error;
use crate::view;

/// Runs the phases, and shows the state of the deployment.
pub fn run(app: &App, args: &SetupArgs) -> Result<(), Error> {
    let result = app.operate(async |operator, interrupts| {
        let demand = operator.deployment(&args.name).await?.1.plan.demand;
        let run = SetupRun {
            name: args.name.clone(),
            phases: args.phase.clone(),
            only: args.only.clone(),
            selection: args.selection(),
            secrets: app.secrets(&demand),
            ssh_timeout: args.timeout.ssh_timeout,
            mode: if args.dry_run { Mode::DryRun } else { Mode::Apply },
        };
        Ok(operator.set_up(&run, interrupts).await?)
    })?;
    match &result {
        UpResult::Ready(summary) => app.emit(summary, |width| view::set_up(summary, width)),
        UpResult::Planned(plan) => super::up::show_plan(app, plan),
    }
}
