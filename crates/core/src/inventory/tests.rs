use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::money::Money;
use crate::size::Bytes;
use crate::time::parse_instant;

fn document(name: &str, content: &Value) -> Document {
    Document::new(name, content.to_string())
}

fn node(site: &str, uid: &str, name: &str) -> Value {
    json!({ "uid": uid, "node_name": name, "node_type": "compute",
            "links": [{ "rel": "self", "href": format!("/sites/{site}/clusters/chameleon/nodes/{uid}") }] })
}

/// Nodes `u1` and `u2` at `uc`, mapped to hosts 1 and 2, with these allocations.
fn feed(allocations: &Value) -> Feed {
    Feed {
        allocations: Some(document("allocations.json", allocations)),
        resource_map: Some(document("resource_map.json", &json!({ "1": "u1", "2": "nc02" }))),
        nodes: vec![document("nodes.json", &json!({ "items": [node("uc", "u1", "nc01"), node("uc", "u2", "nc02")] }))],
        ..Feed::default()
    }
}

fn held(id: &str, start: &str, end: &str) -> Value {
    json!({ "id": id, "lease_id": format!("lease-{id}"), "start_date": start, "end_date": end })
}

fn window(start: &str, end: &str) -> Window {
    Window::new(parse_instant(start).unwrap(), parse_instant(end).unwrap()).unwrap()
}

fn joined(feeds: &[Feed]) -> Inventory<'_> {
    join(feeds, SignedDuration::ZERO).unwrap()
}

#[track_caller]
fn only<'i, 'a>(inventory: &'i Inventory<'a>, name: &str) -> &'i InventoryNode<'a> {
    inventory.nodes().map(|(_, node)| node).find(|node| node.label() == name).unwrap()
}

#[test]
fn host_without_reservations_has_none() {
    let feeds = [feed(&json!([
        { "resource_id": "1", "reservations": [] },
        { "resource_id": "2", "reservations": [held("r", "2025-10-30T10:00", "2025-10-30T11:00")] },
    ]))];
    let inventory = joined(&feeds);
    assert_eq!((only(&inventory, "nc01").reservations.len(), only(&inventory, "nc02").reservations.len()), (0, 1));
    let swapped = [feed(&json!([
        { "resource_id": "1", "reservations": [held("r", "2025-10-30T10:00", "2025-10-30T11:00")] },
        { "resource_id": 2, "reservations": null },
    ]))];
    let inventory = joined(&swapped);
    assert_eq!((only(&inventory, "nc01").reservations.len(), only(&inventory, "nc02").reservations.len()), (1, 0));
}

#[test]
fn unmatched_allocation_is_reported_and_unmapped_node_is_unknown() {
    let mut feed =
        feed(&json!([{ "resource_id": "9", "reservations": [held("r", "2025-10-30T10:00", "2025-10-30T11:00")] }]));
    feed.resource_map = Some(document("resource_map.json", &json!({ "1": "u1" })));
    let feeds = [feed];
    let inventory = joined(&feeds);
    assert_eq!(inventory.unmatched.iter().map(|allocation| &*allocation.resource_id).collect::<Vec<_>>(), ["9"]);
    let later = window("2030-01-01T00:00", "2030-01-02T00:00");
    assert_eq!(only(&inventory, "nc01").availability(&later), Availability::Free);
    assert_eq!(only(&inventory, "nc02").availability(&later), Availability::Unknown);
    assert_eq!((inventory.stats().unmapped_nodes, inventory.stats().unmatched_allocations), (1, 1));
}

#[test]
fn empty_allocations_mean_free_and_missing_ones_unknown() {
    let at = window("2025-10-30T10:00", "2025-10-30T11:00");
    let (free, mut silent) = (feed(&json!([])), feed(&json!([])));
    silent.allocations = None;
    let states = |feeds: &[Feed]| joined(feeds).nodes().map(|(_, node)| node.availability(&at)).collect::<Vec<_>>();
    assert_eq!(states(&[free]), [Availability::Free; 2]);
    assert_eq!(states(&[silent]), [Availability::Unknown; 2]);
}

