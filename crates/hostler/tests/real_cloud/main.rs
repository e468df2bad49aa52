//! End to end on a real cloud: the product as a user types it, and an observer who looks at what is left. Runs inside
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

/// A machine of a kind, and work on it.
fn one(node_type: &str) -> String {
    format!("resources: {{instance_type: {node_type}}}\nlease: {{duration: 2h}}\n")
}

#[test]
fn from_a_demand_to_a_verified_machine_longer_and_given_back() {
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

    // The ordinary client sees just what was planned.
    let leases: Value =
        serde_json::from_str(&openstack("alice", &["reservation", "lease", "list", "-f", "json"])).expect("JSON");
    let lease = &leases.as_array().expect("a list")[0];
    assert!(lease["name"].as_str().expect("a name").starts_with("node hostler:"), "{lease:#}");
    let servers: Value =
        serde_json::from_str(&openstack("admin", &["server", "list", "--all-projects", "-f", "json"])).expect("JSON");
    let id = servers[0]["ID"].as_str().expect("an id");
    let server: Value = serde_json::from_str(&openstack("admin", &["server", "show", id, "-f", "json"])).expect("JSON");
    assert_eq!(server["OS-EXT-SRV-ATTR:hypervisor_hostname"].as_str(), Some(host.as_str()), "{server:#}");

    // Longer, at the site as well.
    let end = |text: &str| {
        let leases: Value = serde_json::from_str(text).expect("JSON");
        leases[0]["end_date"].as_str().expect("an end").to_owned()
    };
    let list = || openstack("alice", &["reservation", "lease", "list", "-f", "json"]);
    let before = end(&list());
    lab.hostler(&["extend", "node", "1h"]).succeeds();
    assert!(end(&list()) > before, "the lease itself ends later");

    // Again: nothing is made twice.
    let again = lab.hostler(&["up", "node", "--yes"]).succeeds();
    assert!(again.err.contains("already done") || again.err.contains("ran on node"), "{}", again.err);
    lab.hostler(&["down", "node", "--yes"]).succeeds();
    lab.assert_nothing_left("an ordinary life");
    lab.hostler(&["down", "node", "--yes"]).succeeds();
}

#[test]
fn a_gang_of_three_knows_each_other() {
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

/// Two at once for the last of a kind: exactly one has it, and the other is told when it can.
#[test]
fn two_at_once_for_the_last_of_a_kind() {
    let lab = Lab::new();
    let file = lab.demand("last", &format!("num_nodes: 2\n{}", one("gpu_v100")));
    let start = |name: &str| lab.start(&["up", &file, "--name", name, "--yes"]);
    let (first, second) = (start("a"), start("a-2"));
    let ends = [first.wait(), second.wait()];
    let mut codes: Vec<Option<i32>> = ends.iter().map(|end| end.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(4)], "{ends:#?}");
    let told = ends.iter().find(|end| end.code == Some(4)).expect("one of them");
    assert!(told.err.contains("it can be had from"), "{}", told.err);
    let (has, not) = if ends[0].code == Some(0) { ("a", "a-2") } else { ("a-2", "a") };
    lab.hostler(&["down", not, "--yes"]).succeeds();
    lab.hostler(&["exec", has, "--", "true"]).succeeds();
    lab.hostler(&["down", has, "--yes"]).succeeds();
    lab.assert_nothing_left("two at once");
}

/// A conflict that the calendar could not show: the plan is made anew, on another host.
#[test]
fn a_conflict_is_planned_around() {
    let lab = Lab::new();
    let file = lab.demand("around", &one("compute_skylake"));
    knob(&["fault", "blazar", "409", "--method", "POST", "--path", "leases", "--times", "1"]);
    let up = lab.hostler(&["up", &file, "--yes"]).succeeds();
    assert!(up.err.contains("planning anew"), "{}", up.err);
    lab.hostler(&["down", "around", "--yes"]).succeeds();
    lab.assert_nothing_left("a conflict");
}

/// A host that isn't what was promised (as many accelerators, but others) is given back, and another one is taken.
#[test]
fn a_machine_that_is_not_as_promised_is_replaced() {
    let lab = Lab::new();
    let file = lab.demand("liar", &one("gpu_v100"));
    let others = r#"{"gpu": {"count": 4, "model": "P100", "pci_name": "GP100GL [Tesla P100]", "pci_id": "10de:15f8"}}"#;
    knob(&["lie", "liar*", others]);
    let ended = lab.hostler(&["up", &file, "--yes"]);
    knob(&["lie", "clear"]);
    // Both hosts of that type lie: what was promised can't be had, and that is said.
    assert_ne!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("accelerators: promised") && ended.err.contains("planning anew"), "{}", ended.err);
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
