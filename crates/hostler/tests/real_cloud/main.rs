//! End to end on a real cloud: the binary, and an observer of all projects. Runs inside
//! `tests/worlds/openstack run …`, brought up with `--hosts`, as `./x test` does.

#![expect(clippy::print_stdout, reason = "who waits for machines wants to see what is going on")]

mod faults;
mod lab;
#[path = "../support/process.rs"]
mod process;
mod saga;

use lab::{Lab, knob, openstack};
use process::shell;
use serde_json::Value;

/// A demand for one machine of a node type.
fn one(node_type: &str) -> String {
    format!("resources: {{instance_type: {node_type}}}\nlease: {{duration: 2h}}\n")
}

#[test]
fn up_verify_extend_and_down() {
    let lab = Lab::new();
    let file =
        lab.demand("node", &format!("{}setup: touch made\nrun: echo ran on $(hostname)\n", one("compute_skylake")));
    let plan = lab.json(&["plan", &file]);
    let host = plan["picks"][0]["hosts"][0].as_str().expect("a host is pinned").to_owned();
    let up = lab.hostler(&["up", &file, "--yes", "-o", "json"]).succeeds();
    assert!(up.err.contains("ran on node"), "{}", up.err);
    let record: Value = serde_json::from_str(&up.out).expect("JSON");
    assert_eq!(record["state"].as_str(), Some("ready"));
    let ssh = record["machines"][0]["ssh"].as_str().expect("an ssh line");
    assert_eq!(shell(&format!("{ssh} -o BatchMode=yes hostname")).succeeds().out.trim(), "node");

    // The `openstack` client lists exactly the planned resources.
    let leases: Value =
        serde_json::from_str(&openstack("alice", &["reservation", "lease", "list", "-f", "json"])).expect("JSON");
    let lease = &leases.as_array().expect("a list")[0];
    assert!(lease["name"].as_str().expect("a name").starts_with("node hostler:"), "{lease:#}");
    let servers: Value =
        serde_json::from_str(&openstack("admin", &["server", "list", "--all-projects", "-f", "json"])).expect("JSON");
    let id = servers[0]["ID"].as_str().expect("an id");
    let server: Value = serde_json::from_str(&openstack("admin", &["server", "show", id, "-f", "json"])).expect("JSON");
    assert_eq!(server["OS-EXT-SRV-ATTR:hypervisor_hostname"].as_str(), Some(host.as_str()), "{server:#}");

    // The lease at the site is extended too.
    let end = |text: &str| {
        let leases: Value = serde_json::from_str(text).expect("JSON");
        leases[0]["end_date"].as_str().expect("an end").to_owned()
    };
    let list = || openstack("alice", &["reservation", "lease", "list", "-f", "json"]);
    let before = end(&list());
    lab.hostler(&["extend", "node", "1h"]).succeeds();
    assert!(end(&list()) > before, "the lease itself ends later");

    // A second run creates nothing.
    let again = lab.hostler(&["up", "node", "--yes"]).succeeds();
    assert!(again.err.contains("unchanged") || again.err.contains("ran on node"), "{}", again.err);
    lab.hostler(&["down", "node", "--yes"]).succeeds();
    lab.assert_nothing_left("an ordinary life");
    lab.hostler(&["down", "node", "--yes"]).succeeds();
}

#[test]
fn three_machines_resolve_and_reach_each_other() {
    let lab = Lab::new();
    let work = "num_nodes: 3\nrun: echo rank $HOSTLER_NODE_RANK of $HOSTLER_NUM_NODES\n";
    let file = lab.demand("gang", &format!("{}{work}", one("compute_skylake")));
    let up = lab.hostler(&["up", &file, "--yes"]).succeeds();
    for rank in 0..3 {
        assert!(up.err.contains(&format!("rank {rank} of 3")), "{}", up.err);
    }
    lab.hostler(&["down", "gang", "--yes"]).succeeds();
    lab.assert_nothing_left("a gang");
}

