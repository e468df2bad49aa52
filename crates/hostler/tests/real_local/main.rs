//! End to end on virtual machines: the binary, with `virsh` as observer. Runs inside `tests/worlds/libvirt run …`, as `./x test` does; needs the base image `debian-12` in
//! `$HOSTLER_TEST_IMAGES`.

#![expect(clippy::print_stdout, reason = "who waits for machines wants to see what is going on")]

mod lab;
#[path = "../support/process.rs"]
mod process;
mod saga;

use lab::Lab;
use process::shell;
use serde_json::Value;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/digits");
const THREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/three.yaml");

fn machine_ids(lab: &Lab) -> Vec<String> {
    lab.virsh(&["list", "--all", "--uuid"]).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn repository_to_trained_model_and_again() {
    let lab = Lab::new();
    let up = lab.hostler(&["up", DIGITS, "-o", "json"]).succeeds();
    assert!(up.err.contains("accuracy 0.99"), "{}", up.err);
    let record: Value = serde_json::from_str(&up.out).expect("one JSON document on stdout");
    assert_eq!((record["name"].as_str(), record["state"].as_str()), (Some("digits"), Some("ready")), "{record:#}");
    let ssh = record["machines"][0]["ssh"].as_str().expect("an ssh line");
    let login = shell(&format!("{ssh} -o BatchMode=yes hostname")).succeeds();
    assert_eq!(login.out.trim(), "digits");
    let machines = machine_ids(&lab);
    assert_eq!(machines.len(), 1);

    // A second run: same machine, nothing installed again, `run` repeated.
    let again = lab.hostler(&["up", DIGITS]).succeeds();
    assert!(again.err.contains("accuracy 0.99"), "{}", again.err);
    assert!(again.err.contains("python on digits: unchanged"), "{}", again.err);
    assert!(again.err.contains("source on digits: unchanged"), "{}", again.err);
    assert_eq!(machine_ids(&lab), machines);

    // A changed file repeats only the phases that depend on it.
    let copy = lab.copy_of(DIGITS);
    std::fs::write(copy.join("train.py"), "print('changed', 6 * 7)\n").expect("the copy can be changed");
    let changed = lab.hostler(&["up", copy.to_str().expect("utf-8")]).succeeds();
    assert!(
        changed.err.contains("changed 42") && changed.err.contains("python on digits: unchanged"),
        "{}",
        changed.err
    );

    // Stopping and starting keeps the disk.
    lab.hostler(&["exec", "digits", "--", "touch", "kept"]).succeeds();
    lab.hostler(&["stop", "digits"]).succeeds();
    assert!(lab.virsh(&["list", "--state-running", "--name"]).trim().is_empty());
    let listed = lab.hostler(&["ls", "-o", "json"]).succeeds();
    assert!(listed.out.contains("\"stopped\""), "{}", listed.out);
    lab.hostler(&["start", "digits"]).succeeds();
    lab.hostler(&["exec", "digits", "--", "test", "-e", "kept"]).succeeds();
    assert!(lab.hostler(&["logs", "digits"]).succeeds().out.contains("accuracy"));

    lab.hostler(&["down", "digits", "--yes"]).succeeds();
    lab.assert_nothing_left();
    lab.hostler(&["down", "digits", "--yes"]).succeeds();
}

#[test]
fn three_machines_resolve_and_reach_each_other() {
    let lab = Lab::new();
    let up = lab.hostler(&["up", THREE]).succeeds();
    for rank in 0..3 {
        let line = format!("rank {rank} of 3 on three-{}", rank + 1);
        assert!(up.err.contains(&line), "{line}:\n{}", up.err);
    }
    lab.hostler(&["exec", "three", "--machine", "three-1", "--", "getent", "hosts", "three-3"]).succeeds();
    lab.hostler(&["down", "three", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

#[test]
fn two_concurrent_deployments_are_independent() {
    let lab = Lab::new();
    let file = lab.demand("small.yaml", "resources: {cpus: 1, memory: 0.5, disk_size: 3}\n");
    let start = |name: &str| lab.start(&["up", &file, "--name", name]);
    let (first, second) = (start("a"), start("a-2"));
    first.wait().succeeds();
    second.wait().succeeds();
    let listed: Value = serde_json::from_str(&lab.hostler(&["ls", "-o", "json"]).succeeds().out).expect("JSON");
    let addresses: std::collections::BTreeSet<String> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["machines"][0]["address"].as_str().expect("an address").to_owned())
        .collect();
    assert_eq!(addresses.len(), 2, "{listed:#}");
    lab.hostler(&["down", "a", "--yes"]).succeeds();
    lab.hostler(&["exec", "a-2", "--", "true"]).succeeds();
    assert_eq!(machine_ids(&lab).len(), 1);
    lab.hostler(&["down", "a-2", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

#[test]
fn an_image_that_does_not_boot_is_rolled_back_with_its_console() {
    let lab = Lab::new();
    let disk = lab.path("junk.raw");
    std::fs::write(&disk, vec![0u8; 1 << 20]).expect("a writable file");
    let disk = disk.to_str().expect("utf-8");
    // SHA-256 of 1 MiB of zeros.
    let digest = "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58";
    lab.hostler(&["image", "add", "junk", disk, "--sha256", digest, "--user", "debian"]).succeeds();
    let file = lab.demand("junk.yaml", "name: junk\nresources: {cpus: 1, memory: 0.5, disk_size: 3, image_id: junk}\n");
    let failed = lab.hostler(&["up", &file, "--ssh-timeout", "20s"]).ends_with(1);
    assert!(failed.err.contains("console"), "{}", failed.err);
    assert!(failed.err.contains("bootable"), "the firmware's own words:\n{}", failed.err);
    lab.assert_nothing_left();
}

#[test]
fn a_demand_beyond_the_capacity_names_the_shortage() {
    let lab = Lab::new();
    let file = lab.demand("huge.yaml", "name: huge\nresources: {memory: 9000+}\n");
    let failed = lab.hostler(&["up", &file]).ends_with(1);
    assert!(failed.err.contains("memory") && failed.err.contains("8.8TiB"), "{}", failed.err);
    let file = lab.demand("wide.yaml", "name: wide\nresources: {disk_size: 900000}\n");
    let failed = lab.hostler(&["plan", &file]).ends_with(1);
    assert!(failed.err.contains("disk"), "{}", failed.err);
    lab.assert_nothing_left();
}

#[test]
fn a_failed_set_up_is_resumed() {
    let lab = Lab::new();
    let repo = lab.path("repo");
    std::fs::create_dir(&repo).expect("made");
    let demand = |setup: &str| {
        format!("name: resumed\nresources: {{cpus: 1, memory: 0.5, disk_size: 3}}\nsetup: {setup}\nrun: echo ran\n")
    };
    std::fs::write(repo.join("hostler.yaml"), demand("echo to-err >&2; exit 7")).expect("a writable file");
    let path = repo.to_str().expect("utf-8").to_owned();
    let failed = lab.hostler(&["up", &path]).ends_with(3);
    assert!(failed.err.contains("exit status 7") && failed.err.contains("to-err"), "{}", failed.err);
    assert!(failed.err.contains("hostler down resumed"), "what to do next:\n{}", failed.err);
    let machines = machine_ids(&lab);
    std::fs::write(repo.join("hostler.yaml"), demand("true")).expect("a writable file");
    let again = lab.hostler(&["up", &path]).succeeds();
    assert!(again.err.contains("ran"), "{}", again.err);
    assert_eq!(machine_ids(&lab), machines);
    lab.hostler(&["down", "resumed", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

#[test]
fn a_dry_run_changes_nothing() {
    let lab = Lab::new();
    let before = lab.everything_at_the_site();
    lab.hostler(&["up", THREE, "--dry-run"]).succeeds();
    assert_eq!(lab.everything_at_the_site(), before);
    assert_eq!(lab.hostler(&["ls", "-o", "json"]).succeeds().out.trim(), "[]");
}

#[test]
fn a_saved_plan_is_applied_unchanged() {
    let lab = Lab::new();
    let file = lab.demand("one.yaml", "name: applied\nresources: {cpus: 1, memory: 0.5, disk_size: 3}\n");
    let plan = lab.path("plan.json");
    let plan = plan.to_str().expect("utf-8");
    lab.hostler(&["plan", &file, "--out", plan]).succeeds();
    lab.hostler(&["apply", plan]).succeeds();
    assert_eq!(machine_ids(&lab).len(), 1);
    lab.hostler(&["down", "applied", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

/// Phases on a virtual machine, which has an init system: the Docker daemon runs, also after a reboot, and builds the
/// image of the source. hostler is killed during the installation of Docker and during the build, and resumes.
#[test]
fn all_phases_on_a_virtual_machine_and_again() {
    let lab = Lab::new();
    let source = lab.path("src");
    std::fs::create_dir(&source).expect("made");
    std::fs::write(source.join("Dockerfile"), "FROM scratch\nCOPY hello /hello\n").expect("a writable file");
    std::fs::write(source.join("hello"), "hello\n").expect("a writable file");
    let text = format!(
        "name: phases\nresources: {{cpus: 1, memory: 1, disk_size: 6}}\nworkdir: {}\nsetup_phases:\n  python: true\n  \
         docker: {{build: .}}\n  gpu: auto\n  \
         custom: [{{name: motd, run: echo hello >/etc/motd, check: grep -q hello /etc/motd, user: root}}]\n\
         checks: [docker info]\n",
        source.display()
    );
    let file = lab.demand("phases.yaml", &text);
    for marker in ["Setting up docker.io", "Step 1/"] {
        let mut up = lab.start(&["up", &file, "--events", "json"]);
        assert!(up.until(|line| line.contains("\"output\"") && line.contains(marker)), "{marker}");
        up.signal(rustix::process::Signal::KILL);
        assert_eq!(up.wait().code, None, "{marker}");
    }
    lab.hostler(&["up", &file]).succeeds();
    let look = "systemctl is-active docker; systemctl is-enabled docker; id -nG; cat /etc/motd; sudo dpkg --audit; \
                docker image ls --format '{{.Repository}} of ours'";
    let there = lab.hostler(&["exec", "phases", "--", "sh", "-c", look]).succeeds();
    assert!(there.out.starts_with("active\nenabled\n") && there.out.contains("hello"), "{}", there.out);
    assert!(there.out.lines().any(|line| line == "phases of ours"), "{}", there.out);
    assert!(
        there.out.lines().nth(2).is_some_and(|groups| groups.split(' ').any(|group| group == "docker")),
        "{}",
        there.out
    );
    let again = lab.hostler(&["setup", "phases"]).succeeds();
    for phase in ["interpreter", "docker", "custom motd", "source", "image"] {
        assert!(again.err.contains(&format!("{phase} on phases: unchanged")), "{phase}: {}", again.err);
    }
    assert!(again.err.contains("gpu on phases: not needed"), "{}", again.err);
    lab.hostler(&["down", "phases", "--yes"]).succeeds();
    lab.assert_nothing_left();
}
