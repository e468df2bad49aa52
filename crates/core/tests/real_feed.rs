//! Availability on the feed of a real site, compared with answers that two independent programs agree on. The data is
//! not part of the repository: `HOSTLER_DATA` names its directory, and without it these tests are skipped. Unit tests
//! next to the code check the same laws on synthetic data.

#![expect(clippy::unwrap_used, reason = "a test that can't continue fails")]
#![expect(clippy::disallowed_methods, reason = "core reads no files; its tests read real ones")]
#![expect(clippy::print_stderr, reason = "a skipped test prints that it is skipped")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use hostler_core::availability::{AvailabilityQuery, AvailabilityReport, query};
use hostler_core::calendar::Occupancy;
use hostler_core::downgrade::Caps;
use hostler_core::inventory::{Document, Feed, FeedProblem, Inventory, InventoryNode, NodeState, holdings, join};
use hostler_core::time::{Window, parse_instant};
use jiff::SignedDuration;
use serde_json::Value;

/// A directory of the data. `None`, with a message, if there is no data.
fn data(directory: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = env::var_os("HOSTLER_DATA").map_or_else(default, PathBuf::from).join(directory);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: `{}` does not exist", path.display());
    None
}

fn read(path: &Path) -> Document {
    Document::new(
        path.display().to_string(),
        fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
}

/// The feed of `uc`, with the allocations of a file.
fn feed(envboot: &Path, allocations: &str) -> Feed {
    let sample = |name: &str| read(&envboot.join("examples/api_samples").join(name));
    Feed {
        site: None,
        allocations: Some(read(&envboot.join(allocations))),
        hosts: Some(read(&envboot.join("hosts.json"))),
        resource_map: Some(read(&envboot.join("resource_map.json"))),
        nodes: vec![sample("uc_chameleon_nodes.json")],
        clusters: vec![sample("uc_clusters.json")],
        sites: Some(sample("sites.json")),
    }
}

fn joined(feeds: &[Feed]) -> Inventory<'_> {
    join(feeds, SignedDuration::ZERO).unwrap()
}

fn answer(inventory: &Inventory<'_>, filter: &str, start: &str, minutes: i64, amount: u32) -> AvailabilityReport {
    let window = Window::starting_at(parse_instant(start).unwrap(), SignedDuration::from_mins(minutes)).unwrap();
    let within = SignedDuration::from_hours(168);
    let (filter, amount) = (filter.parse().unwrap(), amount.try_into().unwrap());
    let request =
        AvailabilityQuery { sites: vec!["uc".to_owned()], filter, window, amount, within, caps: Caps::default() };
    query(inventory, &request).unwrap()
}

/// The earliest start, and the number of free nodes then.
fn first(report: &AvailabilityReport) -> Option<(String, usize)> {
    Some((report.earliest?.to_string(), report.free_at_earliest?))
}

#[test]
fn real_feed_joins_completely() {
    let Some(envboot) = data("envboot") else { return };
    let feeds = [feed(&envboot, "allocations.json")];
    let inventory = joined(&feeds);
    let stats = inventory.stats();
    let sites: Vec<_> = inventory.sites.iter().map(|site| (&*site.id, &*site.name, site.clusters.len())).collect();
    assert_eq!(sites, [("uc", "CHI@UC", 1)]);
    assert_eq!((stats.total_nodes, stats.unmatched_allocations, stats.unmapped_nodes), (132, 0, 0));
    assert_eq!((stats.total_allocations, stats.nodes_with_allocations), (144, 115));
    let is_unique = |node: &InventoryNode<'_>| {
        let of_host: BTreeSet<_> = node.reservations.iter().map(|held| (&*held.id, held.window.start())).collect();
        of_host.len() == node.reservations.len()
    };
    assert!(inventory.nodes().all(|(_, node)| is_unique(node)), "no duplicates");
    assert_eq!(inventory.nodes().filter(|(_, node)| node.reservations.is_empty()).count(), 17);
    // One node has less memory than its label; there is no other problem.
    let words =
        |problem: &FeedProblem| matches!(problem, FeedProblem::MemoryInWords { node, .. } if node == "P3-SSD-010");
    assert!(inventory.problems.len() == 1 && inventory.problems.iter().all(words), "{:?}", inventory.problems);
    // Consecutive padded allocations overlap and merge.
    let padded =
        inventory.nodes().find(|(_, node)| node.host_id.as_deref() == Some("c76b84dd-cbc7-4dbb-a8b3-e69cd4494bcf"));
    let (_, padded) = padded.unwrap();
    assert!(padded.timeline.busy().len() < padded.reservations.len());
}