/// Two requests for the last host of a type: one gets it, the other reports the earliest start.
#[test]
fn two_requests_for_the_last_host() {
    let lab = Lab::new();
    let file = lab.demand("last", &format!("num_nodes: 2\n{}", one("gpu_v100")));
    let start = |name: &str| lab.start(&["up", &file, "--name", name, "--yes"]);
    let (first, second) = (start("a"), start("a-2"));
    let ends = [first.wait(), second.wait()];
    let mut codes: Vec<Option<i32>> = ends.iter().map(|end| end.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)], "{ends:#?}");
    let rejected = ends.iter().find(|end| end.code == Some(4)).expect("one of them");
    assert!(rejected.err.contains("available from"), "{}", rejected.err);
    let (has, not) = if ends[0].code == Some(0) { ("a", "a-2") } else { ("a-2", "a") };
    lab.hostler(&["down", not, "--yes"]).succeeds();
    lab.hostler(&["exec", has, "--", "true"]).succeeds();
    lab.hostler(&["down", has, "--yes"]).succeeds();
    lab.assert_nothing_left("two at once");
}

/// A conflict unknown to the calendar leads to a plan with another host.
#[test]
fn a_conflict_is_planned_again() {
    let lab = Lab::new();
    let file = lab.demand("around", &one("compute_skylake"));
    knob(&["fault", "blazar", "409", "--method", "POST", "--path", "leases", "--times", "1"]);
    let up = lab.hostler(&["up", &file, "--yes"]).succeeds();
    assert!(up.err.contains("planning again"), "{}", up.err);
    lab.hostler(&["down", "around", "--yes"]).succeeds();
    lab.assert_nothing_left("a conflict");
}

/// A host with other GPUs than offered is released, and another one chosen.
#[test]
fn a_machine_that_differs_from_its_offer_is_replaced() {
    let lab = Lab::new();
    let file = lab.demand("liar", &one("gpu_v100"));
    let others = r#"{"gpu": {"count": 4, "model": "P100", "pci_name": "GP100GL [Tesla P100]", "pci_id": "10de:15f8"}}"#;
    knob(&["lie", "liar*", others]);
    let ended = lab.hostler(&["up", &file, "--yes"]);
    knob(&["lie", "clear"]);
    // Both hosts of the type differ from the offer, so that no offer remains.
    assert_ne!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("GPUs: expected") && ended.err.contains("planning again"), "{}", ended.err);
    lab.assert_nothing_left("machines that lie");
}

#[test]
fn a_clock_in_another_zone_changes_nothing() {
    let lab = Lab::new().in_zone("Pacific/Auckland");
    let file = lab.demand("zone", &one("compute_cascadelake_r"));
    lab.hostler(&["up", &file, "--yes"]).succeeds();
    let leases: Value =
        serde_json::from_str(&openstack("alice", &["reservation", "lease", "list", "-f", "json"])).expect("JSON");
    let start: jiff::civil::DateTime = leases[0]["start_date"].as_str().expect("a start").parse().expect("a time");
    let off = jiff::Timestamp::now().duration_since(start.to_zoned(jiff::tz::TimeZone::UTC).expect("UTC").timestamp());
    assert!(off.abs() < jiff::SignedDuration::from_mins(15), "{off}");
    lab.hostler(&["down", "zone", "--yes"]).succeeds();
    lab.assert_nothing_left("another zone");
}

#[test]
fn a_dry_run_and_a_plan_change_nothing() {
    let lab = Lab::new();
    let file = lab.demand("dry", &one("storage"));
    lab.hostler(&["up", &file, "--dry-run"]).succeeds();
    lab.hostler(&["plan", &file]).succeeds();
    lab.hostler(&["check", "openstack/alice"]).succeeds();
    lab.assert_nothing_left("a dry run");
    assert!(!lab.path("data").join("hostler.db").exists(), "nor here");
}
