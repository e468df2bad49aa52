//! The whole set-up on real hosts: packages, Python, conda, Docker, Ray on two machines, custom steps.

use std::path::Path;

use serde_json::Value;

use crate::lab::{Lab, outcomes, stderr_of, stdout_of};
use crate::process;

#[test]
fn all_phases_on_two_hosts_and_again() {
    let lab = Lab::new("pipe", 2);
    std::fs::create_dir(lab.path("src")).unwrap();
    std::fs::write(lab.path("src/requirements.txt"), "six==1.16.0\n").unwrap();
    let text = format!(
        "num_nodes: 2\nworkdir: {}\npackages: [jq]\npython: {{requirement_files: [requirements.txt]}}\n\
         setup_phases:\n  system: true\n  python: true\n  conda: {}\n  docker: true\n  gpu: auto\n  ray: true\n  \
         custom:\n  - {{name: marker, run: 'echo \"$HOSTLER_NODE_RANK\" >/etc/marker', check: test -e /etc/marker, user: root}}\n  \
         - {{name: once, run: echo once >>once}}\n\
         setup: ssh pipe-2 hostname\n\
         checks: ['python -c \"import six, ray\"', 'ray status']\n\
         run: cat \"$HOSTLER_HOSTFILE\"; echo \"rank $HOSTLER_NODE_RANK of $SKYPILOT_NUM_NODES in $CONDA_DEFAULT_ENV\"\n",
        lab.path("src").display(),
        lab.conda()
    );
    let file = lab.demand("pipe", &text);
    let up = lab.run(&["up", &file, "--yes"]).succeeds();
    let first = outcomes(&up.err);
    for phase in ["system", "packages", "conda", "docker", "ray", "peer-names", "ray-start", "custom marker", "python"]
    {
        for machine in ["pipe-1", "pipe-2"] {
            let title = format!("{phase} on {machine}");
            assert!(first.contains(&(title.clone(), "now".to_owned())), "{title}: {first:?}");
        }
    }
    assert!(first.contains(&("gpu on pipe-1".to_owned(), "not_needed".to_owned())), "{first:?}");
    let alive = up.err.lines().filter(|line| line.contains("\"line\":\" 1 node_")).count();
    assert!(alive >= 2, "Ray shows both machines: {}", up.err);
    for text in ["rank 0 of 2 in work", "rank 1 of 2 in work", "pipe-2 slots=1"] {
        assert!(up.err.contains(text), "{text}: {}", up.err);
    }

    // Inspect the machines independently of hostler.
    let there = "dpkg-query -W -f '${Status} ${Package}\\n' build-essential docker.io jq; docker --version; \
                 id -nG debian; cat /etc/marker ~/work/once; cat ~/miniforge3/asked; stat -c %a ~/.ssh/hostler-pipe";
    let looked = lab.command(&["exec", "pipe", "--", "sh", "-c", there]).output().unwrap();
    assert!(looked.status.success(), "{}", stderr_of(&looked));
    let looked = stdout_of(&looked);
    assert_eq!(looked.matches("install ok installed").count(), 6, "{looked}");
    assert_eq!(looked.matches("| once").count(), 2, "{looked}");
    for text in ["Docker version", "docker", "python=3.11 numpy=1.26", "pipe-1 | 0", "pipe-2 | 1", "pipe-1 | 600"] {
        assert!(looked.contains(text), "{text}: {looked}");
    }
    let groups: Vec<&str> = looked.lines().filter(|line| line.contains("debian ") && line.contains("docker")).collect();
    assert_eq!(groups.len(), 2, "{looked}");

    // The printed login command leads to an active conda environment.
    let status = lab.command(&["status", "pipe", "-o", "json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let ssh = status["machines"][1]["ssh"].as_str().unwrap();
    let login =
        process::shell(&format!("{ssh} -o BatchMode=yes 'bash -lc \"echo in \\$CONDA_DEFAULT_ENV\"'")).succeeds();
    assert!(login.out.contains("in work"), "{login:?}");

    // A second run reports every phase as unchanged.
    let again = lab.run(&["setup", "pipe"]).succeeds();
    let always = ["wait", "verify", "peer-ssh", "ray-status", "check"];
    for (title, how) in outcomes(&again.err) {
        let phase = title.split([' ']).next().unwrap();
        let expected = if always.contains(&phase) {
            "now"
        } else if phase == "gpu" {
            "not_needed"
        } else {
            "already"
        };
        assert_eq!(how, expected, "{title}");
    }
    assert!(!again.err.contains("rank 0 of 2"), "`setup` does not run `run`");

    // A broken phase is repaired; all others are unchanged.
    assert!(lab.command(&["exec", "pipe", "--", "sudo", "rm", "/etc/marker"]).output().unwrap().status.success());
    let mended = lab.run(&["setup", "pipe", "--from", "custom", "--skip", "check"]).succeeds();
    let mended = outcomes(&mended.err);
    assert!(mended.contains(&("custom marker on pipe-1".to_owned(), "now".to_owned())), "{mended:?}");
    assert!(mended.contains(&("custom once on pipe-1".to_owned(), "already".to_owned())), "{mended:?}");
    assert!(!mended.iter().any(|(title, _)| title.starts_with("docker")), "{mended:?}");
    let only = lab.run(&["setup", "pipe", "--only", "docker,jq"]);
    assert_eq!(only.code, Some(2), "{}", only.err);
    assert!(only.err.contains("unknown phase `jq`") && only.err.contains("`docker`"), "{}", only.err);
    lab.run(&["down", "pipe", "--yes"]).succeeds();
}

/// A lost host does not stop the others, and resumes when it is back.
#[test]
fn a_lost_host_does_not_stop_the_others() {
    let lab = Lab::new("gone", 3);
    let text = "num_nodes: 3\nsetup_phases:\n  peers: false\n  custom:\n  - {name: first, run: echo first >>first}\n  \
                - {name: second, run: 'echo here; sleep 2; echo second >>second'}\n";
    let file = lab.demand("gone", text);
    // A second round: a failure keeps the machines.
    lab.run(&["up", &file, "--yes"]).succeeds();
    let forget = ["exec", "gone", "--", "sh", "-c", "rm ~/.hostler/gone/custom-*"];
    assert!(lab.command(&forget).output().unwrap().status.success());
    let mut again = process::start(lab.command(&["setup", "gone", "--events", "json", "--ssh-timeout", "5s"]));
    assert!(again.until(|line| line.contains("\"output\"") && line.contains("\"gone-2\"") && line.contains("here")));
    lab.fault("break", 1, "link");
    lab.fault("break", 1, "cut");
    let ended = again.wait().ends_with(3);
    assert!(ended.err.contains("custom-gone-2-2"), "{}", ended.err);
    let others = outcomes(&ended.err);
    for machine in ["gone-1", "gone-3"] {
        assert!(others.contains(&(format!("custom second on {machine}"), "now".to_owned())), "{others:?}");
    }
    lab.fault("mend", 1, "link");
    let mended = lab.run(&["setup", "gone"]).succeeds();
    let mended = outcomes(&mended.err);
    assert!(mended.contains(&("custom second on gone-2".to_owned(), "now".to_owned())), "{mended:?}");
    assert!(mended.contains(&("custom second on gone-1".to_owned(), "already".to_owned())), "{mended:?}");
    lab.run(&["down", "gone", "--yes"]).succeeds();
}

/// A failing mirror and a held package lock are retried.
#[test]
fn failing_mirrors_and_held_locks_are_retried() {
    let lab = Lab::new("mirror", 1);
    lab.run(&["up", &lab.demand("mirror", "setup: 'true'\n"), "--yes"]).succeeds();
    lab.fault("break", 0, "mirrors");
    // Only this phase: `verify` would reject a host without name resolution.
    let mut system = process::start(lab.command(&["setup", "mirror", "--only", "system", "--events", "json"]));
    assert!(system.until(|line| line.contains("\"output\"") && line.contains("E: ")), "apt says that it failed");
    lab.fault("mend", 0, "mirrors");
    system.wait().succeeds();
    lab.fault("break", 0, "dpkg");
    let file = lab.demand("mirror", "packages: [bc]\n");
    let mut up = process::start(lab.command(&["up", &file, "--yes", "--events", "json"]));
    assert!(up.until(|line| line.contains("lock")), "it says what it waits for");
    lab.fault("mend", 0, "dpkg");
    up.wait().succeeds();
    lab.run(&["down", "mirror", "--yes"]).succeeds();
}

/// A permanent failure names host and phase, with a hint.
#[test]
fn permanent_failures_name_host_and_phase() {
    let lab = Lab::new("wrong", 1);
    lab.run(&["up", &lab.demand("wrong", "setup: 'true'\n"), "--yes"]).succeeds();
    let fails = |text: &str, expected: &[&str]| {
        let file = lab.demand("wrong", text);
        let ended = process::start(lab.command(&["up", &file, "--yes"])).wait().ends_with(3);
        for expected in expected {
            assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
        }
    };
    fails(
        "setup: echo begun; sleep 1000\nsetup_phases: {timeouts: {setup: 2s}}\n",
        &["phase `setup` on `wrong`", "did not end within 2s", "begun"],
    );
    fails(
        "setup_phases: {custom: [{name: ask, run: 'read -p \"Password: \" word; test -n \"$word\"'}]}\n",
        &["phase `custom` on `wrong`", "exit status 1"],
    );
    fails("packages: [no-such-package-here]\n", &["phase `packages`", "check the name in `packages`"]);
    let file = lab.path("other.sh");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    let other = format!("setup_phases: {{conda: {{installer: {}, sha256: {}}}}}\n", file.display(), "0".repeat(64));
    fails(&other, &["phase `conda`", "it was not run", "compare `sha256`"]);
    // Files that hostler did not create are unchanged.
    let theirs = ["exec", "wrong", "--", "sh", "-c", "mkdir ~/miniforge3; echo mine >~/miniforge3/mine"];
    assert!(lab.command(&theirs).output().unwrap().status.success());
    fails(&format!("setup_phases: {{conda: {}}}\n", lab.conda()), &["phase `conda`", "move it away"]);
    let kept = lab.command(&["exec", "wrong", "--", "sh", "-c", "cat ~/miniforge3/mine"]).output().unwrap();
    assert!(stdout_of(&kept).contains("mine"), "{}", stderr_of(&kept));
    // A failing user check shows its output, with secrets masked.
    let told = "secrets: {TOKEN: hunter2}\nsetup_phases: {custom: [{name: tell, run: 'true', check: 'echo \"it is $TOKEN\"; exit 1'}]}\n";
    fails(told, &["phase `custom`", "the check failed after the action succeeded: it is "]);
    let journal = std::fs::read(lab.path("data").join("journal.db")).unwrap();
    assert!(!journal.windows(7).any(|part| part == b"hunter2"), "nor is it in the journal");
    lab.fault("break", 0, "disk");
    fails(
        "setup_phases: {custom: [{name: fill, run: 'head -c 1M /dev/zero >filled'}]}\n",
        &["phase `custom` on `wrong`", "No space left"],
    );
    lab.fault("mend", 0, "disk");
    lab.fault("break", 0, "key");
    fails("setup: 'true'\n", &["host key changed"]);
}

/// Values and file names with shell syntax are never executed.
#[test]
fn values_and_file_names_are_never_executed() {
    let lab = Lab::new("inert", 1);
    let source = lab.path("odd");
    std::fs::create_dir(&source).unwrap();
    let odd = "a 'b\" $(touch gotcha)\nc";
    std::fs::write(Path::new(&source).join(odd), "odd\n").unwrap();
    let text = "workdir: @\nenvs: {EVIL: '$(touch gotcha) `touch gotcha`; touch gotcha'}\n\
                setup_phases: {custom: [{name: show, run: 'printf \"%s\\n\" \"$EVIL\" >value'}]}\n\
                setup: ls | wc -l\nrun: cat value; test ! -e gotcha && test ! -e ~/gotcha && echo inert\n";
    let file = lab.demand("inert", &text.replace('@', source.to_str().unwrap()));
    let up = process::start(lab.command(&["up", &file, "--yes"])).wait().succeeds();
    assert!(up.err.contains("$(touch gotcha) `touch gotcha`; touch gotcha") && up.err.contains("inert"), "{}", up.err);
    lab.run(&["down", "inert", "--yes"]).succeeds();
}
