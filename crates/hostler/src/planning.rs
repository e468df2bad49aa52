//! From a demand to a plan: what the sites have is gathered, and the planner decides.

use std::collections::BTreeSet;

use hostler_core::demand::problem::render;
use hostler_core::demand::{Demand, LeaseRequest, SiteSelector};
use hostler_core::name::{DeploymentId, SiteId};
use hostler_core::offer::{Market, Offer};
use hostler_core::plan::{Exclusions, Plan, diff, plan};
use hostler_engine::gather::market;
use hostler_engine::run::Sites;
use hostler_providers::libvirt::VIRTUALIZATION_LABEL;
use jiff::Timestamp;

use crate::app::App;
use crate::error::{Error, ErrorKind};
use crate::place::Place;
use crate::resources::wished;
use crate::target::Wanted;

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
        let error = Error::new(ErrorKind::Config, "no site is configured, so nobody can be asked for machines");
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
pub fn check_wished(sites: &Sites, demand: &Demand) -> Result<(), Error> {
    let is_here = |wish: &SiteSelector| sites.keys().any(|site| wish.means(site));
    if demand.on.is_empty() || demand.on.iter().any(is_here) {
        return Ok(());
    }
    let texts: Vec<String> = demand.on.iter().map(ToString::to_string).collect();
    wished(sites, &texts).map(drop)
}

/// The sites of a plan whose machines run without the processor's help.
fn emulated<'p>(plan: &'p Plan, market: &Market) -> BTreeSet<&'p SiteId> {
    let is = |offer: &Offer| offer.facts.labels.get(VIRTUALIZATION_LABEL).is_some_and(|how| how == "emulation");
    let slow = |site: &&SiteId| market.offers.iter().any(|offer| offer.site == **site && is(offer));
    plan.picks.iter().map(|pick| &pick.site).filter(slow).collect()
}

/// Whether a stored plan can still be had just as it is.
///
/// # Errors
/// [`ErrorKind::Stale`], with what has changed since.
pub async fn still_good(app: &App, sites: &Sites, stored: &Plan) -> Result<(), Error> {
    let now = (app.now)();
    let stale = |why: String| {
        let message = format!("the plan {} is stale: {why}", stored.id());
        Error::new(ErrorKind::Stale, message).hinted("make a new plan: `hostler plan`")
    };
    let rest = rest(stored, now).map_err(stale)?;
    let market = Place::of(sites, stored).await?.apply(market(sites, &rest.demand, now).await?);
    staleness(&rest, market, now).map_or(Ok(()), |why| Err(stale(why)))
}

/// A plan is applied a little after it was made: so much of its time may have passed, a tenth.
const PASSED: i32 = 10;

/// A plan for what is left of its window.
///
/// # Errors
/// Where too little is left.
fn rest(stored: &Plan, now: Timestamp) -> Result<Plan, String> {
    let Some(until) = stored.until else { return Ok(stored.clone()) };
    let start = stored.start.max(now);
    if until <= start {
        return Err("its window is over".to_owned());
    }
    if start.duration_since(stored.start) > stored.window().duration() / PASSED {
        return Err(format!("it was to start at {}, and too much of its time has passed", stored.start));
    }
    let lease = LeaseRequest { start: Some(start), duration: Some(until.duration_since(start)), within: None };
    Ok(Plan { demand: Demand { lease, ..stored.demand.clone() }, ..stored.clone() })
}

/// Why a plan can't be had any more just as it is; nothing where it can.
fn staleness(rest: &Plan, mut market: Market, now: Timestamp) -> Option<String> {
    // Neither a better offer than those chosen nor another host is of any use: the plan says which it wants.
    let picked =
        |offer: &Offer| rest.picks.iter().any(|pick| pick.site == offer.site && pick.node_type == offer.node_type);
    market.offers.retain(picked);
    if rest.picks.iter().any(|pick| !pick.hosts.is_empty()) {
        market = market
            .with_hosts(|site, host| rest.picks.iter().any(|pick| pick.site == *site && pick.hosts.contains(host)));
    }
    match plan(&rest.demand, &market, rest.deployment, now) {
        Ok(again) => diff(rest, &again).first().map(ToString::to_string),
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
    use hostler_core::calendar::Timeline;
    use hostler_core::demand::{Author, Base, Inputs, Overrides, complete, parse};
    use hostler_core::money::Money;
    use hostler_core::offer::{Availability, ClaimTerm, HostId, HostState, HostSupply, Supply};
    use hostler_core::time::Window;
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
            why_stale(&stored(), market, "12:10")
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
        assert_eq!(why_stale(&stored(), market(), "16:00").as_deref(), Some("its window is over"));
    }

    #[test]
    fn a_plan_is_good_until_its_own_hosts_are_taken() {
        let hosts = |busy: &[(&str, &str, &str)]| {
            let busy = |id: &str| {
                let of_it = busy.iter().filter(|(host, ..)| *host == id);
                Timeline::of(of_it.map(|(_, start, end)| Window::new(at(start), at(end)).unwrap()))
            };
            let host = |id: &str| HostSupply { id: HostId(id.into()), state: HostState::InService, busy: busy(id) };
            let mut market = market();
            market.offers[0].supply = Supply::Hosts(["n1", "n2"].map(host).into());
            market.offers[0].terms.claim = ClaimTerm::Lease;
            market
        };
        let stored = plan(&stored().demand, &hosts(&[]), DeploymentId::from_bits(1), at("12:00")).unwrap();
        assert_eq!(stored.picks[0].hosts, [HostId("n1".into())]);
        let stale = |busy: &[_]| why_stale(&stored, hosts(busy), "12:10");
        assert_eq!(stale(&[("n2", "12:00", "18:00")]), None, "another is taken");
        assert_eq!(stale(&[("n1", "12:00", "12:05"), ("n1", "16:00", "18:00")]), None, "before and after it");
        let taken = stale(&[("n1", "15:59", "18:00")]);
        assert_eq!(taken.as_deref(), Some("busy: wanted free, has busy until 2026-03-01T18:00:00Z"));
        let mut without = hosts(&[]);
        without.offers[0].supply = Supply::Hosts(Vec::new());
        assert_eq!(why_stale(&stored, without, "12:10").as_deref(), Some("its offers are gone"));
        let late = why_stale(&stored, hosts(&[]), "12:25");
        let passed = "it was to start at 2026-03-01T12:00:00Z, and too much of its time has passed";
        assert_eq!(late.as_deref(), Some(passed));
    }

    fn why_stale(stored: &Plan, market: Market, time: &str) -> Option<String> {
        rest(stored, at(time)).map_or_else(Some, |rest| staleness(&rest, market, at(time)))
    }
}
