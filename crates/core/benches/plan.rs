//! Planning time on a large market: 10,000 offers for three groups, with and without a match.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hostler_core::demand::{Amount, Budget, Demand, GpuRequirement, Group, LeaseRequest, Requirements, Workload};
use hostler_core::name::{DeploymentId, GroupName, Name};
use hostler_core::offer::{Availability, Facts, GpuFacts, GpuSoftware, ImageFacts, Market, Offer, Supply, Terms};
use hostler_core::plan::plan;
use hostler_core::size::Bytes;
use jiff::Timestamp;

fn offer(number: u32) -> Offer {
    let gpu = GpuFacts { model: "NVIDIA A100-SXM4-80GB".to_owned(), memory: Some(Bytes::gib(80)) };
    let image = |name: &str| ImageFacts {
        name: name.to_owned(),
        arch: "x86_64".to_owned(),
        user: "debian".to_owned(),
        disk: Bytes::gib(4),
        memory: Bytes::mib(512),
        os: None,
        gpu_software: GpuSoftware::None,
    };
    Offer {
        site: format!("aws/region-{}", number % 20).parse().expect("a site"),
        node_type: format!("type-{}", number * 7919 % 10_007),
        facts: Facts {
            cpus: Some(1 << (number % 8)),
            memory: Some(Bytes::gib(1 << (number % 10))),
            disk: Some(Bytes::gib(200)),
            arch: Some("x86_64".to_owned()),
            gpus: vec![gpu; (number.is_multiple_of(9)).into()],
            labels: [("family".to_owned(), format!("f{}", number % 30))].into(),
            emulated: None,
        },
        supply: if number.is_multiple_of(2) { Supply::Unlimited } else { Supply::Machines(number % 5) },
        availability: if number.is_multiple_of(11) { Availability::Unknown } else { Availability::Free },
        price_per_hour: Some(hostler_core::money::Money(i64::from(number % 997) * 10_000)),
        unit: hostler_core::offer::PriceUnit::Dollars,
        spot: number.is_multiple_of(6),
        images: vec![image("debian-12"), image("ubuntu-24.04")],
        terms: Terms::default(),
        accepts_images: false,
    }
}

fn demand(model: &str) -> Demand {
    let group = |name: &str, count: u32, needs: Requirements| Group {
        name: GroupName::new(name).expect("a name"),
        count: count.try_into().expect("more than none"),
        any_of: vec![needs],
    };
    let sized = |cpus, gib| Requirements {
        cpus: Amount::AtLeast(cpus),
        memory: Amount::AtLeast(Bytes::gib(gib)),
        ..Requirements::default()
    };
    let gpus = GpuRequirement { model: Some(model.to_owned()), count: 1u32.try_into().expect("more than none") };
    let trainer = Requirements { gpus: Some(gpus), ..sized(8, 32) };
    Demand {
        name: Name::new("train").expect("a name"),
        groups: vec![group("head", 1, sized(2, 4)), group("store", 2, sized(4, 64)), group("worker", 3, trainer)],
        lease: LeaseRequest::default(),
        on: Vec::new(),
        budget: Budget::default(),
        workload: Workload::default(),
        terms: Default::default(),
    }
}

fn planning(criterion: &mut Criterion) {
    let market = Market { offers: (0..10_000).map(offer).collect(), ..Market::default() };
    let (id, now) = (DeploymentId::from_bits(7), Timestamp::UNIX_EPOCH);
    let (served, refused) = (demand("A100"), demand("H100"));
    assert!(plan(&served, &market, id, now).is_ok() && plan(&refused, &market, id, now).is_err());
    criterion.bench_function("plan/10000-offers-3-groups", |bencher| {
        bencher.iter(|| plan(black_box(&served), &market, id, now));
    });
    criterion.bench_function("plan/10000-offers-3-groups-no-plan-and-advice", |bencher| {
        bencher.iter(|| plan(black_box(&refused), &market, id, now));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = planning
}
criterion_main!(benches);
