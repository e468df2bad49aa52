//! Demands, markets and plans as text, for test cases.
//!
//! ```text
//! local vm cpus=8 memory=32 disk=100 cut=20/80 price=0 images=debian-12
//! aws/us-east-1 p3 cpus=8 memory=61 disk=100 gpus=V100:1 whole=4 price=3.06
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::calendar::Timeline;
use crate::demand::{Amount, Budget, Demand, GpuRequirement, Group, LeaseRequest, Requirements, Spot, Workload};
use crate::name::{DeploymentId, GroupName, Name};
use crate::offer::{
    Availability, ClaimTerm, Facts, GpuFacts, GpuSoftware, HostId, HostState, HostSupply, ImageFacts, KeyTerm, Market,
    NetworkTerm, Offer, OsRelease, PriceUnit, ReachTerm, Supply, Terms,
};
use crate::plan::{NoPlan, Plan, Rejection, plan};
use crate::size::Bytes;
use crate::time::{self, Window};

pub fn now() -> Timestamp {
    time::parse_instant("2025-06-01T12:00Z").unwrap()
}

pub fn id() -> DeploymentId {
    DeploymentId::from_bits(7)
}

/// Plans the demand on the market and prints the result.
pub fn planned(demand_text: &str, market_text: &str) -> String {
    match plan(&demand(demand_text), &market(market_text), id(), now()) {
        Ok(plan) => show(&plan),
        Err(none) => show_none(&none),
    }
}

pub fn market(text: &str) -> Market {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Market { offers: lines.map(offer).collect(), unreachable: BTreeMap::new() }
}

fn offer(line: &str) -> Offer {
    let mut words = line.split_whitespace();
    let mut offer = Offer {
        site: words.next().unwrap().parse().unwrap(),
        node_type: words.next().unwrap().to_owned(),
        facts: Facts {
            cpus: Some(4),
            memory: Some(Bytes::gib(8)),
            disk: Some(Bytes::gib(40)),
            arch: Some("x86_64".to_owned()),
            gpus: Vec::new(),
            labels: BTreeMap::new(),
            emulated: None,
        },
        supply: Supply::Unlimited,
        availability: Availability::Free,
        price_per_hour: None,
        unit: PriceUnit::Dollars,
        spot: false,
        images: vec![image("debian-12", "x86_64")],
        terms: Terms::default(),
        accepts_images: false,
    };
    words.for_each(|word| set_offer(&mut offer, word));
    offer
}

/// `ubuntu-22.04`, or `ubuntu-22.04-cuda` with CUDA.
pub fn image(name: &str, arch: &str) -> ImageFacts {
    let (disk, memory) = (Bytes::gib(4), Bytes::mib(512));
    let (system, gpu_software) = match name.strip_suffix("-cuda") {
        Some(system) => (system, GpuSoftware::Cuda),
        None => (name, GpuSoftware::None),
    };
    let (name, arch, user) = (name.to_owned(), arch.to_owned(), "debian".to_owned());
    ImageFacts { name, arch, user, disk, memory, os: OsRelease::from_request(system), gpu_software }
}

/// A fact, or `?` if the site does not report it.
fn reported<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &str) -> Option<T> {
    (value != "?").then(|| value.parse().unwrap())
}

fn set_offer(offer: &mut Offer, word: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    match key {
        "cpus" => offer.facts.cpus = reported(value),
        "memory" => offer.facts.memory = reported(value),
        "disk" => offer.facts.disk = reported(value),
        "arch" => offer.facts.arch = reported(value),
        "gpus" => {
            let (model, count) = value.split_once(':').unwrap();
            let gpu = GpuFacts { model: model.to_owned(), memory: None };
            offer.facts.gpus = vec![gpu; count.parse().unwrap()];
        }
        "whole" => offer.supply = Supply::Machines(value.parse().unwrap()),
        "cut" => {
            let (memory, disk) = value.split_once('/').unwrap();
            offer.supply = Supply::Divisible { memory: memory.parse().unwrap(), disk: disk.parse().unwrap() };
        }
        "hosts" => offer.supply = Supply::Hosts(value.split(',').map(host).collect()),
        "leased" => {
            offer.terms = Terms {
                claim: ClaimTerm::Lease,
                key: KeyTerm::Keypair,
                network: NetworkTerm::Shared("sharednet1".into()),
                reach: ReachTerm::PublicAddress("public".into()),
            };
            offer.unit = PriceUnit::ServiceUnits;
        }
        "price" => offer.price_per_hour = Some(value.parse().unwrap()),
        "spot" => offer.spot = true,
        "busy" if value.is_empty() => offer.availability = Availability::Busy(None),
        "busy" => offer.availability = Availability::Busy(Some(time::parse_instant(value).unwrap())),
        "maintenance" => offer.availability = Availability::Maintenance,
        "unknown" => offer.availability = Availability::Unknown,
        "images" => {
            let arch = offer.facts.arch.clone().unwrap_or_default();
            offer.images = value.split(',').filter(|n| !n.is_empty()).map(|n| image(n, &arch)).collect();
        }
        label => drop(offer.facts.labels.insert(label.to_owned(), value.to_owned())),
    }
}

