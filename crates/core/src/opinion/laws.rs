//! Properties for every answer: the decision is the rule's own, or within facts and limits.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::MAX_SHOWN_CHARS;
use super::*;
use crate::demand::{Demand, GpuRequirement};
use crate::money::Money;
use crate::offer::{Market, OsRelease};
use crate::plan::tests::text::{demand, market, now};
use crate::plan::{could_match, matching_offers};
use crate::time::Window;

const KEYS: [&str; 14] = [
    "machines",
    "cpus",
    "memory_gib",
    "disk_gib",
    "gpus",
    "gpu_model",
    "os",
    "cuda",
    "python",
    "image",
    "site",
    "node_type",
    "filter",
    "hours",
];

const WORDS: [&str; 14] = [
    "A100",
    "T4",
    "ubuntu-22.04",
    "debian-12",
    "12.2",
    "3.11",
    "ubuntu-22.04-cuda",
    "aws/a",
    "local",
    "t1",
    "t3",
    "gpu and ram>=8GiB",
    "not gpu",
    "node_type=t2",
];

fn offers() -> Market {
    market(
        "local t1 cpus=8 memory=16 disk=100 cut=32/200 price=0 images=debian-12,ubuntu-22.04
         aws/a t2 cpus=64 memory=512 disk=900 gpus=A100:8 price=3 images=ubuntu-22.04-cuda,ubuntu-22.04
         aws/a t3 cpus=16 memory=64 disk=200 gpus=T4:1 whole=2 price=1 images=ubuntu-22.04-cuda
         aws/a t4 cpus=16 memory=64 disk=200 gpus=T4:4 images=ubuntu-22.04-cuda
         aws/a t5 cpus=64 memory=64 disk=200 unknown price=0",
    )
}

fn limits() -> AnswerLimits {
    let machines = NonZeroU32::new(2).unwrap();
    let budget = Budget { per_hour: Some(Money(2_000_000)), total: Some(Money(9_000_000)) };
    let (memory, disk, duration) = (Bytes::gib(32), Bytes::gib(150), SignedDuration::from_hours(12));
    AnswerLimits { machines, cpus: 16, memory, disk, gpus: 2, duration, budget }
}

/// Values that a model may write, most of them of the right type.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0..40u32).prop_map(|number| json!(number)),
        6 => prop::sample::select(WORDS.as_slice()).prop_map(|word| json!(word)),
        2 => (-10.0..200.0f64).prop_map(|number| json!(number)),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => ".{0,20}".prop_map(|text| json!(text)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => Just(json!(["A100"])),
    ]
}

/// An answer with some of these keys.
fn answer(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let good = prop::collection::btree_map(prop::sample::select(keys), value(), 0..4);
    let wild = prop::collection::btree_map(prop::sample::select(KEYS.as_slice()), value(), 0..4);
    let object = prop_oneof![6 => good, 1 => wild].prop_map(|object| json!(object).to_string());
    let around = prop::sample::select(["", "", "", "", "```json\n", "Sure: ", "```"].as_slice());
    let behind = prop::sample::select(["", "", "", "", "\n```", " ok", "```"].as_slice());
    prop_oneof![
        8 => (around, object, behind).prop_map(|(around, object, behind)| format!("{around}{object}{behind}")),
        1 => any::<String>(),
        1 => "[\\[{\"`:,}\\] 0-9a-z\n]{0,60}",
    ]
}

prop_compose! {
    /// A rule within the limits.
    fn rule()(
        machines in prop::option::of(1..3u32), cpus in prop::option::of(1..17u32), memory in prop::option::of(1..33u64),
        disk in prop::option::of(1..151u64), gpus in prop::option::of(1..3u32), os in prop::bool::ANY,
    ) -> InferredRequirements {
        let count = |number| NonZeroU32::new(number).unwrap();
        InferredRequirements {
            machines: machines.map(count),
            cpus,
            memory: memory.map(Bytes::gib),
            disk: disk.map(Bytes::gib),
            gpus: gpus.map(|number| GpuRequirement { model: None, count: count(number) }),
            os: os.then(|| OsRelease::from_request("ubuntu-22.04").unwrap()),
            cuda: None,
            python: None,
        }
    }
}

/// Demand for the inferred requirements, as a later planner sees it.
fn demand_for(required: &InferredRequirements) -> Demand {
    let mut demand = demand("group node 1");
    demand.groups[0].count = required.machines.unwrap_or(NonZeroU32::MIN);
    demand.groups[0].any_of = vec![required.to_requirements()];
    demand.budget.per_hour = limits().budget.per_hour;
    demand
}

