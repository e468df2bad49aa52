//! Golden files of the JSON documents that `docs/reference/json.md` describes. Scripts rely on every key and value: a
//! change here is a change of the interface.

use std::fs;

use hostler_core::journal::Entry;
use hostler_core::name::DeploymentId;
use hostler_core::plan::Plan;
use hostler_engine::deploy::Files;
use serde_json::{Value, json};

use super::resources::{created, started};
use super::{Home, digits, with_a_log};

impl Home {
    /// The document that a command prints, with the home directory replaced.
    #[track_caller]
    fn document(&self, args: &[&str]) -> String {
        let (document, _) = self.json(&[&["-o", "json"], args].concat());
        self.text_of(&document)
    }

    fn text_of(&self, document: &Value) -> String {
        let text = serde_json::to_string_pretty(document).unwrap();
        let home = self.path().canonicalize().unwrap();
        text.replace(home.to_str().unwrap(), "[HOME]").replace(self.path().to_str().unwrap(), "[HOME]")
    }

    /// The document of a command on a deployment that this test has created, with its times and ids replaced.
    #[track_caller]
    fn live_document(&self, args: &[&str]) -> String {
        let (mut document, _) = self.json(&[args, &["-o", "json"]].concat());
        let status = self.json(&["status", "web", "-o", "json"]).0;
        hide_times(&mut document);
        let ids = [("id", "[ID]"), ("plan_id", "[PLAN]")].map(|(key, shown)| (status[key].as_str().unwrap(), shown));
        ids.iter().fold(self.text_of(&document), |text, (id, shown)| text.replace(id, shown))
    }
}

fn hide_times(document: &mut Value) {
    match document {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => *document = "[TIME]".into(),
        Value::Array(values) => values.iter_mut().for_each(hide_times),
        Value::Object(entries) => {
            entries.values_mut().for_each(hide_times);
            if let Some(seconds) = entries.get_mut("round_seconds").filter(|seconds| seconds.is_number()) {
                *seconds = "[SECONDS]".into();
            }
        }
        _ => {}
    }
}

/// A home directory with the site `ssh`, whose host is never logged in to.
fn with_a_host() -> Home {
    let home = Home::new();
    home.write("../.config/hostler/config.toml", "[local]\nenabled = false\n[ssh]\nhosts = \"hosts.toml\"\n");
    let host = "name = \"rack-1\"\naddress = \"192.0.2.10\"\nuser = \"alice\"\ncpus = 8\nmemory = \"32GiB\"\n";
    home.write("../.config/hostler/hosts.toml", &format!("[[host]]\n{host}image = \"debian-12\"\n"));
    home
}

