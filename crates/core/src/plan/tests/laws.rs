//! Laws that hold for every demand and market.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::text::{id, image, now};
use crate::demand::{
    Amount, Budget, Demand, GpuRequirement, Group, LeaseRequest, Requirements, SiteSelector, Workload,
};
use crate::journal::{Entry, Goal, Journal, Round, StepEvent};
use crate::money::Money;
use crate::name::{GroupName, Name};
use crate::offer::{Availability, Facts, GpuFacts, KeyTerm, Market, Offer, PriceUnit, ReachTerm, Supply, Terms};
use crate::plan::{Pick, Plan, PlannedResource, ResourceKind, Step, matching_offers, plan, relax, search};
use crate::size::Bytes;
use crate::time::Window;

const SITES: [&str; 3] = ["local", "aws/a", "aws/b"];

prop_compose! {
    fn any_offer()(
        site in 0..3usize, cpus in 1..9u32, memory in 1..9u64, gpus in 0..3usize, model in 0..2usize,
        supply in prop_oneof![
            (0..4u32).prop_map(Supply::Machines),
            (1..17u64, 10..41u64).prop_map(|(m, d)| Supply::Divisible { memory: Bytes::gib(m), disk: Bytes::gib(d) }),
            Just(Supply::Unlimited),
        ],
        free in prop::bool::weighted(0.9), reported in prop::bool::weighted(0.8), price in prop::option::weighted(0.8, 0..4i64),
    ) -> Offer {
        let gpu = GpuFacts { model: ["Tesla T4", "NVIDIA A100-SXM4"][model].to_owned(), memory: None };
        // The size of a divisible offer is always known.
        let reported = reported || matches!(supply, Supply::Divisible { .. });
        Offer {
            site: SITES[site].parse().unwrap(),
            node_type: String::new(),
            facts: Facts {
                cpus: reported.then_some(cpus), memory: reported.then(|| Bytes::gib(memory)), disk: Some(Bytes::gib(20)),
                arch: reported.then(|| "x86_64".to_owned()),
                gpus: vec![gpu; gpus], labels: BTreeMap::new(), emulated: None, },
            supply,
            availability: if free { Availability::Free } else { Availability::Unknown },
            price_per_hour: price.map(|price| Money(price * 1_000_000)),
            unit: PriceUnit::Dollars,
            spot: false,
            images: vec![image("debian-12", "x86_64")],
            terms: Terms::default(), accepts_images: false, }
    }
}

fn any_market() -> impl Strategy<Value = Market> {
    prop::collection::vec(any_offer(), 0..6).prop_map(|mut offers| {
        for (at, offer) in offers.iter_mut().enumerate() {
            offer.node_type = format!("t{at}");
        }
        Market { offers, unreachable: BTreeMap::new() }
    })
}

fn any_amount(most: u32) -> impl Strategy<Value = Amount<u32>> {
    prop_oneof![
        2 => Just(Amount::Any),
        1 => (1..=most).prop_map(Amount::Exactly),
        3 => (1..=most).prop_map(Amount::AtLeast),
    ]
}

prop_compose! {
    fn any_needs()(
        cpus in any_amount(8), memory in any_amount(8), gpus in prop::option::weighted(0.3, (0..3usize, 1..3u32)),
    ) -> Requirements {
        let memory = match memory {
            Amount::Any => Amount::Any,
            Amount::Exactly(n) => Amount::Exactly(Bytes::gib(n.into())),
            Amount::AtLeast(n) => Amount::AtLeast(Bytes::gib(n.into())),
        };
        let gpus = gpus.map(|(model, count)| GpuRequirement {
            model: [None, Some("T4"), Some("A100")][model].map(str::to_owned),
            count: NonZeroU32::new(count).unwrap(),
        });
        Requirements { cpus, memory, gpus, ..Requirements::default() }
    }
}

