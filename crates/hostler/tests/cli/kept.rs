//! What is there is neither forgotten, nor told to be gone, nor given back with something else.

use std::fs;

use hostler_core::journal::{Entry, StepEvent};
use hostler_core::money::Money;
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::{LeaseSpec, Plan, PlannedResource, ResourceKind};
use hostler_core::ports::Created;
use hostler_core::ticket::Ref;
use hostler_engine::store::{Lock, Store};
use serde_json::{Value, json};

use super::{Home, digits};

fn made(step: &str) -> Entry {
    let made = Some(Created { reference: Ref(format!("{step}-1")), address: None });
    Entry::Step { step: step.parse().unwrap(), event: StepEvent::Done { made } }
}

pub fn begun(step: &str) -> Entry {
    Entry::Step { step: step.parse().unwrap(), event: StepEvent::Started }
}

/// A plan for a lease by itself.
pub fn lease(name: &str) -> Plan {
    let (site, window) = ("local".parse().unwrap(), digits().window());
    let spec = LeaseSpec { name: name.to_owned(), site, window, hosts: Vec::new() };
    Plan::of_one(DeploymentId::from_bits(7), Name::new(name).unwrap(), PlannedResource::Lease(spec), digits().at)
}

/// The same plan, for a deployment of its own.
fn called(plan: &Plan, name: &str, id: u128) -> Plan {
    let mut plan = plan.clone();
    plan.deployment = DeploymentId::from_bits(id);
    plan.demand.name = Name::new(name).unwrap();
    plan
}

impl Home {
    /// Keeps other processes away from a deployment.
    fn lock(&self, name: &str) -> Lock {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(Store::open(&self.data_dir())).unwrap();
        store.lock(&Name::new(name).unwrap()).unwrap()
    }
}

#[test]
fn another_round_of_one_thing_keeps_it() {
    let home = Home::new();
    let what = PlannedResource::Address { site: "local".parse().unwrap(), pool: "public".to_owned(), machine: None };
    let plan = Plan::of_one(DeploymentId::from_bits(8), Name::new("b").unwrap(), what, digits().at);
    home.enter_with(&plan, &[made("address"), Entry::Ready]);
    let (ready, code) = home.json(&["up", "b", "-o", "json"]);
    assert_eq!((code, &ready["left"][0]["reference"]), (0, &Value::from("address-1")), "{ready:#}");
    // Its site is not configured, so nobody can say that it is gone.
    let (stuck, code) = home.json(&["down", "b", "--yes", "-o", "json"]);
    assert_eq!((code, &stuck["error"]["left"][0]["reference"]), (3, &Value::from("address-1")), "{stuck:#}");
    let hints = stuck["error"]["hints"].to_string();
    assert!(hints.contains("hostler down b") && !hints.contains("hostler up"), "there is no way forward: {hints}");
    let (refused, code) = home.json(&["setup", "b", "-o", "json"]);
    assert_eq!((code, &refused["error"]["hints"]), (2, &json!([])), "it takes no machines");
}