#[test]
fn empty_allocations_mean_all_nodes_are_free() {
    let Some(envboot) = data("envboot") else { return };
    let feeds =
        [Feed { allocations: Some(Document::new("allocations.json", "[]")), ..feed(&envboot, "allocations.json") }];
    let report = answer(&joined(&feeds), "any", "2025-10-30T20:00Z", 60, 132);
    assert_eq!((report.free, report.nodes.len()), (132, 132));
}

#[test]
fn blocked_nodes_become_free_step_by_step() {
    let Some(envboot) = data("envboot") else { return };
    let feeds = [feed(&envboot, "examples/allocations_heavily_blocked.json")];
    let inventory = joined(&feeds);
    let found = |start: &str, minutes, amount| first(&answer(&inventory, "any", start, minutes, amount));
    let at = |time: &str, free| Some((format!("2025-10-30T{time}:00Z"), free));
    assert_eq!(found("2025-10-30T10:00Z", 60, 127), at("10:00", 127));
    assert_eq!(found("2025-10-30T10:00Z", 60, 128), at("11:00", 129));
    assert_eq!(found("2025-10-30T10:00Z", 60, 130), at("12:00", 131));
    assert_eq!(found("2025-10-30T10:00Z", 60, 132), at("13:00", 132));
    assert_eq!([133, 200].map(|amount| found("2025-10-30T10:00Z", 60, amount)), [None, None]);
    // Off the hour: an earlier program, which searched a grid, found 12:30 and 13:15.
    assert_eq!(found("2025-10-30T10:30Z", 30, 130).unwrap().0, "2025-10-30T12:00:00Z");
    assert_eq!(found("2025-10-30T10:15Z", 60, 132).unwrap().0, "2025-10-30T13:00:00Z");
}

#[test]
fn earliest_start_is_exact_on_the_real_feed() {
    let Some(envboot) = data("envboot") else { return };
    let feeds = [feed(&envboot, "allocations.json")];
    let inventory = joined(&feeds);
    let start = "2025-10-30T20:00:00Z";
    let found = |filter: &str, amount| answer(&inventory, filter, start, 240, amount).earliest.map(|at| at.to_string());
    let at = |time: &str| Some(format!("2025-{time}:00Z"));
    assert_eq!((answer(&inventory, "any", start, 240, 1).free, answer(&inventory, "any", start, 60, 1).free), (19, 22));
    assert_eq!(
        [30, 60, 100].map(|amount| found("any", amount)),
        [at("10-31T22:40"), at("11-02T22:38"), at("11-05T22:08")]
    );
    assert_eq!([132, 133].map(|amount| found("any", amount)), [None, None]);
    for (filter, pool, free) in [("node_type=gpu_rtx_6000", 37, 7), ("gpu_count>=4", 9, 1)] {
        let report = answer(&inventory, filter, start, 240, 1);
        assert_eq!((report.pool, report.free), (pool, free), "{filter}");
    }
    // Seven nodes with GPUs have a node type without `gpu_` in its name.
    assert_eq!(["gpu=true", "node_type~gpu_"].map(|filter| answer(&inventory, filter, start, 240, 1).pool), [53, 46]);
    assert_eq!([8, 20].map(|amount| found("node_type=gpu_rtx_6000", amount)), [at("10-30T23:05"), at("11-03T18:01")]);
    assert_eq!([2, 4, 8].map(|amount| found("gpu_count>=4", amount)), [at("11-03T11:05"), at("11-04T09:05"), None]);
    assert_eq!((answer(&inventory, "model~A100", start, 240, 4).pool, found("model~A100", 4)), (12, at("11-03T11:05")));
    assert_eq!(answer(&inventory, "model~A100 and node_type=compute_gigaio", start, 240, 1).pool, 7);
}