prop_compose! {
    fn any_demand()(
        groups in prop::collection::vec((1..3u32, prop::collection::vec(any_needs(), 1..3)), 1..4),
        on in prop::sample::subsequence(vec!["aws/b", "local", "aws"], 0..3).prop_shuffle(),
        per_hour in prop::option::weighted(0.3, 0..9i64), total in prop::option::weighted(0.2, 0..9i64),
        hours in prop::option::of(1..4i64),
    ) -> Demand {
        let group = |(at, (count, any_of)): (usize, (u32, Vec<Requirements>))| Group {
            name: GroupName::new(format!("g{at}")).unwrap(), count: NonZeroU32::new(count).unwrap(), any_of,
        };
        let money = |amount: Option<i64>| amount.map(|amount| Money(amount * 1_000_000));
        Demand {
            name: Name::new("digits").unwrap(),
            groups: groups.into_iter().enumerate().map(group).collect(),
            lease: LeaseRequest { duration: hours.map(SignedDuration::from_hours), ..LeaseRequest::default() },
            on: on.into_iter().map(|site| SiteSelector(site.parse().unwrap())).collect(),
            budget: Budget { per_hour: money(per_hour), total: money(total) },
            workload:Workload { run: Some("./run".to_owned()), checks: vec!["true".to_owned()], ..Workload::default() },
            terms: Default::default(),
        }
    }
}

/// The share of one machine: CPUs, memory, disk, GPUs.
type Take = (u32, Bytes, Bytes, usize);

/// The share of an offer that a machine of a group takes, by a rule independent of the planner; `None` if unsuitable.
fn take(needs: &Requirements, offer: &Offer) -> Option<Take> {
    let model = |gpu: &&GpuFacts| {
        needs.gpus.as_ref().and_then(|need| need.model.as_ref()).is_none_or(|model| gpu.model.contains(model))
    };
    let requested = needs.gpus.as_ref().map_or(0, |need| need.count.get() as usize);
    let enough = offer.facts.gpus.iter().filter(model).count() >= requested;
    let (cpus, memory) = match offer.supply {
        Supply::Divisible { .. } => {
            let cpus = needs.cpus.least().unwrap_or(offer.facts.cpus.unwrap().min(2));
            (cpus, needs.memory.least().unwrap_or(Bytes::gib(1)))
        }
        // A size that the site does not report is assumed as requested, until `verify` checks the machine.
        _ => (
            offer.facts.cpus.or(needs.cpus.least()).unwrap_or(0),
            offer.facts.memory.or(needs.memory.least()).unwrap_or(Bytes(0)),
        ),
    };
    let small_enough =
        offer.facts.cpus.is_none_or(|most| cpus <= most) && offer.facts.memory.is_none_or(|most| memory <= most);
    let right = (offer.facts.cpus.is_none() || needs.cpus.takes(cpus))
        && (offer.facts.memory.is_none() || needs.memory.takes(memory));
    let matches = offer.availability == Availability::Free && enough && small_enough && right;
    matches.then_some((cpus, memory, Bytes::gib(10), requested))
}

/// True if the offer suffices for these numbers of machines with their shares.
fn suffices(offer: &Offer, takes: &[(u32, Take)]) -> bool {
    let sum = |of: &dyn Fn(&Take) -> u64| takes.iter().map(|(count, take)| u64::from(*count) * of(take)).sum::<u64>();
    match &offer.supply {
        Supply::Unlimited => true,
        Supply::Machines(available) => sum(&|_| 1) <= u64::from(*available),
        Supply::Hosts(free) => sum(&|_| 1) <= free.len() as u64,
        Supply::Divisible { memory, disk } => {
            let gpus = sum(&|take| take.3 as u64) <= offer.facts.gpus.len() as u64;
            sum(&|take| take.1.0) <= memory.0 && sum(&|take| take.2.0) <= disk.0 && gpus
        }
    }
}

/// Position in `on`, alternatives, unpriced machines, price: the criteria before excess and names.
type Worth = (usize, usize, u32, i64);

/// The best worth among all assignments.
fn brute_force(demand: &Demand, market: &Market) -> Option<Worth> {
    let mut all: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for group in &demand.groups {
        let ways = (0..group.any_of.len()).flat_map(|a| (0..market.offers.len()).map(move |o| (a, o)));
        let ways: Vec<_> = ways.collect();
        let extended = all.iter().flat_map(|head| ways.iter().map(|way| [head.as_slice(), &[*way]].concat()));
        all = extended.collect();
    }
    all.iter().filter_map(|ways| worth(demand, market, ways)).min()
}

