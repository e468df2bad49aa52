//! Single leases, keys and machines, and a plan as commands.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::{Home, Lease, openstack, seen};

fn hosts(listed: &Value) -> Value {
    listed["resource"]["details"]["lease"]["hosts"].clone()
}

/// Life of a lease: created on chosen hosts, shown, waited for, audited, extended, deleted.
#[test]
fn life_of_a_single_lease() {
    let home = Home::new("lease");
    let name = home.name.as_str();
    let made = home.done(&["lease", "create", name, "--duration", "2h", "--lease-name", "paper", "--yes"]);
    assert_eq!((&made["ownership"], &made["deployment"]), (&json!("owned"), &json!(name)));
    let id = made["resource"]["reference"].as_str().unwrap();
    assert!(seen(&["reservation", "lease"], "id").contains(id), "the observer sees it");

    let running = home.done(&["lease", "wait", name]);
    assert_eq!(running["resource"]["status"], "running");
    assert_eq!(hosts(&running), hosts(&made));
    assert_eq!(home.done(&["lease", "ls"]).as_array().unwrap().len(), 1);
    // It is active: `wait` returns at once.
    home.done(&["lease", "wait", id, "--timeout", "5s"]);

    home.done(&["lease", "extend", name, "1h"]);
    let lines = home.done(&["audit", name]);
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 4, "intent and outcome of a creation and an extension: {lines:#?}");
    let granted = |line: &Value| line["stage"]["outcome"]["outcome"]["done"]["granted"]["hosts"].clone();
    assert_eq!((granted(&lines[1]), granted(&lines[3])), (hosts(&made), hosts(&made)));
    assert_eq!(lines[0]["call"]["create"]["hosts"], hosts(&made), "exactly what was asked for");

    let (refused, code) = home.json(&["lease", "delete", name]);
    assert_eq!((code, &refused["error"]["kind"]), (1, &json!("unconfirmed")));
    assert!(seen(&["reservation", "lease"], "id").contains(id));
    assert_eq!(home.done(&["lease", "delete", name, "--yes"])["status"], "deleted");
    assert!(!seen(&["reservation", "lease"], "id").contains(id));
    assert_eq!(home.done(&["lease", "delete", name, "--missing-ok"])["status"], "already_deleted");
    assert_eq!(home.json(&["lease", "delete", name]).1, 2);

    let report = home.done(&["cost-report"]);
    assert_eq!((&report["deployments"][0]["name"], &report["deployments"][0]["state"]), (&json!(name), &json!("down")));
    let trail = home.file("trail.jsonl");
    assert!(home.run(&["audit", "--export", trail.to_str().unwrap()]).status.success());
    assert_eq!(std::fs::read_to_string(trail).unwrap().lines().count(), 6);
}

/// A lease created by another client is used, and never deleted.
#[test]
fn a_lease_of_another_client_is_used_and_kept() {
    let home = Home::new("foreign");
    let name = home.name.as_str();
    let made = home.done(&["lease", "create", name, "--duration", "2h", "--yes", "--dry-run"]);
    let host = made["picks"][0]["hosts"][0].as_str().unwrap().to_owned();
    let pin = format!(
        r#"resource_type=physical:host,min=1,max=1,hypervisor_properties=["==", "$hypervisor_hostname", "{host}"]"#
    );
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(3);
    let end = end.strftime("%Y-%m-%d %H:%M").to_string();
    let id = openstack(&[
        "reservation",
        "lease",
        "create",
        "--end-date",
        &end,
        "--reservation",
        &pin,
        name,
        "-f",
        "value",
        "-c",
        "id",
    ]);
    let lease = Lease(id.lines().last().unwrap().trim().to_owned());
    let id = lease.0.as_str();
    home.done(&["lease", "wait", id]);

    let server = format!("{name}-server");
    let up = home.done(&["server", "create", &server, "--lease", name, "--no-floating-ip", "--yes"]);
    assert_eq!(up["state"], "ready");
    assert!(seen(&["server"], "Name").contains(&server));
    assert!(home.done(&["ip", "ls"]).as_array().unwrap().is_empty(), "none was wished");
    // Its end is the business of its owner.
    let (refused, code) = home.json(&["extend", &server, "24h"]);
    assert_eq!((code, &refused["error"]["kind"]), (2, &json!("invalid_state")), "{refused:#}");
    let (full, code) = home.json(&["server", "create", "another", "--lease", id, "--yes"]);
    assert_eq!((code, &full["error"]["kind"]), (1, &json!("no_offer")), "our machine is on its only host");

    let (refused, code) = home.json(&["lease", "delete", id, "--yes"]);
    assert_eq!((code, &refused["error"]["kind"]), (2, &json!("invalid_state")));
    home.done(&["server", "delete", &server, "--yes"]);
    assert!(!seen(&["server"], "Name").contains(&server));
    assert!(seen(&["reservation", "lease"], "id").contains(id), "it is not ours");
}