#[test]
fn every_case_of_the_oracle_passes() {
    let Some(envboot) = data("envboot") else { return };
    let feeds = [feed(&envboot, "allocations.json")];
    let inventory = joined(&feeds);
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(envboot.join("earliest_cases.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 200);
    for case in &cases {
        let number = |key: &str| case[key].as_i64().unwrap();
        let amount = u32::try_from(number("amount")).unwrap();
        let report = answer(
            &inventory,
            case["filter"].as_str().unwrap(),
            case["start"].as_str().unwrap(),
            number("duration_min"),
            amount,
        );
        assert_eq!(number("max_search_h"), 168);
        let found = serde_json::json!([report.pool, report.free, report.earliest, report.free_at_earliest]);
        let expected =
            serde_json::json!([case["pool"], case["free_at_start"], case["earliest"], case["free_at_earliest"]]);
        assert_eq!(found, expected, "{case}");
        assert_eq!(report.nodes.len(), report.earliest.map_or(0, |_| amount as usize), "{case}");
    }
}

#[test]
fn all_nodes_of_the_reference_api_are_read() {
    let Some(reference) = data("reference_api/chameleoncloud/sites") else { return };
    let mut nodes = Vec::new();
    for site in fs::read_dir(&reference).unwrap() {
        let directory = site.unwrap().path().join("clusters/chameleon/nodes");
        let files = fs::read_dir(&directory).into_iter().flatten();
        nodes.extend(files.map(|file| read(&file.unwrap().path())));
    }
    let feeds = [Feed { nodes, ..Feed::default() }];
    let inventory = joined(&feeds);
    let sites: Vec<_> = inventory.sites.iter().map(|site| (&*site.id, site.nodes().count())).collect();
    assert_eq!(sites, [("ncar", 44), ("nrp", 3), ("nu", 8), ("tacc", 313), ("uc", 132)]);
    // Without allocations, a node is neither free nor out of service.
    assert!(inventory.nodes().all(|(_, node)| node.state == NodeState::NeverSynced));
    let words =
        inventory.problems.iter().filter(|problem| matches!(problem, FeedProblem::MemoryInWords { .. })).count();
    assert_eq!((words, inventory.problems.len()), (17, 17));
    assert_eq!(inventory.nodes().filter(|(_, node)| node.facts.gpus.is_none()).count(), 55);
    assert_eq!(inventory.nodes().filter(|(_, node)| node.facts.gpu_count() > 0).count(), 101);
    assert!(inventory.nodes().all(|(_, node)| node.facts.memory.is_some() && node.facts.threads.is_some()));
}

#[test]
fn pending_leases_count_against_the_capacity() {
    let Some(envboot) = data("envboot/examples") else { return };
    let leases = read(&envboot.join("mock_leases.json"));
    let held = holdings(&leases).unwrap();
    let held: Vec<_> = held.iter().filter(|held| held.zone.as_deref() == Some("current")).collect();
    let names: Vec<_> = held.iter().map(|held| &*held.lease_id).collect();
    assert_eq!(names, ["A-overlap-current", "B-non-overlap-current", "D-ignored-pending"]);
    let occupancy = Occupancy::of(held.iter().map(|held| (held.window, held.hosts)));
    let window =
        Window::new(parse_instant("2025-10-10T00:00Z").unwrap(), parse_instant("2025-10-10T02:00Z").unwrap()).unwrap();
    assert_eq!(occupancy.peak(&window), 2);
    assert!(!occupancy.full(1, 1).is_free(&window) && occupancy.full(1, 3).is_free(&window));
}

/// Blazar's record of a host has the facts of the reference API in another spelling.
#[test]
fn real_host_of_blazar_is_read() {
    let Some(envagent) = data("envagent") else { return };
    let feeds = [Feed {
        hosts: Some(read(&envagent.join("blazar_host_show_1139.json"))),
        allocations: Some(Document::new("allocations", "[]")),
        ..Feed::default()
    }];
    let inventory = joined(&feeds);
    let (_, node) = inventory.nodes().next().unwrap();
    let facts = &node.facts;
    assert_eq!((node.label(), node.host_id.as_deref(), node.state), ("nc09", Some("1139"), NodeState::Reservable));
    assert_eq!(
        (facts.arch.as_deref(), facts.threads, facts.memory.unwrap().0),
        (Some("x86_64"), Some(48), 205_084_688_384)
    );
    assert_eq!((facts.gpu_count(), facts.service_units_per_hour().0), (1, 2_000_000));
}
