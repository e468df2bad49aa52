//! Reservations of hosts: the chosen start, the chosen hosts, and the steps around them.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::text::{demand, id, market, now};
use crate::calendar::Timeline;
use crate::offer::{HostId, HostState, HostSupply, Market, Offer, Supply};
use crate::plan::{Action, Exclusions, NoPlan, Plan, PlannedResource, plan};
use crate::ticket::StepId;
use crate::time::Window;

fn planned(demand_text: &str, market_text: &str) -> Result<Plan, NoPlan> {
    plan(&demand(demand_text), &market(market_text), id(), now())
}

/// The start and the hosts of each pick, or the earliest start.
fn when(demand_text: &str, market_text: &str) -> String {
    match planned(demand_text, market_text) {
        Ok(plan) => {
            let hosts =
                |pick: &crate::plan::Pick| pick.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            let picks: Vec<String> = plan.picks.iter().map(hosts).collect();
            format!("{} {}", plan.start, picks.join(" "))
        }
        Err(none) => format!("earliest {}", none.earliest.map_or("never".to_owned(), |at| at.to_string())),
    }
}

const RACK: &str = "uc sky hosts=n1@12:00/13:00,n2@12:30/14:00,n3,n4!,n5? leased price=1";

#[test]
fn hosts_that_are_free_throughout_the_window_are_chosen() {
    assert_eq!(
        when("group g 1\nlease duration=30m", RACK),
        "2025-06-01T12:00:00Z n2",
        "its next reservation is the earliest"
    );
    assert_eq!(when("group g 1\nlease duration=4h", RACK), "2025-06-01T12:00:00Z n3");
    assert_eq!(when("group g 2\nlease duration=30m", RACK), "2025-06-01T12:00:00Z n2+n3");
    assert_eq!(when("group a 1\ngroup b 1\nlease duration=30m", RACK), "2025-06-01T12:00:00Z n2 n3");
}

#[test]
fn later_start_is_used_only_within_the_allowed_delay() {
    let demand = |within: &str| format!("group g 2\nlease duration=1h{within}");
    assert_eq!(when(&demand(""), RACK), "earliest 2025-06-01T13:00:00Z");
    assert_eq!(when(&demand(" within=59m"), RACK), "earliest 2025-06-01T13:00:00Z");
    assert_eq!(when(&demand(" within=1h"), RACK), "2025-06-01T13:00:00Z n1+n3");
    assert_eq!(when("group g 3\nlease duration=1h within=2d", RACK), "2025-06-01T14:00:00Z n1+n2+n3");
    assert_eq!(when("group g 4\nlease duration=1h within=2d", RACK), "earliest never", "two are not in service");
}

#[test]
fn rejection_reports_when_the_first_host_is_free() {
    let none = planned("group g 1\nlease duration=2h", "uc sky hosts=n1@11:00/13:00,n2@13:00/20:00").unwrap_err();
    assert_eq!(none.rejections[0].misfits[0].to_string(), "busy until 2025-06-01T13:00:00Z");
    assert_eq!(none.to_string(), "no matching offer before 2025-06-01T13:00:00Z (1 checked)");
    for (hosts, why) in [("n1!", "in maintenance"), ("n1?", "availability unknown")] {
        let none = planned("group g 1\nlease duration=2h", &format!("uc sky hosts={hosts}")).unwrap_err();
        assert_eq!(none.rejections[0].misfits[0].to_string(), why);
    }
}

#[test]
fn terms_of_a_site_become_steps() {
    let mut demand = demand("group g 2\nlease duration=30m");
    demand.workload.setup = Some("make".into());
    let plan = plan(&demand, &market(RACK), id(), now()).unwrap();
    let line = |step: &crate::plan::Step| {
        let after: Vec<&str> = step.after.iter().map(StepId::as_str).collect();
        format!("{} <- {}", step.id, after.join(" ")).trim_end().to_owned() + "\n"
    };
    assert_snapshot!(plan.steps.iter().map(line).collect::<String>(), @"
    keypair <-
    lease <- keypair
    machine-digits-1 <- keypair lease
    machine-digits-2 <- keypair lease
    address-digits-1 <- machine-digits-1
    address-digits-2 <- machine-digits-2
    wait-ssh-digits-1 <- address-digits-1
    wait-ssh-digits-2 <- address-digits-2
    verify-digits-1 <- wait-ssh-digits-1
    verify-digits-2 <- wait-ssh-digits-2
    peer-names-digits-1 <- verify-digits-1 wait-ssh-digits-2
    peer-names-digits-2 <- verify-digits-2 peer-names-digits-1
    peer-ssh-digits-1 <- peer-names-digits-1 peer-names-digits-2
    setup-digits-1 <- peer-ssh-digits-1
    setup-digits-2 <- peer-names-digits-2 peer-ssh-digits-1
    ");
    let hosts = plan.machines().filter_map(|(_, spec)| spec.host.clone());
    assert_eq!(hosts.collect::<Vec<_>>(), plan.picks[0].hosts);
    let lease = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create(PlannedResource::Lease(spec)) => Some(spec.clone()),
        _ => None,
    });
    let lease = lease.unwrap();
    assert_eq!((lease.hosts, lease.window), (plan.picks[0].hosts.clone(), plan.window()));
    assert_eq!(plan.until, Some(plan.window().end()));
}