fn worth(demand: &Demand, market: &Market, ways: &[(usize, usize)]) -> Option<Worth> {
    let site = &market.offers[ways[0].1].site;
    if ways.iter().any(|(_, offer)| market.offers[*offer].site != *site) {
        return None;
    }
    let rank = if demand.on.is_empty() { 0 } else { demand.on.iter().position(|selector| selector.means(site))? };
    let mut on_offer: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    let (mut unpriced, mut price) = (0, 0);
    for (group, (alternative, at)) in demand.groups.iter().zip(ways) {
        let (offer, count) = (&market.offers[*at], group.count.get());
        on_offer.entry(*at).or_default().push((count, take(&group.any_of[*alternative], offer)?));
        match offer.price_per_hour {
            Some(each) => price += each.0 * i64::from(count),
            None => unpriced += count,
        }
    }
    let sufficient = on_offer.iter().all(|(at, takes)| suffices(&market.offers[*at], takes));
    let affordable = affordable(demand, (unpriced == 0).then_some(price));
    let alternatives = ways.iter().map(|(alternative, _)| alternative).sum();
    (sufficient && affordable).then_some((rank, alternatives, unpriced, price))
}

fn affordable(demand: &Demand, price: Option<i64>) -> bool {
    let Budget { per_hour, total } = demand.budget;
    let hours = demand.lease.duration.map(|duration| duration.as_hours());
    let within = |total: Money| match (price, hours) {
        (Some(price), Some(hours)) => price * hours <= total.0,
        (price, _) => price == Some(0),
    };
    per_hour.is_none_or(|limit| price.is_some_and(|price| price <= limit.0)) && total.is_none_or(within)
}

fn offer_of<'a>(market: &'a Market, pick: &Pick) -> &'a Offer {
    market.offers.iter().find(|offer| offer.node_type == pick.node_type).unwrap()
}

/// Each pick matches an alternative of its group, and no offer is over-committed.
fn check_picks(demand: &Demand, market: &Market, plan: &Plan) -> Result<(), TestCaseError> {
    let mut on_offer: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (group, pick) in demand.groups.iter().zip(&plan.picks) {
        let offer = offer_of(market, pick);
        let matches = |needs: &Requirements| {
            let (cpus, memory, _, gpus) = take(needs, offer)?;
            ((cpus, memory) == (pick.shape.cpus, pick.shape.memory) && pick.shape.gpus.len() >= gpus).then_some(())
        };
        prop_assert!(group.any_of.iter().find_map(matches).is_some(), "{pick:?}");
        prop_assert_eq!((&pick.group, pick.count), (&group.name, group.count.get()));
        let takes = (pick.shape.cpus, pick.shape.memory, pick.shape.disk, pick.shape.gpus.len());
        on_offer.entry(&pick.node_type).or_default().push((pick.count, takes));
        prop_assert_eq!(&pick.site, &plan.picks[0].site);
    }
    for (name, takes) in on_offer {
        let offer = market.offers.iter().find(|offer| offer.node_type == name).unwrap();
        prop_assert!(suffices(offer, &takes), "{name} is over-committed");
    }
    Ok(())
}

/// A whole plan, or only steps of these kinds.
fn any_part() -> impl Strategy<Value = Option<Vec<ResourceKind>>> {
    let kinds = vec![ResourceKind::Keypair, ResourceKind::Network, ResourceKind::Machine, ResourceKind::Address];
    let len = kinds.len();
    prop::option::weighted(0.8, prop::sample::subsequence(kinds, 0..=len))
}

fn any_resource() -> impl Strategy<Value = PlannedResource> {
    let site = || "aws/a".parse().unwrap();
    let address = PlannedResource::Address { site: site(), pool: "public".to_owned(), machine: None };
    prop::sample::select(vec![
        PlannedResource::Keypair { site: site() },
        PlannedResource::Network { site: site() },
        address,
    ])
}

/// The journal of a deployment whose steps have all started.
fn all_started(steps: &[Step]) -> Journal {
    let started = |step: &Step| Entry::Step { step: step.id.clone(), event: StepEvent::Started };
    let entries: Vec<Entry> = std::iter::once(Entry::Goal(Goal::Up)).chain(steps.iter().map(started)).collect();
    Journal::of(&entries).unwrap()
}

