//! Samples of the saga matrix on libvirt: `kill -9`, Ctrl-C and SIGTERM after journal entries, followed by `up`, `down` or
//! `sweep`.

use rustix::process::Signal;

use crate::lab::Lab;
use crate::process::Ended;

const DEMAND: &str = "name: saga\nnum_nodes: 2\nresources: {cpus: 1, memory: 0.5, disk_size: 3}\n";

/// Starts an `up` and signals it after `entries` journal entries.
fn up_interrupted(lab: &Lab, file: &str, entries: u64, signal: Signal) -> Ended {
    let mut up = lab.start(&["up", file, "--events", "json"]);
    let number = format!("\"number\":{entries}");
    assert!(up.until(|line| line.contains("\"journaled\"") && line.contains(&number)), "fewer than {entries} entries");
    up.signal(signal);
    up.wait()
}

/// `down` deletes everything a killed process left, at any point.
#[test]
fn killed_after_an_entry_then_down() {
    let mut cases = 0;
    for entries in 1..=8 {
        let lab = Lab::new();
        let file = lab.demand("saga.yaml", DEMAND);
        let ended = up_interrupted(&lab, &file, entries, Signal::KILL);
        assert_eq!(ended.code, None, "entry {entries}: {}", ended.err);
        let swept = lab.hostler(&["sweep", "--dry-run", "-o", "json"]).succeeds();
        assert!(swept.out.contains("\"saga\""), "a sweep names it: {}", swept.out);
        lab.hostler(&["down", "saga", "--yes"]).succeeds();
        lab.assert_nothing_left();
        cases += 1;
    }
    println!("saga: {cases} cases of a real kill -9 on real libvirt, then down");
}

/// `up` resumes after a kill, and creates nothing twice.
#[test]
fn killed_while_creating_machines_then_up() {
    let lab = Lab::new();
    let file = lab.demand("saga.yaml", DEMAND);
    up_interrupted(&lab, &file, 5, Signal::KILL);
    lab.hostler(&["up", "saga"]).succeeds();
    assert_eq!(lab.virsh(&["list", "--all", "--name"]).split_whitespace().count(), 2);
    lab.hostler(&["exec", "saga", "--", "true"]).succeeds();

    // A killed `down` is completed by the next one.
    let mut down = lab.start(&["down", "saga", "--yes", "--events", "json"]);
    assert!(down.until(|line| line.contains("\"undoing\"")));
    down.signal(Signal::KILL);
    down.wait();
    lab.hostler(&["sweep", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

#[test]
fn interrupted_at_any_time_it_rolls_back() {
    for (entries, signal) in [(2, Signal::INT), (4, Signal::TERM), (6, Signal::INT), (8, Signal::TERM)] {
        let lab = Lab::new();
        let file = lab.demand("saga.yaml", DEMAND);
        let ended = up_interrupted(&lab, &file, entries, signal);
        assert_eq!(ended.code, Some(130), "entry {entries}: {}", ended.err);
        lab.assert_nothing_left();
    }
}