#[test]
fn unreadable_times_leave_the_host_busy_and_are_reported() {
    let feeds = [feed(&json!([
        { "resource_id": "1", "reservations": [
            { "id": "no-end", "start_date": "2025-10-30T10:00:00.000000", "end_date": null },
            { "id": "bad-end", "start_date": "2025-11-30 10:00", "end_date": "soon" },
            held("reversed", "2025-12-30T10:00", "2025-12-30T10:00"),
        ]},
        { "resource_id": "2", "reservations": [{ "id": "no-start", "end_date": "2025-10-30T10:00" }] },
    ]))];
    let inventory = joined(&feeds);
    let problems: Vec<String> = inventory.problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(problems.join("\n"), @r"
    reservation `no-end` on host `1` has no end; counted as busy from its start on
    reservation `bad-end` on host `1` has no end (`soon` is not a time); counted as busy from its start on
    reservation `reversed` on host `1` does not end after its start; counted as busy from its start on
    reservation `no-start` on host `2` has no start; counted as busy until its end
    ");
    let (first, second) = (only(&inventory, "nc01"), only(&inventory, "nc02"));
    assert_eq!(first.availability(&window("2025-10-30T09:00", "2025-10-30T10:00")), Availability::Free);
    assert_eq!(first.availability(&window("2099-01-01T00:00", "2099-01-01T01:00")), Availability::Busy(None));
    let until = parse_instant("2025-10-30T10:00").unwrap();
    assert_eq!(second.availability(&window("1999-01-01T00:00", "1999-01-01T01:00")), Availability::Busy(Some(until)));
}

#[test]
fn overlapping_reservations_merge_and_duplicates_count_once() {
    let feeds = [feed(&json!([{ "resource_id": "1", "reservations": [
        held("b", "2025-11-06T19:55:00", "2025-11-07T00:00:00"),
        held("a", "2025-11-01T00:00:00", "2025-11-06T20:00:00"),
        held("b", "2025-11-06T19:55:00", "2025-11-07T00:00:00"),
    ]}]))];
    let inventory = joined(&feeds);
    let node = only(&inventory, "nc01");
    assert_eq!(node.reservations.iter().map(|held| &*held.id).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(node.timeline.busy(), [window("2025-11-01T00:00", "2025-11-07T00:00")]);
}

#[test]
fn padding_is_removed_only_from_longer_allocations() {
    let feeds = [feed(&json!([{ "resource_id": "1", "reservations": [
        held("lease", "2025-10-30T03:54", "2025-11-06T02:05"), held("short", "2025-12-01T00:00", "2025-12-01T00:10"),
    ]}]))];
    let busy = |padding| only(&join(&feeds, padding).unwrap(), "nc01").timeline.busy().to_vec();
    let short = window("2025-12-01T00:00", "2025-12-01T00:10");
    assert_eq!(busy(SignedDuration::ZERO), [window("2025-10-30T03:54", "2025-11-06T02:05"), short]);
    assert_eq!(busy(SignedDuration::from_mins(5)), [window("2025-10-30T03:59", "2025-11-06T02:00"), short]);
}

#[test]
fn ended_and_deleted_reservations_hold_nothing() {
    let with = |status: &str| {
        let mut held = held("r", "2025-10-30T10:00", "2025-10-30T11:00");
        held["status"] = status.into();
        let feeds = [feed(&json!([{ "resource_id": "1", "reservations": [held] }]))];
        joined(&feeds).stats().total_allocations
    };
    assert_eq!(["deleted", "TERMINATED"].map(with), [0, 0]);
    assert_eq!(["pending", "ACTIVE", "no such state"].map(with), [1, 1, 1]);
}

#[test]
fn host_ids_are_local_to_a_site() {
    let mut south =
        feed(&json!([{ "resource_id": "1", "reservations": [held("r", "2025-10-30T10:00", "2025-10-30T11:00")] }]));
    south.resource_map = Some(document("resource_map.json", &json!({ "1": "s1" })));
    south.nodes = vec![document("nodes.json", &json!([node("tacc", "s1", "c01")]))];
    south.sites = Some(document("sites.json", &json!({ "items": [{ "uid": "tacc", "name": "CHI@TACC" }] })));
    let feeds = [feed(&json!([])), south];
    let inventory = joined(&feeds);
    assert_eq!((only(&inventory, "nc01").reservations.len(), only(&inventory, "c01").reservations.len()), (0, 1));
    let sites: Vec<_> = inventory.sites.iter().map(|site| (&*site.id, &*site.name, site.nodes().count())).collect();
    assert_eq!(sites, [("tacc", "CHI@TACC", 1), ("uc", "uc", 2)]);
}

/// Blazar's record of a host: flat strings, as Python writes them.
fn blazar_host() -> Value {
    json!({ "id": "1", "hypervisor_hostname": "u1", "hypervisor_type": "ironic", "vcpus": "0", "memory_mb": "0",
            "local_gb": "0", "reservable": "True", "disabled": "False", "node_type": "gpu_small",
            "architecture.platform_type": "x86-64", "architecture.smt_size": "48", "main_memory.ram_size": "205084688384",
            "gpu.gpu": "True", "gpu.gpu_count": "2", "gpu.gpu_model": "RTX 6000", "storage_devices.0.size": "100",
            "storage_devices.1.size": "50", "network_adapters.0.rate": "10", "network_adapters.1.rate": "None",
            "placement.rack": "3", "su_factor": "2.0" })
}

#[test]
fn site_without_static_nodes_has_the_hosts_of_blazar() {
    let feeds = [Feed {
        site: Some("uc".to_owned()),
        allocations: Some(document("allocations", &json!({ "allocations": [] }))),
        hosts: Some(document("hosts", &json!({ "hosts": [blazar_host()] }))),
        ..Feed::default()
    }];
    let inventory = joined(&feeds);
    let facts = &only(&inventory, "u1").facts;
    assert_eq!(
        (facts.arch.as_deref(), facts.threads, facts.memory),
        (Some("x86_64"), Some(48), Some(Bytes(205_084_688_384)))
    );
    assert_eq!((facts.gpu_count(), facts.disk, facts.disks, facts.network), (2, Some(Bytes(150)), Some(2), Some(10)));
    assert_eq!((facts.su_factor, facts.rack.as_deref()), (Some(Money(2_000_000)), Some("3")));
    assert_eq!(&*inventory.sites[0].id, "uc");
}

#[test]
fn static_facts_precede_those_of_blazar() {
    let mut with_both = feed(&json!([]));
    let mut listed = node("uc", "u1", "nc01");
    listed["main_memory"] = json!({ "ram_size": 256_000_000_000_u64, "humanized_ram_size": "256 GiB" });
    listed["gpu"] = json!([{ "gpu": true, "gpu_count": 1, "gpu_model": "P100" }, { "gpu": true, "gpu_count": 1 }]);
    with_both.nodes = vec![document("nodes.json", &json!([listed]))];
    let mut host = blazar_host();
    host["disabled"] = true.into();
    with_both.hosts = Some(document("hosts.json", &json!([host])));
    let feeds = [with_both];
    let inventory = joined(&feeds);
    let node = only(&inventory, "nc01");
    assert_eq!((node.facts.node_type.as_deref(), node.facts.memory), (Some("compute"), Some(Bytes(256_000_000_000))));
    assert_eq!((node.facts.gpu_count(), node.facts.threads, node.state), (2, Some(48), NodeState::Maintenance));
    let problem = inventory.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        problem,
        ["node `nc01` is labelled `256 GiB` but has 256000000000 bytes (238.4GiB); the bytes are used"]
    );
}

/// On bare metal Nova's numbers are ignored: usually they are 0, although the node has memory.
#[test]
fn numbers_of_nova_count_for_hypervisors_only() {
    let host = |kind: &str| {
        json!({ "id": "1", "hypervisor_hostname": "h", "hypervisor_type": kind, "vcpus": 48,
                                     "memory_mb": 131_072, "local_gb": 128 })
    };
    let memory = |kind: &str| {
        let hosts = Some(document("hosts", &json!([host(kind)])));
        let feeds = [Feed { hosts, ..Feed::default() }];
        let inventory = joined(&feeds);
        only(&inventory, "h").facts.memory
    };
    assert_eq!((memory("QEMU"), memory("ironic")), (Some(Bytes::gib(128)), None));
}

#[test]
fn unusable_document_is_reported_with_name_and_position() {
    let whole = serde_json::to_string_pretty(&json!({ "items": [node("uc", "u1", "nc01")] })).unwrap();
    let message = |bytes: &[u8]| {
        let feeds = [Feed { nodes: vec![Document::new("nodes.json", bytes)], ..Feed::default() }];
        join(&feeds, SignedDuration::ZERO).unwrap_err().to_string()
    };
    let unusable: [&[u8]; 5] = [b"[]", b"", b"{\"items\": 7}", b"{\"a\":\n1,}", b"[\"\xff\"]"];
    let messages: Vec<String> =
        unusable.into_iter().chain([&whole.as_bytes()[..whole.len() / 2]]).map(message).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn inventory_as_json() {
    let feeds = [feed(&json!([
        { "resource_id": "2", "reservations": [
            { "id": "r", "lease_id": "l", "start_date": "2025-10-30T10:00:00.000000", "end_date": "2025-10-30T11:00:00.000000",
              "extras": { "user_name": "user\u{e9}@example.org" } },
            { "id": "endless", "lease_id": "l", "start_date": "2026-10-30T10:00:00.000000" },
        ]},
        { "resource_id": "7", "reservations": [] },
    ]))];
    let inventory = joined(&feeds);
    let view = InventoryView::new(&inventory, parse_instant("2025-10-30T09:00Z").unwrap(), FeedOrigin::AllocationsFile);
    insta::assert_json_snapshot!(view);
}

#[test]
fn active_and_pending_leases_hold_hosts() {
    let lease = |id: &str, status: &str, kind: &str, zone: &str| {
        json!({ "id": id, "status": status, "start": "2025-10-10T00:00:00Z", "end_date": "2025-10-10T02:00:00.000000",
                "reservations": [{ "resource_type": kind, "min": 1, "max": "2", "zone": zone }] })
    };
    let leases = document(
        "leases.json",
        &json!({ "leases": [
            lease("running", "ACTIVE", "physical:host", "a"),
            lease("to-come", "PENDING", "physical:host", "a"),
            lease("elsewhere", "ACTIVE", "physical:host", "b"),
            lease("gone", "DELETED", "physical:host", "a"),
            lease("over", "TERMINATED", "physical:host", "a"),
            lease("disk", "ACTIVE", "virtual:disk", "a"),
        ]}),
    );
    let held = holdings(&leases).unwrap();
    let holdings: Vec<String> =
        held.iter().map(|held| format!("{} {} {}", held.lease_id, held.zone.as_deref().unwrap(), held.hosts)).collect();
    assert_eq!(holdings, ["running a 2", "to-come a 2", "elsewhere b 2"]);
    assert!(held.iter().all(|held| held.window == window("2025-10-10T00:00", "2025-10-10T02:00")));
}
