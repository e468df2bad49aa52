//! hostler is killed at the start and in the middle of each phase, and the next run resumes.

use std::collections::BTreeMap;

use hostler_core::setup::{PHASES, PhaseKind};
use rustix::process::Signal;
use serde_json::Value;

use crate::lab::{Lab, facts, outcomes, program, stderr_of, stdout_of};
use crate::process;

/// Phases that run every time.
const EACH_TIME: [PhaseKind; 6] =
    [PhaseKind::WaitSsh, PhaseKind::Verify, PhaseKind::PeerSsh, PhaseKind::RayStatus, PhaseKind::Check, PhaseKind::Run];

/// Phases with output, which are killed in the middle too.
const TALKATIVE: [PhaseKind; 8] = [
    PhaseKind::System,
    PhaseKind::Packages,
    PhaseKind::Docker,
    PhaseKind::Ray,
    PhaseKind::Custom,
    PhaseKind::Python,
    PhaseKind::Setup,
    PhaseKind::Run,
];

/// Phase of a title such as `ray-start on kill-1` or `wait for SSH on kill-1`.
fn phase(title: &str) -> &str {
    match title.split(' ').next().unwrap_or_default() {
        "wait" => "wait-ssh",
        phase => phase,
    }
}

#[test]
fn killed_in_each_phase_the_next_run_resumes() {
    let facts = facts(&["0x030200 0x10de 0x1db5"]);
    program(&facts, "bin", "nvidia-smi", "echo 00000000:3B:00.0, 580.95.05");
    let nvcc = |version| format!("echo 'Cuda compilation tools, release {version}, V{version}.61'");
    for version in ["12.8", "13.0"] {
        program(&facts, &format!("cuda-{version}/bin"), "nvcc", &nvcc(version));
    }
    let lab = Lab::with("kill", 2, &["--facts", facts.path().to_str().unwrap()]);
    std::fs::create_dir(lab.path("src")).unwrap();
    std::fs::write(lab.path("src/requirements.txt"), "six==1.16.0\n").unwrap();
    let text = format!(
        "num_nodes: 2\nworkdir: {}\npackages: [jq]\npython: {{requirement_files: [requirements.txt]}}\n\
         setup_phases:\n  system: true\n  python: true\n  conda: {}\n  docker: true\n  gpu: {{cuda: '12.8'}}\n  ray: true\n  \
         custom: [{{name: slow, run: 'echo begun; sleep 1; echo custom >>~/custom'}}]\n\
         setup: echo begun; sleep 1; echo made >>~/made\nchecks: [test -e ~/made]\nrun: echo begun; sleep 1; echo ran >>~/ran\n",
        lab.path("src").display(),
        lab.conda()
    );
    let file = lab.demand("kill", &text);

    let mut worked: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |events: &str| {
        for (title, _) in outcomes(events).into_iter().filter(|(_, how)| how == "now") {
            *worked.entry(title).or_default() += 1;
        }
    };
    // `image` needs a Docker daemon: tested on a virtual machine in `real_local`.
    let here = PHASES.iter().map(|policy| policy.kind).filter(|kind| *kind != PhaseKind::Image);
    let moments = here.flat_map(|kind| {
        let amid = TALKATIVE.contains(&kind).then_some((kind, "output"));
        [(kind, "started")].into_iter().chain(amid)
    });
    for (kind, moment) in moments {
        let mut titles = BTreeMap::new();
        let mut up = process::start(lab.command(&["up", &file, "--yes", "--events", "json"]));
        let came = up.until(|line| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let step = event["step"].as_str().unwrap_or_default().to_owned();
            if let Some(title) = event["title"].as_str() {
                titles.insert(step.clone(), phase(title).to_owned());
            }
            event["event"] == moment && titles.get(&step).is_some_and(|phase| *phase == kind.to_string())
        });
        if !came {
            panic!("`{kind}` has {moment}: {}", up.wait().err);
        }
        up.signal(Signal::KILL);
        let ended = up.wait();
        assert_eq!(ended.code, None, "{kind} {moment}");
        count(&ended.err);
        let ls = lab.command(&["ls", "-o", "json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&ls.stdout).unwrap();
        assert_eq!(listed[0]["name"], "kill", "{kind} {moment}");
    }
    let done = lab.run(&["up", &file, "--yes"]).succeeds();
    count(&done.err);

    // Every phase ran once, however often hostler was killed after it, and its results exist.
    let each_time: Vec<String> = EACH_TIME.iter().map(ToString::to_string).collect();
    let twice =
        worked.iter().filter(|(title, times)| **times > 1 && !each_time.iter().any(|kind| kind == phase(title)));
    assert_eq!(twice.collect::<Vec<_>>(), Vec::new(), "{worked:?}");
    for kind in ["conda", "docker", "gpu", "ray", "custom", "python", "setup"] {
        let ended: Vec<_> = outcomes(&done.err).into_iter().filter(|(title, _)| phase(title) == kind).collect();
        assert!(ended.len() == 2 && ended.iter().all(|(_, how)| how == "already"), "{kind}: {ended:?}");
    }
    let look = "jq --version; docker --version; bash -lc 'command -v nvcc'; ~/work/.venv/bin/python -c 'import six, ray'; \
                dpkg --audit; sort ~/made ~/custom ~/ran | uniq -c; ssh kill-2 hostname";
    let there = lab.command(&["exec", "kill", "--", "sh", "-c", look]).output().unwrap();
    assert!(there.status.success(), "{}{}", stdout_of(&there), stderr_of(&there));
    let there = stdout_of(&there);
    for text in ["jq-1", "Docker version", "/usr/local/cuda-12.8/bin/nvcc"] {
        assert_eq!(there.matches(text).count(), 2, "{text}: {there}");
    }
    lab.run(&["down", "kill", "--yes"]).succeeds();
}

#[test]
fn killed_during_the_transfer_of_a_source_all_files_arrive() {
    const FILES: u32 = 16_000;
    let lab = Lab::new("cut", 1);
    let src = lab.path("src");
    for n in 0..FILES {
        let dir = src.join(format!("{:03}", n / 100));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(n.to_string()), n.to_string()).unwrap();
    }
    // Sent last, so that there is time for the kill.
    std::fs::File::create(src.join("last")).unwrap().set_len(32 << 20).unwrap();
    let file = lab.demand("cut", &format!("workdir: {}\n", src.display()));
    let shell = |script: &str| {
        let output = lab.exec(&[], &["sh", "-c", script]);
        assert!(output.status.success(), "{}", stderr_of(&output));
        stdout_of(&output)
    };

    for arrived in (1..=5).map(|part| FILES / 6 * part) {
        let mut up = process::start(lab.command(&["up", &file, "--yes", "--events", "json"]));
        assert!(up.until(|line| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            event["event"] == "started" && event["title"].as_str().is_some_and(|title| phase(title) == "source")
        }));
        shell(&format!(
            "until test -e work/.hostler/fingerprint || test \"$(find work -type f 2>/dev/null | wc -l)\" -ge {arrived}; do :; done"
        ));
        up.signal(Signal::KILL);
        let ended = up.wait();
        assert_eq!(ended.code, None, "at {arrived}: {}", ended.err);
    }
    let source = |events: &str| {
        let how = outcomes(events).into_iter().find(|(title, _)| phase(title) == "source").map(|(_, how)| how);
        how.unwrap_or_default()
    };
    assert_eq!(source(&lab.run(&["up", &file, "--yes"]).succeeds().err), "now");
    let look = "find . -path ./.hostler -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
    let here = process::shell(&format!("cd {} && {look}", src.display())).succeeds().out;
    assert!(shell(&format!("cd work && {look}")).contains(here.trim()));
    assert_eq!(source(&lab.run(&["setup", "cut", "--only", "source"]).succeeds().err), "already");
    lab.run(&["down", "cut", "--yes"]).succeeds();
}
