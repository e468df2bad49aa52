//! Existing resources stay listed, and are deleted only with their own deployment.

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

pub fn created(step: &str) -> [Entry; 2] {
    let created = Some(Created { reference: Ref(format!("{step}-1")), address: None });
    [started(step), Entry::Step { step: step.parse().unwrap(), event: StepEvent::Done { created } }]
}

pub fn started(step: &str) -> Entry {
    Entry::Step { step: step.parse().unwrap(), event: StepEvent::Started }
}

/// A plan for a single lease.
pub fn lease(name: &str) -> Plan {
    let (site, window) = ("local".parse().unwrap(), digits().window());
    let spec = LeaseSpec { name: name.to_owned(), site, window, hosts: Vec::new() };
    Plan::single(DeploymentId::from_bits(7), Name::new(name).unwrap(), PlannedResource::Lease(spec), digits().at)
}

/// The same plan, for another deployment.
fn renamed(plan: &Plan, name: &str, id: u128) -> Plan {
    let mut plan = plan.clone();
    plan.deployment = DeploymentId::from_bits(id);
    plan.demand.name = Name::new(name).unwrap();
    plan
}

impl Home {
    /// Locks a deployment, as another process would.
    fn lock(&self, name: &str) -> Lock {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(Store::open(&self.data_dir())).unwrap();
        store.lock_blocking(&Name::new(name).unwrap()).unwrap()
    }
}

#[test]
fn another_round_keeps_a_single_resource() {
    let home = Home::new();
    let address = PlannedResource::Address { site: "local".parse().unwrap(), pool: "public".to_owned(), machine: None };
    let plan = Plan::single(DeploymentId::from_bits(8), Name::new("b").unwrap(), address, digits().at);
    home.enter_with(&plan, &[&created("address")[..], &[Entry::Ready]].concat());
    let (ready, code) = home.json(&["up", "b", "-o", "json"]);
    assert_eq!((code, &ready["remaining"][0]["reference"]), (0, &Value::from("address-1")), "{ready:#}");
    // The site is not configured, so the address can't be confirmed as deleted.
    let (stuck, code) = home.json(&["down", "b", "--yes", "-o", "json"]);
    assert_eq!((code, &stuck["error"]["remaining"][0]["reference"]), (3, &Value::from("address-1")), "{stuck:#}");
    let hints = stuck["error"]["hints"].to_string();
    assert!(hints.contains("hostler down b") && !hints.contains("hostler up"), "it can only go down: {hints}");
    let (refused, code) = home.json(&["setup", "b", "-o", "json"]);
    assert_eq!((code, &refused["error"]["hints"]), (2, &json!([])), "it has no machines");
}

/// The name of a deployment may equal that of a lease or server that the user wants to delete.
#[test]
fn deleting_a_kind_that_a_deployment_lacks_deletes_nothing() {
    let home = Home::new();
    let machines = renamed(&digits(), "web", 8);
    home.enter_with(&machines, &[started("network")]);
    home.enter_with(&renamed(&machines.with_only(&[ResourceKind::Network]), "net", 9), &[started("network")]);
    for args in [["lease", "delete", "web"], ["server", "delete", "net"], ["ip", "release", "web"]] {
        let (refused, code) = home.json(&[&args[..], &["--yes", "-o", "json"]].concat());
        assert_eq!((code, &refused["error"]["kind"]), (2, &Value::from("not_found")), "{args:?}: {refused:#}");
    }
    assert_eq!(home.json(&["ls", "-o", "json"]).0.as_array().map(Vec::len), Some(2));
}

#[test]
fn applying_a_plan_with_a_taken_name_changes_nothing() {
    let home = Home::new();
    home.enter_with(&digits(), &[started("network")]);
    home.write("plan.json", &serde_json::to_string(&renamed(&digits(), "digits", 8)).unwrap());
    let (taken, code) = home.json(&["apply", "plan.json", "--yes", "-o", "json"]);
    assert_eq!(
        (code, &taken["error"]["kind"], &taken["error"]["remaining"]),
        (2, &Value::from("invalid_state"), &Value::Null)
    );
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["state"], "launching");
}

#[test]
fn down_of_several_continues_past_failures() {
    let home = Home::new();
    home.enter_with(&renamed(&digits(), "a", 8), &[started("network")]);
    home.enter(&renamed(&digits(), "b", 9));
    home.enter(&renamed(&digits(), "c", 10));
    let _lock = home.lock("b");
    let (answer, code) = home.json(&["down", "--all", "--yes", "-o", "json"]);
    let error = &answer["error"];
    assert_eq!((code, &error["kind"], &error["down"]), (3, &json!("stuck"), &json!(["c"])), "{answer:#}");
    let named = |at: usize| (error["errors"][at]["name"].clone(), error["errors"][at]["kind"].clone());
    assert_eq!([named(0), named(1)], [(json!("a"), json!("stuck")), (json!("b"), json!("busy"))]);
    assert_eq!(error["errors"][0]["remaining"][0]["step"], "network");
    let stderr = String::from_utf8(home.run(&["down", "a", "b", "--yes"]).stderr).unwrap();
    for text in ["error: 2 of 2 deployments were not brought down", "Remaining resources", "`b` is being changed"] {
        assert!(stderr.contains(text), "{text}: {stderr}");
    }
    let (alone, code) = home.json(&["down", "b", "-o", "json"]);
    assert_eq!((code, &alone["error"]["kind"], &alone["error"]["errors"]), (4, &json!("busy"), &Value::Null));
}

/// Without resources nothing is used, whatever the age of the deployment.
#[test]
fn cost_counts_existing_resources_only() {
    let home = Home::new();
    let mut plan = digits();
    (plan.price_per_hour, plan.picks[0].price_per_hour) = (Some(Money(1_000_000)), Some(Money(1_000_000)));
    home.enter(&plan);
    let listed = &home.json(&["ls", "-o", "json"]).0[0];
    assert_eq!((&listed["price_per_hour"], &listed["cost"]), (&json!("1.00"), &json!("0.00")));
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["cost"], listed["cost"]);
}

#[test]
fn an_unwritable_ssh_config_is_only_a_warning() {
    let home = Home::new();
    let plan = digits().with_only(&[ResourceKind::Network, ResourceKind::Machine]);
    let machine = plan.machines().next().unwrap().0.id.to_string();
    home.enter_with(&plan, &[&created("network")[..], &created(&machine), &[Entry::Ready]].concat());
    let files = home.data_dir().join("deployments").join(plan.deployment.to_string());
    fs::create_dir_all(files.join("ssh_config")).unwrap();
    let output = home.run(&["server", "create", "digits", "--yes", "-o", "json"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("warning: ") && stderr.contains("ssh_config"), "{stderr}");
    let ready: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ready["state"], "ready");
}

#[test]
fn sweep_skips_expired_deployments_that_are_locked() {
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
