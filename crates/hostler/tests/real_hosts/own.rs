//! The site `ssh`: deployments on listed hosts.

use serde_json::Value;

use crate::lab::{Lab, stderr_of, stdout_of};

#[test]
fn a_deployment_claims_listed_hosts_and_releases_them() {
    let lab = Lab::new("own", 3);
    let demand = lab.path("train.yaml");
    let text = "name: train\nnum_nodes: 2\nresources: {cpus: 2+}\non: [ssh]\nsetup: echo ready >ready\n\
                run: cat ready; echo rank $HOSTLER_NODE_RANK on $(hostname)\n";
    std::fs::write(&demand, text).unwrap();
    let up = lab.command(&["up", demand.to_str().unwrap(), "--yes", "-o", "json"]).output().unwrap();
    assert!(up.status.success(), "{}", stderr_of(&up));
    let record: Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(record["state"], "ready", "{record}");
    // Two of three hosts are claimed: two more are not available.
    let other = lab.path("other.yaml");
    std::fs::write(&other, text.replace("train", "other")).unwrap();
    let refused = lab.command(&["up", other.to_str().unwrap(), "--yes"]).output().unwrap();
    assert_ne!(refused.status.code(), Some(0), "{}", stderr_of(&refused));
    let ran = lab.command(&["exec", "train", "--", "sh", "-c", "cat ready; hostname"]).output().unwrap();
    assert!(ran.status.success(), "{}", stderr_of(&ran));
    let text = stdout_of(&ran);
    assert_eq!(text.matches("ready").count(), 2, "{text}");
    assert_eq!(text.matches("| own").count(), 2, "hosts keep their own names: {text}");
    let ssh = lab.command(&["ssh", "train", "train-1", "--", "hostname"]).output().unwrap();
    assert!(stdout_of(&ssh).starts_with("own"), "{}", stderr_of(&ssh));
    assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
    let again = lab.command(&["up", other.to_str().unwrap(), "--yes"]).output().unwrap();
    assert!(again.status.success(), "{}", stderr_of(&again));
    assert!(lab.command(&["down", "other", "--yes"]).output().unwrap().status.success());
}

/// Host keys stay pinned across deployments, until the user removes the line.
#[test]
fn a_host_with_a_changed_key_is_rejected_by_the_next_deployment() {
    let lab = Lab::new("same", 1);
    let file = lab.demand("same", "setup: 'true'\n");
    lab.run(&["up", &file, "--yes"]).succeeds();
    lab.run(&["down", "same", "--yes"]).succeeds();
    lab.fault("break", 0, "key");
    let refused = lab.run(&["up", &file, "--yes"]).ends_with(1);
    assert!(refused.err.contains("host key changed") && refused.err.contains("remove line 1 of"), "{}", refused.err);
    let exec = lab.exec(&[], &["true"]);
    assert!(stderr_of(&exec).contains("host key changed"), "`exec` knows the pinned key: {}", stderr_of(&exec));
    std::fs::remove_file(lab.path("data/hosts/known_hosts")).unwrap();
    lab.run(&["up", &file, "--yes"]).succeeds();
    lab.run(&["down", "same", "--yes"]).succeeds();
}

#[test]
fn two_concurrent_deployments_never_share_a_host() {
    let lab = Lab::new("race", 2);
    assert!(lab.exec(&[], &["true"]).status.success());
    let start = |name: &str| {
        let demand = lab.path(&format!("{name}.yaml"));
        std::fs::write(&demand, format!("name: {name}\nnum_nodes: 2\non: [ssh]\nrun: sleep 1\n")).unwrap();
        lab.command(&["up", demand.to_str().unwrap(), "--yes"]).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut both = [start("a"), start("b")];
    let had = both.iter_mut().filter_map(|child| child.wait().unwrap().code()).filter(|code| *code == 0).count();
    assert!(had <= 1, "both claimed two of two hosts");
    let list = lab.command(&["ls", "-o", "json"]).output().unwrap();
    let names: Vec<Value> = serde_json::from_slice(&list.stdout).unwrap();
    for deployment in &names {
        let name = deployment["name"].as_str().unwrap();
        assert!(lab.command(&["down", name, "--yes"]).output().unwrap().status.success());
    }
    let free = lab.command(&["check", "ssh"]).output().unwrap();
    assert!(stdout_of(&free).contains("hosts: 2 listed, 0 claimed"), "{}", stdout_of(&free));
}