/// Leases by filter, and a single public address.
#[test]
fn hosts_are_leased_by_filter_and_an_address_is_created() {
    let home = Home::new("fits");
    let name = home.name.as_str();
    let lease = home.done(&["lease", "create", name, "--filter", "gpu_count>=4", "--duration", "2h", "--yes"]);
    let host = hosts(&lease)[0].as_str().unwrap().to_owned();
    assert!(["00000009-", "0000000a-"].iter().any(|four| host.starts_with(four)), "the hosts with four: {host}");
    let create = ["lease", "create", "none", "--filter", "gpu_count>=40", "--duration", "2h", "--yes"];
    let (none, code) = home.json(&create);
    assert_eq!((code, &none["error"]["kind"]), (1, &json!("no_offer")));

    let site = lease["site"].as_str().unwrap();
    let address = format!("{name}-ip");
    let (refused, code) = home.json(&["ip", "create", &address, "--site", site]);
    assert_eq!((code, &refused["error"]["kind"]), (1, &json!("unconfirmed")));
    let taken = home.done(&["ip", "create", &address, "--site", site, "--yes"]);
    let taken = taken["resource"]["details"]["address"]["address"].as_str().unwrap();
    assert!(seen(&["floating", "ip"], "Floating IP Address").contains(taken));
    home.done(&["ip", "release", &address, "--yes"]);
    assert!(!seen(&["floating", "ip"], "Floating IP Address").contains(taken));
    home.done(&["lease", "delete", name, "--yes"]);
}