impl Home {
    /// Claims the host for a step of a deployment, as its machine would.
    fn claim(&self, deployment: u128, step: &str) {
        let claims = self.data_dir().join("hosts/claims");
        fs::create_dir_all(&claims).unwrap();
        let ticket = format!("hostler:{deployment:032x}:{step}");
        let host = format!("192.0.2.{deployment}");
        let claim = json!({ "ticket": ticket, "host": "rack", "address": { "host": host, "port": 22 } });
        fs::write(claims.join(format!("{host}_22.json")), claim.to_string()).unwrap();
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
    let text = home.document(&["plan", "digits", "--out", "plan.json"]);
    let saved = fs::read_to_string(home.path().join("work/plan.json")).unwrap();
    let [printed, saved] = [&text, &saved].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(printed, saved);
    let plan: Plan = serde_json::from_value(saved).unwrap();
    assert_eq!(printed["id"], plan.id().to_string());
    insta::assert_snapshot!("document_plan", text);
}

/// Every optional part of a plan: durations, set-up phases and custom steps.
#[test]
fn plan_with_phases() {
    let home = with_a_host();
    let phases = "{docker: true, timeouts: {docker: 10m}, custom: [{name: data, run: make, timeout: 5m}]}";
    home.write("web.yaml", &format!("name: web\nlease: {{duration: 4h, within: 1d}}\nsetup_phases: {phases}\n"));
    let plan = home.json(&["plan", "web.yaml", "-o", "json"]).0;
    let demand = &plan["demand"];
    assert_eq!(demand["lease"], json!({ "starts_at": null, "duration_seconds": 14_400, "within_seconds": 86_400 }));
    let phases = &demand["workload"]["phases"];
    assert_eq!(phases["timeout_seconds"], json!({ "docker": 600 }));
    assert_eq!(phases["custom"][0]["timeout_seconds"], 300);
    assert_eq!(plan["picks"][0]["unit"], "USD");
}

#[test]
fn no_offer() {
    let home = with_a_host();
    home.write("big.yaml", "name: big\nresources: {cpus: 64+}\n");
    insta::assert_snapshot!("document_no_offer", home.document(&["plan", "big.yaml"]));
}

#[test]
fn machine_on_a_listed_host() {
    let home = with_a_host();
    let created = home.run(&["server", "create", "web", "--yes", "--events", "json", "-o", "json"]);
    let stderr = String::from_utf8(created.stderr).unwrap();
    assert_eq!(created.status.code(), Some(0), "{stderr}");
    let mut events: Vec<Value> = stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    events.iter_mut().for_each(hide_times);
    insta::assert_snapshot!("document_events", home.text_of(&Value::Array(events)));
    insta::assert_snapshot!("document_up", home.live_document(&["server", "create", "web", "--yes"]));
    insta::assert_snapshot!("document_resources", home.live_document(&["server", "ls"]));
    insta::assert_snapshot!("document_delete_dry", home.live_document(&["server", "delete", "web", "--dry-run"]));
    let extended = home.json(&["extend", "web", "--until", "2200-01-01T00:00Z", "-o", "json"]).0;
    assert_eq!(extended["ends_at"], "2200-01-01T00:00:00Z");
}

#[test]
fn down_and_delete() {
    let home = with_a_machine();
    insta::assert_snapshot!("document_down_dry", home.document(&["down", "digits", "--dry-run"]));
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
    insta::assert_snapshot!("document_sweep_clean", home.document(&["sweep"]));
    insta::assert_snapshot!("document_check_none", home.document(&["check"]));
    let home = with_a_host();
    home.enter(&Plan { until: Some(digits().at), ..digits() });
    home.claim(7, "machine-digits");
    home.claim(8, "machine-web");
    insta::assert_snapshot!("document_sweep", home.document(&["sweep", "--dry-run"]));
    insta::assert_snapshot!("document_check", home.document(&["check"]));
}

#[test]
fn analyze() {
    let home = Home::new();
    home.write("requirements.txt", "numpy\ntorch==2.1.0+cu118\n");
    home.write("job.sh", "#!/bin/sh\n#SBATCH --time=04:00:00\n");
    insta::assert_snapshot!("document_analyze", home.document(&["analyze", "."]));
}

#[test]
fn logs() {
    let home = Home::new();
    with_a_log(&home, b"make: done\n");
    insta::assert_snapshot!("document_logs", home.document(&["logs", "digits"]));
}

/// Nothing listens on the port of the host, so every command fails on it.
#[test]
fn commands_on_hosts() {
    let home = Home::new();
    let keys = Files::open(home.path().join("keys")).unwrap();
    keys.generate_keys_if_missing(DeploymentId::from_bits(1)).unwrap();
    let key = keys.private_key();
    home.write(
        "hosts.toml",
        &format!("user = \"alice\"\nkey = {key:?}\n[[host]]\nname = \"rack-1\"\naddress = \"127.0.0.1\"\nport = 1\n"),
    );
    insta::assert_snapshot!("document_exec", home.document(&["exec", "--hosts", "hosts.toml", "--", "true"]));
    insta::assert_snapshot!("document_sync", home.document(&["sync", "up", ".", ":data", "--hosts", "hosts.toml"]));
}

#[test]
fn audit() {
    let home = Home::new();
    let window = json!({ "start": "2026-03-01T12:00:00Z", "end": "2026-03-01T16:00:00Z" });
    let granted = json!({ "window": window, "hosts": ["n1"] });
    let entry = |call: Value, ticket: Value, stage: Value| {
        let at = "2026-03-01T12:00:00Z";
        json!({ "at": at, "site": "chameleon/uc", "call": call, "ticket": ticket, "lease": "l-1", "stage": stage })
    };
    let outcome = |of: Value| json!({ "outcome": { "requested_at": "2026-03-01T11:59:59Z", "outcome": of } });
    let ticket = || json!("hostler:00000000000000000000000000000007:lease");
    let create = json!({ "create": { "name": "paper", "window": window, "hosts": ["n1"] } });
    let entries = [
        entry(create.clone(), ticket(), json!("intent")),
        entry(create, ticket(), outcome(json!({ "done": { "granted": granted } }))),
        entry(json!({ "extend": { "ends_at": "2026-03-01T18:00:00Z" } }), Value::Null, json!("intent")),
        entry(json!("delete"), ticket(), outcome(json!({ "failed": { "error": "no answer" } }))),
    ];
    fs::create_dir_all(home.data_dir()).unwrap();
    let lines: Vec<String> = entries.iter().map(Value::to_string).collect();
    fs::write(home.data_dir().join("audit.jsonl"), lines.join("\n")).unwrap();
    assert_eq!(home.json(&["audit", "-o", "json"]).0, json!(entries));
    insta::assert_snapshot!("document_audit", home.document(&["audit"]));
}

#[test]
fn images() {
    let home = with_a_host();
    for (name, boot) in [("debian-12", json!("disk")), ("tiny", json!({ "kernel": { "command_line": "quiet" } }))] {
        let image = home.data_dir().join("images").join(name);
        fs::create_dir_all(&image).unwrap();
        let (disk, memory) = (4u64 << 30, 512 << 20);
        let facts = json!({ "name": name, "user": "debian", "arch": "x86_64", "boot": boot, "disk": disk,
            "memory": memory, "digest": "00", "origin": "https://example.org/disk.qcow2" });
        fs::write(image.join("image.json"), facts.to_string()).unwrap();
    }
    insta::assert_snapshot!("document_images", home.document(&["image", "ls"]));
    insta::assert_snapshot!("document_image_delete_dry", home.document(&["image", "rm", "tiny", "--dry-run"]));
    insta::assert_snapshot!("document_site_images", home.document(&["image", "ls", "--site", "ssh"]));
    let choice = home.document(&["image", "ls", "--site", "ssh", "--for", "debian"]);
    insta::assert_snapshot!("document_image_choice", choice);
}
