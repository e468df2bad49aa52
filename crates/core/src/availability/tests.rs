use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::calendar::Timeline;
use crate::downgrade::Caps;
use crate::inventory::{Document, Feed, Inventory, join};
use crate::money::Money;
use crate::time::{Window, parse_instant};

/// A node, with the hours of 2025-09-02 during which it is reserved. Mapped to a host unless `host` is empty.
struct TestNode {
    site: &'static str,
    name: &'static str,
    host: &'static str,
    gpus: u32,
    gib: u64,
    held: &'static [(u8, u8)],
}

const PLAIN: TestNode = TestNode { site: "current", name: "c1", host: "1", gpus: 0, gib: 192, held: &[] };

fn feed(site: &'static str, machines: &[TestNode]) -> Feed {
    let node = |machine: &TestNode| {
        json!({ "uid": format!("uid-{}", machine.name), "node_name": machine.name,
                "node_type": if machine.gpus > 0 { "gpu_node" } else { "compute" },
                "gpu": { "gpu": machine.gpus > 0, "gpu_count": machine.gpus },
                "main_memory": { "ram_size": machine.gib << 30 }, "architecture": { "platform_type": "x86_64", "smt_size": 48 },
                "links": [{ "href": format!("/sites/{}/clusters/main/nodes/uid-{}", machine.site, machine.name) }] })
    };
    let allocation = |machine: &TestNode| {
        let held = machine.held.iter().map(|(start, end)| {
            json!({ "id": "r", "lease_id": "l", "start_date": format!("2025-09-02 {start:02}:00"), "end_date": format!("2025-09-02 {end:02}:00") })
        });
        json!({ "resource_id": machine.host, "reservations": held.collect::<Vec<_>>() })
    };
    let mapped = || machines.iter().filter(|machine| !machine.host.is_empty());
    let map: serde_json::Map<String, Value> =
        mapped().map(|machine| (machine.host.to_owned(), format!("uid-{}", machine.name).into())).collect();
    let document = |name: &str, content: Value| Document::new(name, content.to_string());
    Feed {
        site: Some(site.to_owned()),
        allocations: Some(document("allocations.json", mapped().map(allocation).collect())),
        resource_map: Some(document("resource_map.json", map.into())),
        nodes: vec![document("nodes.json", machines.iter().map(node).collect())],
        ..Feed::default()
    }
}

fn request(filter: &str, start: &str, hours: i64, amount: u32, within: i64) -> AvailabilityQuery {
    let start = parse_instant(&format!("2025-09-02 {start}")).unwrap();
    AvailabilityQuery {
        sites: vec!["current".to_owned()],
        filter: filter.parse().unwrap(),
        window: Window::starting_at(start, SignedDuration::from_hours(hours)).unwrap(),
        amount: amount.try_into().unwrap(),
        within: SignedDuration::from_hours(within),
        caps: Caps::default(),
    }
}

fn joined(feeds: &[Feed]) -> Inventory<'_> {
    join(feeds, SignedDuration::ZERO).unwrap()
}

/// Decision, site and hour of a report.
fn decided(report: &AvailabilityReport) -> (Decision, &str, String) {
    let hour = report.earliest.map(|at| at.strftime("%H:%M").to_string()).unwrap_or_default();
    (report.decision, report.site.as_deref().unwrap_or_default(), hour)
}

#[test]
fn other_requested_site_precedes_later_start_at_the_preferred_one() {
    let current = feed("current", &[TestNode { held: &[(0, 3)], ..PLAIN }]);
    let other = |held| feed("zone-b", &[TestNode { site: "zone-b", name: "b1", held, ..PLAIN }]);
    let both = |requested: &[&str], held| {
        let feeds = [current.clone(), other(held)];
        let sites = requested.iter().map(|site| (*site).to_owned()).collect();
        query(&joined(&feeds), &AvailabilityQuery { sites, ..request("any", "00:10", 4, 1, 48) }).unwrap()
    };
    let change = both(&["current", "zone-b"], &[]);
    assert_eq!(decided(&change), (Decision::SiteChange, "zone-b", "00:10".to_owned()));
    let alone = both(&["current"], &[]);
    assert_eq!(decided(&alone), (Decision::TimeShift, "current", "03:00".to_owned()));
    let kinds: Vec<_> = alone.alternatives.iter().map(|found| (found.instead, &*found.site)).collect();
    assert_eq!(kinds, [(Tradeoff::Later, "current"), (Tradeoff::OtherSite, "zone-b")]);
    let blocked = both(&["current", "zone-b"], &[(0, 2)]);
    assert_eq!(decided(&blocked), (Decision::TimeShift, "zone-b", "02:00".to_owned()));
    // Both are free: the preferred site is chosen, without alternatives.
    let feeds = [feed("current", &[PLAIN]), other(&[])];
    let free =
        query(&joined(&feeds), &AvailabilityQuery { sites: vec![], ..request("any", "00:10", 4, 1, 48) }).unwrap();
    assert_eq!((decided(&free).0, free.alternatives.len()), (Decision::Now, 0));
    // Without requested sites, none is preferred.
    let anywhere = both(&[], &[]);
    assert_eq!(decided(&anywhere), (Decision::Now, "zone-b", "00:10".to_owned()));
}

