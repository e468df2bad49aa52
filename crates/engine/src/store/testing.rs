//! Plans for tests of the store.

use std::collections::BTreeMap;

use hostler_core::demand::{Budget, Demand, Group, LeaseRequest, Requirements, Workload};
use hostler_core::name::{DeploymentId, GroupName, Name};
use hostler_core::offer::Market;
use hostler_core::plan::{Plan, plan};
use jiff::Timestamp;

/// A time, in seconds after the start of the tests' time scale.
pub(crate) fn second(number: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + number).unwrap()
}

/// A plan with one machine.
pub(crate) fn plan_of(name: &str, id: u128) -> Plan {
    let group = Group {
        name: GroupName::new("node").unwrap(),
        count: 1.try_into().unwrap(),
        any_of: vec![Requirements::default()],
    };
    let demand = Demand {
        name: Name::new(name).unwrap(),
        groups: vec![group],
        lease: LeaseRequest::default(),
        on: vec![],
        budget: Budget::default(),
        workload: Workload::default(),
        terms: Default::default(),
    };
    let market = Market { offers: vec![hostler_sim::offer("local".parse().unwrap())], unreachable: BTreeMap::new() };
    plan(&demand, &market, DeploymentId::from_bits(id), second(0)).unwrap()
}