fn check_steps(plan: &Plan) -> Result<(), TestCaseError> {
    let mut done = BTreeSet::new();
    for step in &plan.steps {
        prop_assert!(step.after.iter().all(|id| done.contains(id)), "{} comes too early", step.id);
        prop_assert!(done.insert(step.id.clone()), "{} occurs twice", step.id);
    }
    let machines: u32 = plan.picks.iter().map(|pick| pick.count).sum();
    prop_assert_eq!(plan.machines().count(), machines as usize);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plan_is_as_good_as_the_best_of_all_assignments(demand in any_demand(), market in any_market()) {
        let best = brute_force(&demand, &market);
        match (plan(&demand, &market, id(), now()), best) {
            (Ok(plan), Some((rank, _, unpriced, price))) => {
                check_picks(&demand, &market, &plan)?;
                check_steps(&plan)?;
                prop_assert_eq!(plan.price_per_hour, (unpriced == 0).then_some(Money(price)));
                let place = demand.on.iter().position(|selector| selector.means(&plan.picks[0].site));
                prop_assert_eq!(place.unwrap_or(0), rank);
            }
            (Err(none), None) => {
                prop_assert_eq!(none.rejections.len(), market.offers.len() * demand.groups.len());
                prop_assert!(none.rejections.iter().all(|rejection| !rejection.misfits.is_empty()), "{:?}", none.rejections);
            }
            (plan, best) => prop_assert!(false, "{plan:?} but {best:?}"),
        }
    }

    #[test]
    fn order_of_offers_does_not_matter(
        demand in any_demand(), market in any_market(), seed in any::<prop::sample::Index>(),
    ) {
        let json = |market: &Market| match plan(&demand, market, id(), now()) {
            Ok(plan) => serde_json::to_string(&plan),
            Err(none) => serde_json::to_string(&none),
        }.unwrap();
        // Offers of one name are the harder case: only their content tells them apart.
        let mut market = market;
        market.offers.iter_mut().for_each(|offer| offer.node_type = "t".to_owned());
        let mut other = market.clone();
        if !other.offers.is_empty() {
            let middle = seed.index(other.offers.len());
            other.offers.rotate_left(middle);
            other.offers[middle..].reverse();
        }
        prop_assert_eq!(json(&market), json(&other));
    }

    #[test]
    fn first_matching_offer_of_a_single_group_is_the_planners_pick(demand in any_demand(), market in any_market()) {
        let demand = Demand { groups: demand.groups[..1].to_vec(), ..demand };
        let plan = plan(&demand, &market, id(), now());
        let window = Window::starting_at(now(), SignedDuration::from_hours(1)).unwrap();
        let first = matching_offers(&demand, &demand.groups[0], &market, &window).first().map(|offer| offer.node_type.as_str());
        prop_assert_eq!(first, plan.as_ref().ok().map(|plan| plan.picks[0].node_type.as_str()));
    }

    #[test]
    fn plan_survives_serialisation(demand in any_demand(), market in any_market()) {
        if let Ok(plan) = plan(&demand, &market, id(), now()) {
            let text = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn no_later_round_loses_a_started_resource(
        demand in any_demand(), market in any_market(), later in any_demand(), part in any_part(), resource in any_resource(),
    ) {
        let mut market = market;
        for offer in &mut market.offers {
            let reach = ReachTerm::PublicAddress("public".to_owned());
            offer.terms = Terms { key: KeyTerm::Keypair, reach, ..Terms::default() };
        }
        let one = Plan::single(id(), demand.name.clone(), resource, now());
        let planned = plan(&demand, &market, id(), now()).ok();
        let planned = planned.map(|plan| match &part {
            Some(kinds) => plan.with_only(kinds),
            None => plan,
        });
        let newer_work = Demand { workload:later.workload.clone(), ..demand };
        for before in planned.iter().chain([&one]) {
            for next in [&before.demand, &newer_work, &later] {
                if let Ok(again) = before.rework(next, now()) {
                    let round = Round::of(&again, before, &all_started(&before.steps));
                    prop_assert!(round.is_ok(), "{:?}", round);
                }
            }
        }
        let forgetful = one.clone().with_only(&[]);
        prop_assert!(Round::of(&forgetful, &one, &all_started(&one.steps)).is_err());
    }

    #[test]
    fn demand_changed_as_advised_has_a_plan(demand in any_demand(), market in any_market()) {
        if plan(&demand, &market, id(), now()).is_err() {
            for advice in relax::relaxations(&demand, &search::in_order(market.offers.iter())) {
                prop_assert!(brute_force(&advice.demand, &market).is_some(), "{}", advice.advice);
                prop_assert_ne!(&advice.demand, &demand, "{}", advice.advice);
            }
        }
    }
}