/// `n1`, `n1@10:00/12:00@14:00/15:00` with reservations, `n1!` in maintenance, `n1?` with unknown state.
fn host(text: &str) -> HostSupply {
    let mut parts = text.split('@');
    let name = parts.next().unwrap();
    let state = match name.chars().last() {
        Some('!') => HostState::Maintenance,
        Some('?') => HostState::Unknown,
        _ => HostState::InService,
    };
    let at = |clock: &str| time::parse_instant(&format!("2025-06-01T{clock}Z")).unwrap();
    let window = |span: &str| {
        let (start, end) = span.split_once('/').unwrap();
        Window::new(at(start), at(end)).unwrap()
    };
    HostSupply {
        id: HostId(name.trim_end_matches(['!', '?']).to_owned()),
        state,
        busy: Timeline::of(parts.map(window)),
    }
}

/// Lines `on SITE…`, `group NAME COUNT NEED… [| NEED…]`, `budget KEY=…`, `lease duration=… start=… within=…`.
pub fn demand(text: &str) -> Demand {
    let mut demand = Demand {
        name: Name::new("digits").unwrap(),
        groups: Vec::new(),
        lease: LeaseRequest::default(),
        on: Vec::new(),
        budget: Budget::default(),
        workload: Workload::default(),
        terms: Default::default(),
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (what, rest) = line.split_once(' ').unwrap();
        match what {
            "on" => demand.on = rest.split(' ').map(|site| site.to_owned().try_into().unwrap()).collect(),
            "group" => demand.groups.push(group(rest)),
            _ => rest.split(' ').for_each(|word| set_terms(&mut demand, word)),
        }
    }
    demand
}

fn set_terms(demand: &mut Demand, word: &str) {
    let (key, value) = word.split_once('=').unwrap();
    match key {
        "per_hour" => demand.budget.per_hour = Some(value.parse().unwrap()),
        "total" => demand.budget.total = Some(value.parse().unwrap()),
        "duration" => demand.lease.duration = Some(time::parse_duration(value).unwrap()),
        "start" => demand.lease.start = Some(time::parse_instant(value).unwrap()),
        "within" => demand.lease.within = Some(time::parse_duration(value).unwrap()),
        _ => panic!("{word}"),
    }
}

fn group(text: &str) -> Group {
    let (head, needs) = text.split_at(text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at));
    let (name, count) = head.split_once(' ').unwrap();
    let any_of = needs.split('|').map(|words| {
        let mut needs = Requirements::default();
        words.split_whitespace().for_each(|word| set_needs(&mut needs, word));
        needs
    });
    Group { name: GroupName::new(name).unwrap(), count: count.parse().unwrap(), any_of: any_of.collect() }
}

fn set_needs(needs: &mut Requirements, word: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    match key {
        "cpus" => needs.cpus = amount(value),
        "memory" => needs.memory = amount(value),
        "disk" => needs.disk = Some(value.parse().unwrap()),
        "gpus" => {
            let (model, count) = value.split_once(':').unwrap();
            let model = (model != "any").then(|| model.to_owned());
            needs.gpus = Some(GpuRequirement { model, count: count.parse().unwrap() });
        }
        "arch" => needs.arch = Some(value.to_owned()),
        "image" => needs.image = Some(value.to_owned()),
        "type" => needs.node_type = Some(value.to_owned()),
        "sites" => needs.sites = value.split(',').map(|site| site.to_owned().try_into().unwrap()).collect(),
        "spot" => needs.spot = Spot::Only,
        label => drop(needs.labels.insert(label.to_owned(), value.to_owned())),
    }
}

fn amount<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Amount<T> {
    match text.strip_suffix('+') {
        Some(least) => Amount::AtLeast(least.parse().unwrap()),
        None => Amount::Exactly(text.parse().unwrap()),
    }
}

fn show(plan: &Plan) -> String {
    let price = |price: Option<_>| price.map_or("?".to_owned(), |price: crate::money::Money| price.to_string());
    let picks = plan.picks.iter().map(|pick| {
        let shape = &pick.shape;
        let gpus: String = shape.gpus.iter().map(|gpu| format!(" {gpu}")).collect();
        let size = format!("{} cpus {} {}{gpus}", shape.cpus, shape.memory, shape.disk);
        let of = format!("{} x {} {}: {size}", pick.count, pick.site, pick.node_type);
        format!("{} = {of}, {}, {} each\n", pick.group, pick.image, price(pick.price_per_hour))
    });
    let total = format!("{}/h\n", price(plan.price_per_hour));
    picks.chain([total]).chain(plan.rejections.iter().map(show_rejection)).collect()
}

fn show_rejection(rejection: &Rejection) -> String {
    let misfits: Vec<String> = rejection.misfits.iter().map(ToString::to_string).collect();
    let misfits = if misfits.is_empty() { "suitable".to_owned() } else { misfits.join("; ") };
    format!(
        "not {} for {}: {misfits}\n",
        [rejection.site.to_string(), rejection.node_type.clone()].join(" "),
        rejection.group
    )
}

fn show_none(none: &NoPlan) -> String {
    let head = format!("{none}\n");
    let tally: Vec<String> = none.tally.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let tally = format!("tally: {}\n", tally.join(", "));
    let advice = none.advice.iter().map(|advice| format!("try: {advice}\n"));
    [head].into_iter().chain(none.rejections.iter().map(show_rejection)).chain([tally]).chain(advice).collect()
}