#[test]
fn reserved_node_is_not_offered_again() {
    let feeds = [feed("current", &[PLAIN])];
    let mut inventory = joined(&feeds);
    let request = request("any", "00:00", 4, 1, 1);
    assert_eq!(decided(&query(&inventory, &request).unwrap()).0, Decision::Now);
    inventory.sites[0].clusters[0].nodes[0].timeline = Timeline::of([request.window]);
    assert_eq!(decided(&query(&inventory, &request).unwrap()).0, Decision::None);
}

#[test]
fn nodes_of_two_sites_are_not_combined() {
    let feeds = [
        feed("current", &[PLAIN, TestNode { name: "c2", host: "2", held: &[(0, 5)], ..PLAIN }]),
        feed("zone-b", &[TestNode { site: "zone-b", name: "b1", ..PLAIN }]),
    ];
    let sites = vec!["current".to_owned(), "zone-b".to_owned()];
    let report = query(&joined(&feeds), &AvailabilityQuery { sites, ..request("any", "00:00", 1, 2, 48) }).unwrap();
    assert_eq!(
        (report.pool, report.free, decided(&report)),
        (3, 2, (Decision::TimeShift, "current", "05:00".to_owned()))
    );
}

#[test]
fn unknown_and_out_of_service_nodes_are_counted_and_never_free() {
    let mut feed = feed(
        "current",
        &[PLAIN, TestNode { name: "c2", host: "", ..PLAIN }, TestNode { name: "c3", host: "3", ..PLAIN }],
    );
    let hosts = json!([{ "id": "3", "hypervisor_hostname": "uid-c3", "disabled": true }]);
    feed.hosts = Some(Document::new("hosts.json", hosts.to_string()));
    let feeds = [feed];
    let report = query(&joined(&feeds), &request("any", "00:00", 1, 2, 1_000)).unwrap();
    assert_eq!((report.pool, report.free, report.unknown, report.maintenance), (3, 1, 1, 1));
    assert_eq!(report.decision, Decision::None);
}

#[test]
fn cheapest_nodes_are_chosen_and_no_more_than_requested() {
    let gpu = TestNode { name: "a-gpu", host: "7", gpus: 4, ..PLAIN };
    let large = TestNode { name: "b-large", host: "8", gib: 512, ..PLAIN };
    let feeds = [feed("current", &[gpu, large, PLAIN])];
    let report = query(&joined(&feeds), &request("any", "00:00", 4, 2, 0)).unwrap();
    let names: Vec<_> = report.nodes.iter().map(|node| node.name.as_deref().unwrap()).collect();
    assert_eq!((names, report.service_units), (vec!["c1", "b-large"], Some(Money(8_000_000))));
}

#[test]
fn alternatives_are_ranked_and_priced() {
    let gpu = |name, host, gpus, held| TestNode { name, host, gpus, held, ..PLAIN };
    let feeds = [
        feed(
            "current",
            &[gpu("g1", "1", 4, &[(0, 9)]), gpu("g2", "2", 4, &[]), gpu("g3", "3", 2, &[]), gpu("g4", "4", 1, &[])],
        ),
        feed(
            "zone-b",
            &[
                TestNode { site: "zone-b", ..gpu("b1", "1", 4, &[]) },
                TestNode { site: "zone-b", ..gpu("b2", "2", 8, &[]) },
            ],
        ),
    ];
    let report = query(&joined(&feeds), &request("gpu_count>=4", "00:00", 4, 2, 48)).unwrap();
    insta::assert_json_snapshot!(report);
}

/// Bytes count, not the label `256 GiB`, and a note explains the missing node.
#[test]
fn node_with_less_memory_than_its_label_is_explained() {
    let mut feed = feed("current", &[PLAIN]);
    let small = json!([{ "uid": "uid-c1", "node_name": "c1", "main_memory": { "ram_size": 256_000_000_000_u64, "humanized_ram_size": "256 GiB" },
                         "links": [{ "href": "/sites/current/clusters/main" }] }, { "uid": "silent", "links": [{ "href": "/sites/current" }] }]);
    feed.nodes = vec![Document::new("nodes.json", small.to_string())];
    let feeds = [feed];
    let inventory = joined(&feeds);
    let report = query(&inventory, &request("ram>=256GiB", "00:00", 1, 1, 0)).unwrap();
    assert_eq!(report.pool, 0);
    assert_eq!(
        report.notes,
        [
            "`c1` is labelled `256 GiB` but has 238.4GiB: `ram>=238GiB` would include it",
            "1 node does not report a fact that the filter needs and is not counted",
        ]
    );
    assert_eq!(query(&inventory, &request("ram>=238GiB", "00:00", 1, 1, 0)).unwrap().pool, 1);
}

#[test]
fn site_without_nodes_is_an_error() {
    let feeds = [feed("current", &[PLAIN])];
    let request = AvailabilityQuery { sites: vec!["currant".to_owned()], ..request("any", "00:00", 1, 1, 0) };
    let error = query(&joined(&feeds), &request).unwrap_err();
    assert_eq!(error, AvailabilityError::UnknownSite { site: "currant".to_owned(), known: vec!["current".to_owned()] });
}
