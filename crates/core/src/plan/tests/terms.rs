//! Choices among a site's terms, and existing leases.

use super::text::{demand, id, market, now};
use crate::demand::ReachRequest;
use crate::offer::{HostId, Market};
use crate::plan::{Action, ExistingLease, Plan, PlannedResource, ResourceKind, plan};
use crate::ticket::Ref;
use crate::time::{Window, parse_instant};

const HOSTS: &str = "chameleon/uc gpu hosts=n1@12:00/20:00,n2@12:00/20:00,n3 leased price=2.00
                     chameleon/uc cpu hosts=c1 leased price=1.00
                     local vm cut=20/80 price=0";

fn held(hosts: &[&str], from: &str, to: &str) -> ExistingLease {
    let at = |clock: &str| parse_instant(&format!("2025-06-01T{clock}Z")).unwrap();
    ExistingLease {
        lease: Ref("lease-7".into()),
        site: "chameleon/uc".parse().unwrap(),
        window: Window::new(at(from), at(to)).unwrap(),
        hosts: hosts.iter().map(|host| HostId((*host).into())).collect(),
    }
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn planned(text: &str, market: &Market) -> Plan {
    plan(&demand(text), market, id(), now()).unwrap()
}

#[test]
fn machine_uses_an_existing_lease_and_creates_none() {
    let market = held(&["n1", "n2"], "12:00", "20:00").apply(market(HOSTS));
    let plan = planned("for duration=4h\ngroup node 2", &market);
    assert!(!steps(&plan).contains(&"lease"), "{:?}", steps(&plan));
    let specs: Vec<_> =
        plan.machines().map(|(_, spec)| (spec.host.clone().unwrap().0, spec.existing.lease.clone())).collect();
    let lease = Some(Ref("lease-7".into()));
    assert_eq!(specs, [("n1".to_owned(), lease.clone()), ("n2".to_owned(), lease)]);
    assert_eq!(plan.price_per_hour.unwrap().to_string(), "0.00", "the lease is paid for already");
    assert_eq!(serde_json::from_value::<Plan>(serde_json::to_value(&plan).unwrap()).unwrap(), plan);
}

#[test]
fn existing_lease_that_is_too_short_or_too_small_has_no_plan() {
    let market = |held: ExistingLease| held.apply(market(HOSTS));
    let none = |text: &str, market| plan(&demand(text), &market, id(), now()).unwrap_err();
    none("for duration=4h\ngroup node 1", market(held(&["n1"], "12:00", "14:00")));
    none("for duration=4h\ngroup node 3", market(held(&["n1", "n2"], "12:00", "20:00")));
    none("for duration=4h\ngroup node 1", market(held(&["x"], "12:00", "20:00")));
    none("for duration=4h\ngroup node 1 type=cpu", market(held(&["n1"], "12:00", "20:00")));
}

#[test]
fn only_named_hosts_are_used() {
    let market = market(HOSTS).with_hosts(|_, host| host.0 == "n3");
    let plan = planned("for duration=4h\ngroup node 1", &market);
    assert_eq!(plan.picks[0].hosts, [HostId("n3".into())]);
}

#[test]
fn choices_of_key_network_address_and_lease_are_in_the_plan() {
    let mut demand = demand("on chameleon/uc\nfor duration=4h\ngroup node 1");
    demand.terms.keypair = Some("my-key".into());
    demand.terms.network = Some("mine".into());
    demand.terms.lease_name = Some("for-the-paper".into());
    demand.terms.reach = ReachRequest::Direct;
    let plan = plan(&demand, &market(HOSTS), id(), now()).unwrap();
    assert_eq!(steps(&plan), ["lease", "machine-digits", "wait-ssh-digits", "verify-digits"]);
    let (_, spec) = plan.machines().next().unwrap();
    assert_eq!(
        (spec.existing.keypair.clone(), spec.shared_network.as_deref()),
        (Some(Ref("my-key".into())), Some("mine"))
    );
    let Action::Create(PlannedResource::Lease(lease)) = &plan.steps[0].action else { panic!("{:?}", plan.steps[0]) };
    assert_eq!(lease.name, "for-the-paper");
}

#[test]
fn choices_have_no_effect_at_a_site_without_such_terms() {
    let mut demand = demand("on local\ngroup node 1");
    demand.terms.keypair = Some("my-key".into());
    demand.terms.network = Some("mine".into());
    let plan = plan(&demand, &market(HOSTS), id(), now()).unwrap();
    let (_, spec) = plan.machines().next().unwrap();
    assert!(spec.existing.keypair.is_none() && spec.shared_network.is_none() && spec.network.is_some());
}

/// A lease alone is a deployment. Its next round adds the machines and keeps the step of the lease.
#[test]
fn round_after_a_lease_alone_has_all_other_steps() {
    let whole = planned("on chameleon/uc\nfor duration=4h\ngroup node 1", &market(HOSTS));
    let part = whole.clone().with_only(&[ResourceKind::Lease]);
    assert_eq!(steps(&part), ["lease"]);
    let again = part.rework(&part.demand, now()).unwrap();
    assert_eq!(again, whole);
}

#[test]
fn plan_of_a_single_resource_has_one_step() {
    let resource = PlannedResource::Keypair { site: "chameleon/uc".parse().unwrap() };
    let plan = Plan::single(id(), "key".parse().unwrap(), resource, now());
    assert_eq!(steps(&plan), ["keypair"]);
    assert!(plan.has_no_machines());
    assert_eq!(plan.rework(&plan.demand, now()).unwrap(), plan, "another round has the same step");
}
