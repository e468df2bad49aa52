//! `hostler apply`: exactly what a stored plan says.

use hostler_core::plan::Plan;
use hostler_engine::deploy::OnFailure;

use super::up::{Upped, agree, show};
use crate::app::App;
use crate::args::ApplyArgs;
use crate::drive::{Drive, Manner, interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::material::material;
use crate::planning::still_good;
use crate::target::look_at;

/// Does it, or says that the plan is stale.
pub fn run(app: &App, args: &ApplyArgs) -> Result<(), Error> {
    let plan = read(app, args)?;
    let upped = app.block_on(apply(app, args, plan))?;
    show(app, &upped)
}

async fn apply(app: &App, args: &ApplyArgs, plan: Plan) -> Result<Upped, Error> {
    let mut interrupts = interrupts()?;
    let sites = app.sites()?;
    let name = &plan.demand.name;
    unused(app, &plan).await?;
    app.check_free(name).await?;
    unless_interrupted(&interrupts, still_good(app, &sites, &plan)).await?;
    let looked = match &plan.demand.work.source {
        Some(source) => Some(unless_interrupted(&interrupts, look_at(app, source)).await?),
        None => None,
    };
    let checkout = looked.as_ref().map(|looked| &looked.checkout);
    let material = material(app, &plan.demand.work, &Default::default(), checkout)?;
    if args.consent.dry_run {
        return Ok(Upped::Only(Box::new(plan)));
    }
    agree(app, &plan, &args.consent, &interrupts).await?;
    let store = app.store().await?;
    let lock = store.lock(name)?;
    let manner = Manner { patience: args.timeout.ssh_timeout, on_failure: OnFailure::GiveBack };
    let drive = Drive { app, sites: &sites, store: &store, lock };
    let summary = drive.up(&plan, None, &material, manner, &mut interrupts).await?;
    Ok(Upped::Ready(Box::new(summary)))
}

/// A plan is done once: its deployment's id is its own.
async fn unused(app: &App, plan: &Plan) -> Result<(), Error> {
    let Some(store) = app.store_if_there().await? else { return Ok(()) };
    if store.ids().await?.contains(&plan.deployment) {
        let error = Error::new(ErrorKind::Stale, format!("the plan {} was applied already", plan.id()));
        return Err(error.hinted(format!("go on with its deployment: `hostler up {}`", plan.demand.name)));
    }
    Ok(())
}

fn read(app: &App, args: &ApplyArgs) -> Result<Plan, Error> {
    let text = app.settings.read_file(&args.plan, ErrorKind::Demand)?;
    serde_json::from_str(&text).map_err(|error| {
        let (file, line, column) = (args.plan.display(), error.line(), error.column());
        Error::new(ErrorKind::Demand, format!("{file}:{line}:{column}: this is not a plan"))
            .caused_by(&error)
            .hinted("write one by `hostler plan TARGET --out FILE`")
    })
}