proptest! {
    #[test]
    fn requirements_are_the_rules_or_offered_within_the_limits(reply in answer(&KEYS[..9]), rule in rule()) {
        let (market, limits) = (offers(), limits());
        let decision = requirements(ModelAnswer::Text(&reply), &rule, &market, &limits);
        let choice = &decision.choice;
        prop_assert!(choice.machines.is_none_or(|machines| machines <= limits.machines));
        prop_assert!(choice.cpus.is_none_or(|cpus| cpus <= limits.cpus));
        prop_assert!(choice.memory.is_none_or(|memory| memory <= limits.memory));
        prop_assert!(choice.disk.is_none_or(|disk| disk <= limits.disk));
        prop_assert!(choice.gpus.as_ref().is_none_or(|gpus| gpus.count.get() <= limits.gpus));
        // Values known to the rule are unchanged.
        let known = [
            rule.machines.is_some() && rule.machines != choice.machines, rule.cpus.is_some() && rule.cpus != choice.cpus,
            rule.memory.is_some() && rule.memory != choice.memory, rule.disk.is_some() && rule.disk != choice.disk,
            rule.gpus.is_some() && rule.gpus != choice.gpus, rule.os.is_some() && rule.os != choice.os,
        ];
        prop_assert!(!known.contains(&true), "{reply}: {decision:?}");
        if *choice != rule {
            let demand = demand_for(choice);
            let has = market.offers.iter().any(|offer| could_match(&demand, &demand.groups[0], offer));
            prop_assert!(has, "{reply}: {choice:?} is offered by no site");
        }
        prop_assert!(*choice == rule || !decision.accepted.is_empty());
    }

    #[test]
    fn node_type_is_suitable_and_within_the_cost_limit(
        reply in answer(&KEYS[10..13]), gpus in 0..3u32, limit in prop::option::of(0..4i64),
    ) {
        let text = if gpus > 0 { format!("group node 1 gpus=any:{gpus}") } else { "group node 1".to_owned() };
        let (mut demand, market) = (demand(&text), offers());
        demand.budget.per_hour = limit.map(|limit| Money(limit * 1_000_000));
        let window = Window::starting_at(now(), SignedDuration::from_hours(4)).unwrap();
        let wanted = NodeTypeQuery { demand: &demand, group: &demand.groups[0], window: &window, market: &market };
        let decision = node_type(ModelAnswer::Text(&reply), &wanted);
        let serving = matching_offers(&demand, &demand.groups[0], &market, &window);
        prop_assert_eq!(decision.choice.is_some(), !serving.is_empty());
        if let (Some(choice), Some(best)) = (&decision.choice, serving.first()) {
            let found = serving.iter().find(|offer| offer.site == choice.site && offer.node_type == choice.node_type);
            let found = found.unwrap_or_else(|| panic!("{reply}: {choice:?} is not suitable"));
            let price = found.price_per_hour;
            let most = demand.budget.per_hour.or(best.price_per_hour);
            prop_assert!(most.is_none() || price.is_some_and(|price| Some(price) <= most), "{}: {:?}", reply, choice);
            prop_assert!(choice.filter.as_ref().is_none_or(|filter| filter.admits(found) == Some(true)));
        }
    }

    #[test]
    fn image_is_always_a_candidate(reply in answer(&KEYS[9..10]), at in 0..5usize) {
        let (demand, market) = (demand("group node 1"), offers());
        let (needs, offer) = (&demand.groups[0].any_of[0], &market.offers[at]);
        let decision = image(ModelAnswer::Text(&reply), needs, offer);
        let candidates = crate::plan::best_images(needs, offer);
        let is_candidate = |name: &String| candidates.iter().any(|image| image.name == *name);
        prop_assert!(decision.choice.as_ref().map_or(candidates.is_empty(), is_candidate), "{reply}: {decision:?}");
    }

    #[test]
    fn duration_is_within_the_limits(
        reply in answer(&KEYS[13..]), rule in 1..4i64, price in prop::option::of(0..3i64),
    ) {
        let (rule, price, limits) = (SignedDuration::from_hours(rule), price.map(|price| Money(price * 1_000_000)), limits());
        let decision = duration(ModelAnswer::Text(&reply), rule, price, &limits);
        prop_assert!(decision.choice > SignedDuration::ZERO && decision.choice <= limits.duration);
        let cost = price.map(|price| price.over_seconds(decision.choice.as_secs()));
        prop_assert!(cost.is_none_or(|cost| Some(cost) <= limits.budget.total));
        prop_assert!(price.is_some() || decision.choice <= rule);
    }

    #[test]
    fn displayed_answer_text_is_one_short_line(text in any::<String>()) {
        let shown = plain(&text);
        prop_assert!(shown.chars().count() <= MAX_SHOWN_CHARS + 1 && !shown.chars().any(char::is_control));
    }
}
