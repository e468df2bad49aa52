//! From a demand to a plan: what the sites have is gathered, and the planner decides.

use std::collections::BTreeSet;

use hostler_core::demand::problem::render;
use hostler_core::demand::{Demand, SiteWish};
use hostler_core::name::{DeploymentId, SiteId};
use hostler_core::offer::{Market, Offer};
use hostler_core::plan::{Exclusions, Plan, diff, plan};
use hostler_engine::gather::market;
use hostler_engine::run::Sites;
use hostler_providers::libvirt::ACCELERATOR_LABEL;
use jiff::Timestamp;

use crate::app::App;
use crate::error::{Error, Kind};
use crate::place::Place;
use crate::target::Wanted;
use crate::things::wished;

/// Plans a new deployment.
pub async fn plan_new(app: &App, sites: &Sites, demand: &Demand, place: &Place) -> Result<Plan, Error> {
    plan_without(app, sites, demand, place, &Exclusions::default()).await
}

/// Plans a new deployment, without what was refused before.
pub async fn plan_without(
    app: &App,
    sites: &Sites,
    demand: &Demand,
    place: &Place,
    refused: &Exclusions,
) -> Result<Plan, Error> {
    if sites.is_empty() {
        let error = Error::new(Kind::Config, "no site is configured, so nobody can be asked for machines");
        return Err(
            error.hinted("allow this computer's own: set `enabled = true` under `[local]` in the configuration")
        );
    }
    check_wished(sites, demand)?;
    let now = (app.now)();
    let demand = &place.within(demand, now);
    let market = refused.apply(place.apply(market(sites, demand, now).await?));
    let id = DeploymentId::from_bits(uuid::Uuid::now_v7().as_u128());
    let plan = plan(demand, &market, id, now)?;
    plan.check_drivers()?;
    for (site, why) in &market.silent {
        app.printer.say(&format!("note: {site} could not be asked: {why}"));
    }
    for site in emulated(&plan, &market) {
        app.printer.say(&format!("note: machines at `{site}` are emulated, which is slow; `hostler check` says why"));
    }
    Ok(plan)
}

/// Of several wished sites some may be configured elsewhere only; where none is here, nobody can be asked.
fn check_wished(sites: &Sites, demand: &Demand) -> Result<(), Error> {
    let is_here = |wish: &SiteWish| sites.keys().any(|site| wish.means(site));
    if demand.on.is_empty() || demand.on.iter().any(is_here) {
        return Ok(());
    }
    let texts: Vec<String> = demand.on.iter().map(ToString::to_string).collect();
    wished(sites, &texts).map(drop)
}

/// The sites of a plan whose machines run without the processor's help.
fn emulated<'p>(plan: &'p Plan, market: &Market) -> BTreeSet<&'p SiteId> {
    let is = |offer: &Offer| offer.facts.labels.get(ACCELERATOR_LABEL).is_some_and(|how| how == "emulation");
    let slow = |site: &&SiteId| market.offers.iter().any(|offer| offer.site == **site && is(offer));
    plan.picks.iter().map(|pick| &pick.site).filter(slow).collect()
}

/// Whether a stored plan can still be had just as it is.
///
/// # Errors
/// [`Kind::Stale`], with what has changed since.
pub async fn still_good(app: &App, sites: &Sites, stored: &Plan) -> Result<(), Error> {
    let now = (app.now)();
    let market = Place::of(sites, stored).await?.apply(market(sites, &stored.demand, now).await?);
    staleness(stored, market, now).map_or(Ok(()), |why| {
        let message = format!("the plan {} is stale: {why}", stored.id());
        Err(Error::new(Kind::Stale, message).hinted("make a new plan: `hostler plan`"))
    })
}

/// Why a plan can't be had any more just as it is; nothing where it can.
fn staleness(stored: &Plan, mut market: Market, now: Timestamp) -> Option<String> {
    if stored.until.is_some_and(|until| until <= now) {
        return Some("its window is over".to_owned());
    }
    // A better offer than those chosen is no reason: the plan says which it wants.
    let picked =
        |offer: &Offer| stored.picks.iter().any(|pick| pick.site == offer.site && pick.node_type == offer.node_type);
    market.offers.retain(picked);
    match plan(&stored.demand, &market, stored.deployment, now) {
        Ok(again) => diff(stored, &again).first().map(ToString::to_string),
        Err(no_plan) => {
            let missing = no_plan.refusals.iter().flat_map(|refusal| &refusal.misfits).next();
            Some(missing.map_or_else(|| "its offers are gone".to_owned(), ToString::to_string))
        }
    }
}

/// Shows what was written and has no effect.
pub fn warn(app: &App, wanted: &Wanted) {
    if !wanted.warnings.is_empty() {
        app.printer.say(&render(&wanted.warnings));
    }
}

#[cfg(test)]
mod tests {
    use hostler_core::demand::{Author, Base, Inputs, Overrides, complete, parse};
    use hostler_core::money::Money;
    use hostler_core::offer::{Availability, Supply};
    use serde_json::json;

    use super::*;

    fn market() -> Market {
        let facts =
            json!({ "cpus": 8, "memory": 16u64 << 30, "disk": 1u64 << 40, "arch": "x86_64", "gpus": [], "labels": {} });
        let image =
            json!({ "name": "debian-12", "arch": "x86_64", "user": "debian", "disk": 1 << 30, "memory": 1 << 28 });
        let offer = |node_type: &str, price: i64| {
            json!({
                "site": "aws/us-east-1", "node_type": node_type, "facts": facts, "supply": { "whole": 2 }, "spot": false,
                "availability": "free", "price_per_hour": price, "images": [image],
            })
        };
        serde_json::from_value(json!({ "silent": {}, "offers": [offer("small", 400_000), offer("other", 500_000)] }))
            .unwrap()
    }

    fn stored() -> Plan {
        let file = parse("a.yaml", "name: a\nlease: {duration: 4h}\n").unwrap();
        let base = Base { directory: std::path::Path::new("/"), author: Author::Repository };
        let overrides = Overrides::default();
        let inputs = Inputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: "a" };
        plan(&complete(&inputs).unwrap().demand, &market(), DeploymentId::from_bits(1), at("12:00")).unwrap()
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}:00Z").parse().unwrap()
    }

    #[test]
    fn a_plan_is_good_until_its_own_offers_change() {
        let stale = |change: fn(&mut Market)| {
            let mut market = market();
            change(&mut market);
            staleness(&stored(), market, at("12:10"))
        };
        assert_eq!(stale(|_| {}), None);
        assert_eq!(stale(|market| market.offers[1].price_per_hour = Some(Money(1))), None, "another became cheaper");
        let taken = stale(|market| market.offers[0].availability = Availability::Busy(None));
        assert_eq!(taken.as_deref(), Some("busy: wanted free, has busy"));
        let dearer = stale(|market| market.offers[0].price_per_hour = Some(Money(450_000)));
        assert_eq!(dearer.as_deref(), Some("price of `node`: 0.40 becomes 0.45"));
        let none = stale(|market| market.offers[0].supply = Supply::Whole(0));
        assert_eq!(none.as_deref(), Some("count: wanted 1, has 0"));
        assert_eq!(stale(|market| drop(market.offers.remove(0))).as_deref(), Some("its offers are gone"));
        assert_eq!(staleness(&stored(), market(), at("16:00")).as_deref(), Some("its window is over"));
    }
}
