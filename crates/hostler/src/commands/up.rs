//! `hostler up`: brings a deployment up.

use hostler_core::plan::Plan;
use hostler_engine::deploy::OnFailure;
use hostler_engine::operate::{PlacementRequest, UpRequest, UpResult};

use crate::app::App;
use crate::args::{Consent, UpArgs};
use crate::document::PlanDocument;
use crate::error::Error;
use crate::view;

/// Brings a deployment up, and shows how to log in.
pub fn run(app: &App, args: &UpArgs) -> Result<(), Error> {
    let commands = app.client_commands(&args.commands)?;
    let result = app.operate_or_print(&args.consent, commands.clone(), async |operator, interrupts| {
        let resolved = app.resolve(operator, &args.target, &args.demand);
        let requested = hostler_engine::run::unless_interrupted(interrupts, resolved).await?;
        let request = UpRequest {
            secrets: app.secrets(&requested.demand),
            placement: PlacementRequest { lease: args.reuse_lease.clone(), ..PlacementRequest::default() },
            key: app.key(&args.key)?,
            ssh_timeout: args.timeout.ssh_timeout,
            on_failure: if args.hold { OnFailure::Hold } else { OnFailure::RollBack },
            later_start: args.shift.later_start(),
            mode: args.consent.mode(),
            ..UpRequest::new(requested)
        };
        Ok(operator.up(&request, interrupts).await?)
    })?;
    if let UpResult::Planned(plan) = &result {
        commands.output(plan)?;
    }
    show(app, &result)
}

/// Shows the result: the machines, or the plan of a dry run.
pub fn show(app: &App, result: &UpResult) -> Result<(), Error> {
    match result {
        UpResult::Ready(summary) => app.emit(summary, |width| view::ready(summary, width)),
        UpResult::Planned(plan) => show_plan(app, plan),
    }
}

/// Shows the plan of a dry run.
pub(super) fn show_plan(app: &App, plan: &Plan) -> Result<(), Error> {
    app.emit(&PlanDocument::from(plan), |width| view::plan(plan, (app.now)(), width))
}

impl Consent {
    /// Dry run, or changes.
    pub fn mode(&self) -> hostler_engine::operate::Mode {
        match self.dry_run {
            true => hostler_engine::operate::Mode::DryRun,
            false => hostler_engine::operate::Mode::Apply,
        }
    }
}