/// A deployment may be called as a lease or a server is that somebody looks for.
#[test]
fn what_a_deployment_never_makes_is_not_deleted_with_it() {
    let home = Home::new();
    let machines = called(&digits(), "web", 8);
    home.enter_with(&machines, &[begun("network")]);
    home.enter_with(&called(&machines.making(&[ResourceKind::Network]), "net", 9), &[begun("network")]);
    for args in [["lease", "delete", "web"], ["server", "delete", "net"], ["ip", "release", "web"]] {
        let (refused, code) = home.json(&[&args[..], &["--yes", "-o", "json"]].concat());
        assert_eq!((code, &refused["error"]["kind"]), (2, &Value::from("unknown")), "{args:?}: {refused:#}");
    }
    assert_eq!(home.json(&["ls", "-o", "json"]).0.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_plan_whose_name_is_taken_leaves_the_other_alone() {
    let home = Home::new();
    home.enter_with(&digits(), &[begun("network")]);
    home.write("plan.json", &serde_json::to_string(&called(&digits(), "digits", 8)).unwrap());
    let (taken, code) = home.json(&["apply", "plan.json", "--yes", "-o", "json"]);
    assert_eq!((code, &taken["error"]["kind"], &taken["error"]["left"]), (2, &Value::from("state"), &Value::Null));
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["state"], "launching");
}

/// The others are given back all the same, and told.
#[test]
fn of_several_deployments_each_is_given_back_that_can_be() {
    let home = Home::new();
    home.enter_with(&called(&digits(), "a", 8), &[begun("network")]);
    home.enter(&called(&digits(), "b", 9));
    home.enter(&called(&digits(), "c", 10));
    let _lock = home.lock("b");
    let (answer, code) = home.json(&["down", "--all", "--yes", "-o", "json"]);
    let error = &answer["error"];
    assert_eq!((code, &error["kind"], &error["released"]), (3, &json!("stuck"), &json!(["c"])), "{answer:#}");
    let named = |at: usize| (error["errors"][at]["name"].clone(), error["errors"][at]["kind"].clone());
    assert_eq!([named(0), named(1)], [(json!("a"), json!("stuck")), (json!("b"), json!("busy"))]);
    assert_eq!(error["errors"][0]["left"][0]["step"], "network");
    let said = String::from_utf8(home.run(&["down", "a", "b", "--yes"]).stderr).unwrap();
    for text in ["error: 2 of 2 deployments were not given back", "left behind", "`b` is being worked on"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let (alone, code) = home.json(&["down", "b", "-o", "json"]);
    assert_eq!((code, &alone["error"]["kind"], &alone["error"]["errors"]), (4, &json!("busy"), &Value::Null));
}

/// Nothing was made, so nothing was used, however long ago it was entered.
#[test]
fn what_it_has_cost_is_what_was_there() {
    let home = Home::new();
    let mut plan = digits();
    (plan.price_per_hour, plan.picks[0].price_per_hour) = (Some(Money(1_000_000)), Some(Money(1_000_000)));
    home.enter(&plan);
    let listed = &home.json(&["ls", "-o", "json"]).0[0];
    assert_eq!((&listed["price_per_hour"], &listed["cost"]), (&json!(1_000_000), &json!(0)));
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["cost"], listed["cost"]);
}

#[test]
fn how_it_ended_is_told_though_a_file_for_ssh_can_not_be_written() {
    let home = Home::new();
    let plan = digits().making(&[ResourceKind::Network, ResourceKind::Machine]);
    let machine = plan.machines().next().unwrap().0.id.to_string();
    home.enter_with(&plan, &[made("network"), made(&machine), Entry::Ready]);
    let files = home.data_dir().join("deployments").join(plan.deployment.to_string());
    fs::create_dir_all(files.join("ssh_config")).unwrap();
    let output = home.run(&["server", "create", "digits", "--yes", "-o", "json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("warning: ") && said.contains("ssh_config"), "{said}");
    let ready: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ready["state"], "ready");
}

#[test]
fn a_sweep_leaves_what_is_over_to_the_process_that_works_on_it() {
    let home = Home::new();
    home.enter(&Plan { until: Some(digits().at), ..digits() });
    let lock = home.lock("digits");
    let (found, code) = home.json(&["sweep", "--yes", "-o", "json"]);
    assert_eq!((code, &found["busy"], &found["expired"]), (0, &json!(["digits"]), &json!([])), "{found:#}");
    drop(lock);
    let (found, code) = home.json(&["sweep", "--yes", "-o", "json"]);
    assert_eq!((code, &found["busy"], &found["expired"]), (0, &json!([]), &json!(["digits"])), "{found:#}");
    assert_eq!(home.json(&["ls", "-o", "json"]).0, json!([]));
}
