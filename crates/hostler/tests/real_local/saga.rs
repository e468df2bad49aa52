//! A handful of the saga matrix on real libvirt: a real `kill -9`, Ctrl-C and SIGTERM after entries of the journal, and
//! what `up`, `down` and `sweep` make of what is left.

use rustix::process::Signal;

use crate::lab::Lab;
use crate::process::Ended;

const DEMAND: &str = "name: saga\nnum_nodes: 2\nresources: {cpus: 1, memory: 0.5, disk_size: 3}\n";

/// Starts an `up`, and sends it a signal as soon as it has written so many entries.
fn up_struck(lab: &Lab, file: &str, entries: u64, signal: Signal) -> Ended {
    let mut up = lab.start(&["up", file, "--events", "json"]);
    let number = format!("\"number\":{entries}");
    assert!(up.until(|line| line.contains("\"journaled\"") && line.contains(&number)), "fewer than {entries} entries");
    up.signal(signal);
    up.wait()
}

/// What a killed process left is given back by `down`, whatever it was doing.
#[test]
fn killed_after_an_entry_then_down() {
    let mut cases = 0;
    for entries in 1..=8 {
        let lab = Lab::new();
        let file = lab.demand("saga.yaml", DEMAND);
        let ended = up_struck(&lab, &file, entries, Signal::KILL);
        assert_eq!(ended.code, None, "entry {entries}: {}", ended.err);
        let swept = lab.hostler(&["sweep", "--dry-run", "-o", "json"]).succeeds();
        assert!(swept.out.contains("\"saga\""), "a sweep names it: {}", swept.out);
        lab.hostler(&["down", "saga", "--yes"]).succeeds();
        lab.assert_nothing_left();
        cases += 1;
    }
    println!("saga: {cases} cases of a real kill -9 on real libvirt, then down");
}

/// What a killed process began is finished by the next `up`, with nothing made twice.
#[test]
fn killed_while_machines_are_made_then_up() {
    let lab = Lab::new();
    let file = lab.demand("saga.yaml", DEMAND);
    up_struck(&lab, &file, 5, Signal::KILL);
    lab.hostler(&["up", "saga"]).succeeds();
    assert_eq!(lab.virsh(&["list", "--all", "--name"]).split_whitespace().count(), 2);
    lab.hostler(&["exec", "saga", "--", "true"]).succeeds();

    // And a `down` that is killed in the middle is finished by the next one.
    let mut down = lab.start(&["down", "saga", "--yes", "--events", "json"]);
    assert!(down.until(|line| line.contains("\"undoing\"")));
    down.signal(Signal::KILL);
    down.wait();
    lab.hostler(&["sweep", "--yes"]).succeeds();
    lab.assert_nothing_left();
}

#[test]
fn interrupted_at_any_time_everything_is_given_back() {
    for (entries, signal) in [(2, Signal::INT), (4, Signal::TERM), (6, Signal::INT), (8, Signal::TERM)] {
        let lab = Lab::new();
        let file = lab.demand("saga.yaml", DEMAND);
        let ended = up_struck(&lab, &file, entries, signal);
        assert_eq!(ended.code, Some(130), "entry {entries}: {}", ended.err);
        lab.assert_nothing_left();
    }
}
