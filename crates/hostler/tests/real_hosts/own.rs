//! The site `ssh`: deployments on hosts that are only listed.

use serde_json::Value;

use crate::lab::{Lab, said, written};

#[test]
fn a_deployment_takes_listed_hosts_and_gives_them_back_as_they_were() {
    let lab = Lab::new("own", 3);
    let demand = lab.path("train.yaml");
    let text = "name: train\nnum_nodes: 2\nresources: {cpus: 2+}\non: [ssh]\nsetup: echo ready >ready\n\
                run: cat ready; echo rank $HOSTLER_NODE_RANK on $(hostname)\n";
    std::fs::write(&demand, text).unwrap();
    let up = lab.command(&["up", demand.to_str().unwrap(), "--yes", "-o", "json"]).output().unwrap();
    assert!(up.status.success(), "{}", said(&up));
    let record: Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(record["state"], "ready", "{record}");
    // Each host is somebody's: of three, one is left.
    let other = lab.path("other.yaml");
    std::fs::write(&other, text.replace("train", "other")).unwrap();
    let refused = lab.command(&["up", other.to_str().unwrap(), "--yes"]).output().unwrap();
    assert_ne!(refused.status.code(), Some(0), "{}", said(&refused));
    let ran = lab.command(&["exec", "train", "--", "sh", "-c", "cat ready; hostname"]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let text = written(&ran);
    assert_eq!(text.matches("ready").count(), 2, "{text}");
    assert_eq!(text.matches("| own").count(), 2, "they keep their own names: {text}");
    let ssh = lab.command(&["ssh", "train", "train-1", "--", "hostname"]).output().unwrap();
    assert!(written(&ssh).starts_with("own"), "{}", said(&ssh));
    assert!(lab.command(&["down", "train", "--yes"]).output().unwrap().status.success());
    let again = lab.command(&["up", other.to_str().unwrap(), "--yes"]).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    assert!(lab.command(&["down", "other", "--yes"]).output().unwrap().status.success());
}

/// A host stays what it was from one deployment to the next: another key is another host, until the user says otherwise.
#[test]
fn a_host_that_shows_another_key_is_refused_by_the_next_deployment() {
    let lab = Lab::new("same", 1);
    let file = lab.demand("same", "setup: 'true'\n");
    lab.run(&["up", &file, "--yes"]).succeeds();
    lab.run(&["down", "same", "--yes"]).succeeds();
    lab.fault("break", 0, "key");
    let refused = lab.run(&["up", &file, "--yes"]).ends_with(1);
    assert!(refused.err.contains("host key changed") && refused.err.contains("remove line 1 of"), "{}", refused.err);
    let exec = lab.exec(&[], &["true"]);
    assert!(said(&exec).contains("host key changed"), "both know it: {}", said(&exec));
    std::fs::remove_file(lab.path("data/hosts/known_hosts")).unwrap();
    lab.run(&["up", &file, "--yes"]).succeeds();
    lab.run(&["down", "same", "--yes"]).succeeds();
}

#[test]
fn two_deployments_at_once_never_get_one_host() {
    let lab = Lab::new("race", 2);
    assert!(lab.exec(&[], &["true"]).status.success());
    let start = |name: &str| {
        let demand = lab.path(&format!("{name}.yaml"));
        std::fs::write(&demand, format!("name: {name}\nnum_nodes: 2\non: [ssh]\nrun: sleep 1\n")).unwrap();
        lab.command(&["up", demand.to_str().unwrap(), "--yes"]).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut both = [start("a"), start("b")];
    let had = both.iter_mut().filter_map(|child| child.wait().unwrap().code()).filter(|code| *code == 0).count();
    assert!(had <= 1, "both got two of two hosts");
    let list = lab.command(&["ls", "-o", "json"]).output().unwrap();
    let names: Vec<Value> = serde_json::from_slice(&list.stdout).unwrap();
    for deployment in &names {
        let name = deployment["name"].as_str().unwrap();
        assert!(lab.command(&["down", name, "--yes"]).output().unwrap().status.success());
    }
    let free = lab.command(&["check", "ssh"]).output().unwrap();
    assert!(written(&free).contains("2 hosts are listed, 0 are taken"), "{}", written(&free));
}
