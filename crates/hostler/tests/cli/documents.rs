//! Golden files of the JSON documents that `docs/reference/json.md` describes. Scripts rely on every key and value: a
//! change here is a change of the interface.

use hostler_core::journal::Entry;

use super::resources::{created, started};
use super::{Home, digits};

impl Home {
    /// The document that a command prints, with the home directory replaced.
    #[track_caller]
    fn document(&self, args: &[&str]) -> String {
        let (document, _) = self.json(&[args, &["-o", "json"]].concat());
        let text = serde_json::to_string_pretty(&document).unwrap();
        let home = self.path().canonicalize().unwrap();
        text.replace(home.to_str().unwrap(), "[HOME]").replace(self.path().to_str().unwrap(), "[HOME]")
    }
}

/// A deployment whose machine runs, and whose set-up is to be resumed.
fn with_a_machine() -> Home {
    let home = Home::new();
    let plan = digits();
    let machine = plan.machines().next().unwrap().0.id.to_string();
    home.enter_with(&plan, &[created("network"), created(&machine)].concat());
    home
}

#[test]
fn deployments() {
    let home = with_a_machine();
    insta::assert_snapshot!("document_status", home.document(&["status", "digits"]));
    assert_eq!(home.document(&["ls"]).matches("\"name\": \"digits\"").count(), 2, "a deployment and its machine");
    insta::assert_snapshot!("document_hold", home.document(&["hold", "digits"]));
    insta::assert_snapshot!("document_cost_report", home.document(&["cost-report"]));
}

#[test]
fn plan() {
    let home = with_a_machine();
    insta::assert_snapshot!("document_plan", home.document(&["plan", "digits"]));
}

#[test]
fn down_and_delete() {
    let home = Home::new();
    home.enter(&digits());
    insta::assert_snapshot!("document_down", home.document(&["down", "digits"]));
    insta::assert_snapshot!("document_delete", home.document(&["lease", "delete", "paper", "--missing-ok"]));
}

#[test]
fn remaining_resources_in_an_error() {
    let home = Home::new();
    home.enter_with(&digits(), &[started("network"), Entry::Ready]);
    insta::assert_snapshot!("document_stuck", home.document(&["down", "digits", "--yes", "--events", "none"]));
}

#[test]
fn sweep_and_check() {
    let home = Home::new();
    insta::assert_snapshot!("document_sweep", home.document(&["sweep"]));
    insta::assert_snapshot!("document_check", home.document(&["check"]));
}

#[test]
fn analyze() {
    let home = Home::new();
    home.write("requirements.txt", "numpy\ntorch==2.1.0+cu118\n");
    insta::assert_snapshot!("document_analyze", home.document(&["analyze", "."]));
}
