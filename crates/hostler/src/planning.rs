//! From a demand to a plan: what the sites have is gathered, and the planner decides.

use hostler_core::demand::Demand;
use hostler_core::demand::problem::render;
use hostler_core::name::DeploymentId;
use hostler_core::offer::Market;
use hostler_core::plan::{Plan, diff, plan};
use hostler_core::time::Window;
use hostler_engine::gather::gather;
use hostler_engine::run::Sites;
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::error::{Error, Kind};
use crate::target::Wanted;

/// The window that offers are asked for where the demand has no end.
const OPEN_END: SignedDuration = SignedDuration::from_hours(24);

/// Plans a new deployment.
pub async fn plan_new(app: &App, sites: &Sites, demand: &Demand) -> Result<Plan, Error> {
    if sites.is_empty() {
        let error = Error::new(Kind::Config, "no site is configured, so nobody can be asked for machines");
        return Err(
            error.hinted("allow this computer's own: set `enabled = true` under `[local]` in the configuration")
        );
    }
    let now = (app.now)();
    let market = market(sites, demand, now).await?;
    let id = DeploymentId::from_bits(uuid::Uuid::now_v7().as_u128());
    let plan = plan(demand, &market, id, now)?;
    for (site, why) in &market.silent {
        app.printer.say(&format!("note: {site} could not be asked: {why}"));
    }
    Ok(plan)
}

/// Whether a stored plan can still be had just as it is.
///
/// # Errors
/// [`Kind::Stale`], with what has changed since.
pub async fn still_good(app: &App, sites: &Sites, stored: &Plan) -> Result<(), Error> {
    let now = (app.now)();
    let stale = |what: String| {
        Error::new(Kind::Stale, format!("the plan {} is stale: {what}", stored.id())).hinted("make a new plan")
    };
    if stored.until.is_some_and(|until| until <= now) {
        return Err(stale("its window is over".to_owned()));
    }
    let mut market = market(sites, &stored.demand, now).await?;
    let picked =
        |site: &_, node_type: &str| stored.picks.iter().any(|pick| pick.site == *site && pick.node_type == node_type);
    market.offers.retain(|offer| picked(&offer.site, &offer.node_type));
    let again = plan(&stored.demand, &market, stored.deployment, now).map_err(|no_plan| {
        let missing = no_plan.refusals.iter().flat_map(|refusal| &refusal.misfits).map(ToString::to_string).next();
        stale(missing.unwrap_or_else(|| "its offers are gone".to_owned()))
    })?;
    match diff(stored, &again).first() {
        None => Ok(()),
        Some(change) => Err(stale(change.to_string())),
    }
}

async fn market(sites: &Sites, demand: &Demand, now: Timestamp) -> Result<Market, Error> {
    let start = demand.lease.start.unwrap_or(now);
    let window = Window::of(start, demand.lease.duration.unwrap_or(OPEN_END))?;
    Ok(gather(sites, &demand.on, &window).await)
}

/// Shows what was written and has no effect.
pub fn warn(app: &App, wanted: &Wanted) {
    if !wanted.warnings.is_empty() {
        app.printer.say(&render(&wanted.warnings));
    }
}