#[test]
fn lease_without_a_duration_has_the_default_end() {
    let plan = planned("group g 1", RACK).unwrap();
    assert_eq!(plan.until, Some("2025-06-02T12:00:00Z".parse().unwrap()));
    assert_eq!(
        planned("group g 1", "uc sky hosts=n1 price=1").unwrap().until,
        None,
        "machines without a lease have none"
    );
}

#[test]
fn excluded_hosts_and_sites_are_not_planned_again() {
    let market = market(RACK);
    let plan_without = |failed: &[&str]| {
        let first = plan(&demand("group g 1\nlease duration=30m"), &market, id(), now()).unwrap();
        let mut exclusions = Exclusions::default();
        failed.iter().for_each(|step| exclusions.exclude_failed(&first, &StepId::nearest(step)));
        plan(&first.demand, &exclusions.apply(market.clone()), id(), now())
            .map(|plan| plan.picks[0].hosts[0].to_string())
    };
    assert_eq!(plan_without(&[]).unwrap(), "n2");
    for step in ["lease", "machine-digits", "verify-digits"] {
        assert_eq!(plan_without(&[step]).unwrap(), "n3", "{step}");
    }
    let none = plan_without(&["address-digits"]).unwrap_err();
    assert_eq!(none.offers_checked, 0, "a site without an address is excluded");
}

fn minutes(count: i64) -> Timestamp {
    now() + SignedDuration::from_mins(count)
}

prop_compose! {
    fn any_rack()(
        hosts in prop::collection::vec((prop::collection::vec((0..30i64, 1..15i64), 0..4), 0..6u8), 1..6),
    ) -> Vec<HostSupply> {
        let host = |(at, (busy, state)): (usize, (Vec<(i64, i64)>, u8))| HostSupply {
            id: HostId(format!("n{at}")),
            state: if state == 0 { HostState::Unknown } else { HostState::InService },
            busy: Timeline::of(busy.iter().map(|(start, length)| {
                Window::new(minutes(*start), minutes(start + length)).unwrap()
            })),
        };
        hosts.into_iter().enumerate().map(host).collect()
    }
}

proptest! {
    #[test]
    fn start_is_the_earliest_possible(
        mut racks in prop::collection::vec(any_rack(), 1..4), counts in prop::collection::vec(1..4u32, 1..3),
        duration in 1..12i64, within in 0..40i64,
    ) {
        for (rack, hosts) in racks.iter_mut().enumerate() {
            hosts.iter_mut().for_each(|host| host.id = HostId(format!("r{rack}-{}", host.id)));
        }
        let text: String = counts.iter().enumerate().map(|(at, count)| format!("group g{at} {count}\n")).collect();
        let mut demand = demand(&text);
        demand.lease.duration = Some(SignedDuration::from_mins(duration));
        demand.lease.within = Some(SignedDuration::from_mins(within));
        let template = market("uc a\nuc b\ntacc a");
        let offer = |(template, rack): (&Offer, &Vec<HostSupply>)| Offer { supply: Supply::Hosts(rack.clone()), ..template.clone() };
        let market = Market { offers: template.offers.iter().zip(&racks).map(offer).collect(), ..Market::default() };
        // Plan for each minute alone, with no other start allowed.
        let expected = (0..=within).map(minutes).find(|start| {
            let mut alone = demand.clone();
            (alone.lease.start, alone.lease.within) = (Some(*start), None);
            plan(&alone, &market, id(), now()).is_ok()
        });
        let found = plan(&demand, &market, id(), now());
        prop_assert_eq!(found.as_ref().ok().map(|plan| plan.start), expected);
        if let Ok(plan) = found {
            let all: Vec<&HostId> = plan.picks.iter().flat_map(|pick| &pick.hosts).collect();
            let distinct: BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), counts.iter().sum::<u32>() as usize);
            let free = |host: &&HostSupply| host.state == HostState::InService && host.busy.is_free(&plan.window());
            let hosts = racks.iter().flatten().filter(|host| all.contains(&&host.id));
            prop_assert_eq!(hosts.filter(free).count(), all.len());
        }
    }
}
