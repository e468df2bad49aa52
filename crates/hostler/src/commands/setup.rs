//! `hostler setup`: the phases of a deployment's set-up once more, all or some of them.

use std::collections::BTreeSet;

use hostler_core::demand::wish_for_phase;
use hostler_core::plan::{Action, Plan};
use hostler_core::setup::{Companions, PhaseKind, SetupRequest};
use hostler_engine::deploy::OnFailure;
use hostler_engine::run::Interrupts;
use hostler_engine::store::Record;

use super::up::as_it_is;
use crate::app::{App, Locked};
use crate::args::SetupArgs;
use crate::drive::{Drive, Manner, interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::material::material;
use crate::planning::warn;
use crate::summary::Summary;
use crate::target::Wanted;
use crate::view;

/// What came of it.
enum Done {
    /// The phases were done.
    SetUp(Box<Summary>),
    /// What would be done.
    Only(Box<Plan>),
}

/// Does the phases, and says where the deployment stands.
pub fn run(app: &App, args: &SetupArgs) -> Result<(), Error> {
    let done = app.block_on(async {
        let mut interrupts = interrupts()?;
        set_up(app, args, &mut interrupts).await
    })?;
    match &done {
        Done::SetUp(summary) => app.emit(summary, |width| view::set_up(summary, width)),
        Done::Only(plan) => app.emit(plan, |width| view::plan(plan, (app.now)(), width)),
    }
}

async fn set_up(app: &App, args: &SetupArgs, interrupts: &mut Interrupts) -> Result<Done, Error> {
    let (_, record) = app.deployment(&args.name).await?;
    let mut wanted = unless_interrupted(interrupts, as_it_is(app, &record)).await?;
    let wished = wishes(&mut wanted.demand.work.phases, args)?;
    if args.dry_run {
        return plan(app, &record, &wanted, args, &wished).map(|plan| Done::Only(Box::new(plan)));
    }
    warn(app, &wanted);
    let Locked { store, record, lock } = app.locked(&args.name).await?;
    let plan = plan(app, &record, &wanted, args, &wished)?;
    let material = material(app, &wanted.demand.work, &wanted.secrets, wanted.checkout.as_ref())?;
    let sites = app.sites()?;
    let manner = Manner { patience: args.timeout.ssh_timeout, on_failure: OnFailure::GiveBack };
    let drive = Drive { app, sites: &sites, store: &store, lock };
    let summary = drive.up(&plan, Some(&record), &material, manner, interrupts).await?;
    Ok(Done::SetUp(Box::new(summary)))
}

/// Adds what is wished for now. A phase that is named by `--only` and was never wished for is wished for by that.
fn wishes(wish: &mut SetupRequest, args: &SetupArgs) -> Result<BTreeSet<PhaseKind>, Error> {
    let bad = |error: String| Error::new(ErrorKind::Usage, format!("--phase: {error}"));
    for text in &args.phase {
        wish_for_phase(wish, text).map_err(bad)?;
    }
    for kind in &args.only {
        let name = match kind {
            PhaseKind::Interpreter if wish.interpreter.is_none() => "python",
            PhaseKind::System if wish.system.is_none() => "system",
            PhaseKind::Conda if wish.conda.is_none() => "conda",
            PhaseKind::Docker if wish.docker.is_none() => "docker",
            PhaseKind::Gpu if wish.gpu.is_off() => "gpu",
            PhaseKind::Companions | PhaseKind::Meeting if wish.companions == Companions::Strangers => {
                wish.companions = Companions::Introduced;
                continue;
            }
            PhaseKind::Ray | PhaseKind::RayStart | PhaseKind::RayStatus if wish.ray.is_none() => "ray",
            _ => continue,
        };
        wish_for_phase(wish, name).map_err(bad)?;
    }
    Ok(args.only.iter().copied().collect())
}

fn plan(
    app: &App,
    record: &Record,
    wanted: &Wanted,
    args: &SetupArgs,
    wished: &BTreeSet<PhaseKind>,
) -> Result<Plan, Error> {
    let name = &record.name;
    if record.plan.is_without_machines() {
        let error = Error::new(ErrorKind::InvalidState, format!("`{name}` has no machines to set up"));
        let planned = (!record.plan.picks.is_empty()).then(|| format!("`hostler up {name}` launches them"));
        return Err(error.maybe_hinted(planned));
    }
    let reworked = record.plan.rework(&wanted.demand, (app.now)());
    let whole =
        reworked.map_err(|_| Error::new(ErrorKind::IncompatibleChange, format!("`{name}` takes other machines")))?;
    whole.check_drivers()?;
    let plan = whole.clone().setting_up(args.selection());
    let there = kinds(&plan);
    if let Some(missing) = wished.iter().find(|kind| **kind != PhaseKind::Reach && !there.contains(kind)) {
        let known: Vec<String> = kinds(&whole).iter().map(|kind| format!("`{kind}`")).collect();
        let error = Error::new(ErrorKind::NotFound, format!("`{name}` has no phase `{missing}`"));
        return Err(error.hinted(format!("it has {}", known.join(", "))));
    }
    if there.is_empty() && !wished.contains(&PhaseKind::Reach) {
        let error = Error::new(ErrorKind::Usage, format!("no phase of `{name}` is left to do"));
        return Err(error.hinted("`--only`, `--from` and `--skip` together leave nothing"));
    }
    Ok(plan)
}

fn kinds(plan: &Plan) -> BTreeSet<PhaseKind> {
    let kind = |action: &Action| match action {
        Action::SetUp { phase, .. } => Some(phase.kind()),
        _ => None,
    };
    plan.steps.iter().filter_map(|step| kind(&step.action)).collect()
}
