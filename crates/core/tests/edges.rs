//! Allowed dependencies between crates, and forbidden dependencies of core.

#![expect(clippy::disallowed_methods, reason = "core starts no process; its test runs cargo")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The allowed dependencies between crates. `sim` is for tests only.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("hostler-core", &[]),
    ("hostler-checks", &[]),
    ("hostler-providers", &["hostler-core"]),
    ("hostler-engine", &["hostler-core"]),
    ("hostler-sim", &["hostler-core"]),
    ("hostler", &["hostler-core", "hostler-providers", "hostler-engine"]),
];

/// Crates that do I/O or generate random numbers.
const BANNED_IN_CORE: [&str; 8] = ["tokio", "reqwest", "hyper", "rand", "uuid", "sqlx", "russh", "virt"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

/// Normal dependencies and dev-dependencies of each crate of the workspace.
fn dependencies() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let metadata = metadata();
    let mut all = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let (mut normal, mut tests) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["name"].as_str().expect("a name").to_owned();
            let set = if dependency["kind"] == "dev" { &mut tests } else { &mut normal };
            set.insert(name);
        }
        all.insert(package["name"].as_str().expect("a name").to_owned(), (normal, tests));
    }
    all
}

#[test]
fn crates_depend_on_each_other_only_as_allowed() {
    let dependencies = dependencies();
    let known: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    for (name, (normal, tests)) in &dependencies {
        let allowed = known.get(name.as_str()).unwrap_or_else(|| panic!("`{name}` is not in the list of edges"));
        for other in normal.iter().filter(|other| dependencies.contains_key(*other)) {
            assert!(allowed.contains(&other.as_str()), "`{name}` must not depend on `{other}`");
        }
        for other in tests.iter().filter(|other| dependencies.contains_key(*other)) {
            let is_allowed = other == "hostler-sim" || allowed.contains(&other.as_str());
            assert!(is_allowed, "the tests of `{name}` must not depend on `{other}`");
        }
    }
}

#[test]
fn core_has_no_dependency_that_does_io() {
    let (normal, _) = &dependencies()["hostler-core"];
    for banned in BANNED_IN_CORE {
        assert!(!normal.contains(banned), "core must not depend on `{banned}`");
    }
}

#[test]
fn network_clients_lie_in_one_crate_each() {
    for (client, home) in [("reqwest", "hostler-providers"), ("russh", "hostler-engine")] {
        let users: Vec<String> = dependencies()
            .into_iter()
            .filter(|(_, (normal, _))| normal.contains(client))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(users, [home], "`{client}`");
    }
}
