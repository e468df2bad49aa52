//! Faults of a cloud: each ends with a clear error, the right exit code, and nothing left at the site.

use crate::lab::{Lab, knob, openstack};
use crate::one;

const NODE: &str = "compute_skylake";

/// An `up` that fails with this code and these texts, and leaves nothing.
#[track_caller]
fn fails(lab: &Lab, name: &str, demand: &str, code: i32, words: &[&str]) {
    let file = lab.demand(name, demand);
    let ended = lab.hostler(&["up", &file, "--yes", "--ssh-timeout", "60s"]);
    knob(&["clear"]);
    let ended = ended.ends_with(code);
    for word in words {
        assert!(ended.err.contains(word), "`{word}` is missing:\n{}", ended.err);
    }
    lab.assert_nothing_left(name);
}

#[test]
fn a_wrong_password() {
    fails(&Lab::of("wrong-password"), "wrong", &one(NODE), 5, &["password"]);
}

#[test]
fn a_restricted_application_credential() {
    let lab = Lab::of("alice-restricted");
    let file = lab.demand("restricted", &one(NODE));
    let ended = lab.hostler(&["up", &file, "--yes"]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("restricted"), "{}", ended.err);
    lab.assert_nothing_left("a restricted credential");
}

#[test]
fn a_token_that_expires_on_the_way() {
    let lab = Lab::new();
    let file = lab.demand("expires", &one(NODE));
    knob(&["token-ttl", "5"]);
    let up = lab.hostler(&["up", &file, "--yes"]);
    knob(&["token-ttl", "default"]);
    up.succeeds();
    lab.hostler(&["down", "expires", "--yes"]).succeeds();
    lab.assert_nothing_left("an expired token");
}

#[test]
fn a_project_without_quota() {
    let lab = Lab::new();
    knob(&["quota", "CH-000001", "instances=0"]);
    let file = lab.demand("quota", &one(NODE));
    let ended = lab.hostler(&["up", &file, "--yes"]);
    knob(&["quota", "CH-000001", "instances=10"]);
    ended.ends_with(1);
    // Restore the quota, which the observer lists too.
    let left = openstack("alice", &["server", "list", "-f", "value"]);
    assert_eq!(left.trim(), "");
    assert_eq!(openstack("alice", &["reservation", "lease", "list", "-f", "value"]).trim(), "");
}

#[test]
fn more_hosts_than_there_are() {
    fails(&Lab::new(), "many", &format!("num_nodes: 5\n{}", one(NODE)), 1, &["count: requested 5, offers 4"]);
}

#[test]
fn a_site_that_answers_503() {
    let lab = Lab::new();
    knob(&["fault", "blazar", "503"]);
    fails(&lab, "away", &one(NODE), 5, &["503"]);
}

#[test]
fn a_lost_response_creates_nothing_twice() {
    let lab = Lab::new();
    let file = lab.demand("lost", &one(NODE));
    knob(&["fault", "nova", "lose", "--method", "POST", "--path", "servers$", "--times", "1"]);
    let up = lab.hostler(&["up", &file, "--yes"]);
    knob(&["clear"]);
    up.succeeds();
    let servers = openstack("alice", &["server", "list", "-f", "value", "-c", "ID"]);
    assert_eq!(servers.lines().count(), 1, "{servers}");
    lab.hostler(&["down", "lost", "--yes"]).succeeds();
    lab.assert_nothing_left("a lost answer");
}

#[test]
fn a_server_that_goes_to_error() {
    let lab = Lab::new();
    knob(&["build", "broken*", "--fail", "no power in the rack"]);
    // There is one host of this type, so re-planning finds no other.
    fails(&lab, "broken", &one("storage"), 4, &["no power in the rack", "planning again"]);
}

#[test]
fn an_empty_pool_of_addresses() {
    let lab = Lab::new();
    knob(&["fips", "none"]);
    let file = lab.demand("pool", &one(NODE));
    let ended = lab.hostler(&["up", &file, "--yes"]);
    let before = crate::lab::observe();
    knob(&["fips", "full"]);
    let ended = ended.ends_with(1);
    assert!(ended.err.contains("address"), "{}", ended.err);
    assert!(!before.contains("hostler"), "no resources of hostler remain: {before}");
}

/// Another client deletes the lease while hostler waits for it: reported, and planned again.
#[test]
fn a_lease_deleted_by_another_client() {
    let lab = Lab::new();
    let file = lab.demand("gone", &one(NODE));
    knob(&["hold-leases", "on"]);
    let mut up = lab.start(&["up", &file, "--yes", "--events", "json"]);
    assert!(up.until(|line| line.contains("\"started\"") && line.contains("\"lease\"")), "the lease is on its way");
    let list = || openstack("alice", &["reservation", "lease", "list", "-f", "value", "-c", "id"]);
    let id = std::iter::repeat_with(list).find(|id| !id.trim().is_empty()).expect("it comes");
    openstack("alice", &["reservation", "lease", "delete", id.trim()]);
    knob(&["hold-leases", "off"]);
    let ended = up.wait().ends_with(0);
    assert!(ended.err.contains("was deleted by another user or program"), "{}", ended.err);
    lab.hostler(&["down", "gone", "--yes"]).succeeds();
    lab.assert_nothing_left("a deleted lease");
}

/// Blazar sets one of two leases that were granted one host to ERROR. Once the other is gone, the same host is leased again.
#[test]
fn lease_that_fails_to_start_is_created_again() {
    let lab = Lab::new();
    let file = lab.demand("restart", &one(NODE));
    let host = lab.json(&["plan", &file])["picks"][0]["hosts"][0].clone();
    knob(&["fail-starts", "1"]);
    let up = lab.hostler(&["up", &file, "--yes", "-o", "json"]).succeeds();
    assert!(!up.err.contains("planning again"), "{}", up.err);
    let leases = lab.json(&["lease", "ls"]);
    assert_eq!(leases[0]["resource"]["details"]["lease"]["hosts"][0], host, "{leases:#}");
    lab.hostler(&["down", "restart", "--yes"]).succeeds();
    lab.assert_nothing_left("a lease that failed to start");
}