/// Images of a site, and the choice among them.
#[test]
fn image_choice_is_explained() {
    let home = Home::new("images");
    let site = home.done(&["check"])["sites"][0]["site"].as_str().unwrap().to_owned();
    let all = home.done(&["image", "ls", "--site", &site]);
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .all(|image| image["name"] != "CC-Ubuntu22.04-ARM64" && image["arch"] == "x86_64")
    );
    let judged = home.done(&["image", "ls", "--site", &site, "--for", "ubuntu-22.04", "--gpus", "1"]);
    let of = |outcome: &str| {
        let images = judged["images"].as_array().unwrap().iter().filter(|it| it["outcome"] == outcome);
        images.map(|it| it["image"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("chosen"), ["CC-Ubuntu22.04-CUDA"]);
    assert!(
        of("eligible").contains(&"CC-Ubuntu22.04".to_owned()) && of("rejected").contains(&"CC-Ubuntu24.04".to_owned())
    );
}

/// With credentials of another project, no resource counts as deleted.
#[test]
fn resources_of_another_project_are_not_touched() {
    let home = Home::new("project");
    let name = home.name.as_str();
    let site_of = |cloud: &str| {
        let config = format!("[local]\nenabled = false\n[openstack.mine]\ncloud = \"{cloud}\"\n");
        std::fs::write(home.file("config.toml"), config).unwrap();
    };
    site_of("alice");
    let make = ["lease", "create", name, "--site", "openstack/mine", "--duration", "2h", "--yes"];
    let made = home.done(&make);
    let id = made["resource"]["reference"].as_str().unwrap();
    site_of("alice-2");
    for verb in [&["down", name, "--yes"][..], &["extend", name, "1h"], &["up", name, "--yes"]] {
        let (refused, code) = home.json(verb);
        assert_eq!((code, &refused["error"]["kind"]), (2, &json!("wrong_account")), "{verb:?}: {refused:#}");
    }
    assert_eq!(home.run(&["sweep", "--yes"]).status.code(), Some(5), "it can't see all that is ours");
    assert!(seen(&["reservation", "lease"], "id").contains(id));
    site_of("alice");
    home.done(&["down", name, "--yes"]);
    assert!(!seen(&["reservation", "lease"], "id").contains(id));
}

/// A private key has mode 0600 and is never overwritten; a registered key must match the local one.
#[test]
fn keys_are_created_imported_and_deleted() {
    let home = Home::new("key");
    let name = home.name.as_str();
    let site = home.done(&["check"])["sites"][0]["site"].as_str().unwrap().to_owned();
    let file = home.file("new/folder/mine");
    let path = file.to_str().unwrap();
    let made = home.done(&["key", "create", name, "--site", &site, "--out", path]);
    let registered = made["resource"]["reference"].as_str().unwrap();
    assert!(seen(&["keypair"], "Name").contains(registered));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let other = home.file("other");
    assert_eq!(home.json(&["key", "create", "again", "--site", &site, "--out", path]).1, 2, "no key is written over");

    let plan = |key: &str| home.json(&["plan", "d.yaml", "--key-name", registered, "--key-path", key]);
    std::fs::write(home.file("d.yaml"), "name: with-key\nlease: {duration: 2h}\n").unwrap();
    let (good, code) = plan(path);
    assert_eq!(code, 0, "{good:#}");
    assert!(good["steps"].as_array().unwrap().iter().all(|step| step["id"] != "keypair"), "it is there already");
    let generated =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().unwrap();
    assert!(generated.success());
    assert_eq!(plan(other.to_str().unwrap()).1, 2, "another key must not be taken for it");

    let public = format!("{}.pub", other.display());
    let imported = home.done(&["key", "import", "theirs", &public, "--site", &site]);
    let text = std::fs::read_to_string(&public).unwrap();
    assert_eq!(
        imported["resource"]["details"]["keypair"]["public_key"].as_str().unwrap().split(' ').nth(1),
        text.split(' ').nth(1)
    );
    for key in [name, "theirs"] {
        home.done(&["key", "delete", key, "--yes"]);
    }
    assert!(!seen(&["keypair"], "Name").contains(registered));
}

/// The script of a plan runs without hostler, and undoes itself.
#[test]
fn a_plan_runs_as_a_script_of_the_openstack_client() {
    let home = Home::new("script");
    let script = home.file("s.sh");
    std::fs::write(home.file("d.yaml"), format!("name: {}\nlease: {{duration: 2h}}\n", home.name)).unwrap();
    home.done(&["plan", "d.yaml", "--script", script.to_str().unwrap()]);
    let run = |what: &str| {
        let output = Command::new("sh").arg(&script).arg(what).output().unwrap();
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let address = run("up").lines().last().unwrap().trim().to_owned();
    assert!(seen(&["server"], "Name").contains(&home.name));
    assert!(seen(&["floating", "ip"], "Floating IP Address").contains(&address), "{address}");
    assert!(home.done(&["server", "ls"]).as_array().unwrap().is_empty(), "it bears no ticket of ours");
    run("down");
    for (kind, column) in [(&["server"][..], "Name"), (&["reservation", "lease"], "name"), (&["keypair"], "Name")] {
        assert!(!seen(kind, column).contains(&home.name), "{kind:?}");
    }
    assert!(!seen(&["floating", "ip"], "Floating IP Address").contains(&address));
}
