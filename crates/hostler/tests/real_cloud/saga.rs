//! The saga matrix on a real cloud: `kill -9` after each journal entry, Ctrl-C and SIGTERM after some.

use rustix::process::Signal;

use crate::lab::Lab;
use crate::process::Ended;

const DEMAND: &str = "resources: {instance_type: compute_skylake}\nlease: {duration: 2h}\n";

/// Starts an `up` and signals it after `entries` journal entries; `None` if it writes fewer.
fn up_interrupted(lab: &Lab, file: &str, entries: u64, signal: Signal) -> Option<Ended> {
    let mut up = lab.start(&["up", file, "--yes", "--events", "json"]);
    let number = format!("\"number\":{entries}}}");
    if !up.until(|line| {
        line.contains("\"journaled\"") && line.trim_end().trim_end_matches('}').ends_with(&number[..number.len() - 1])
    }) {
        up.wait().succeeds();
        return None;
    }
    up.signal(signal);
    Some(up.wait())
}

/// `down` deletes everything a killed process left, also after `up` has resumed.
#[test]
fn killed_after_every_entry() {
    let mut cases = 0;
    for entries in 1.. {
        let lab = Lab::new();
        let file = lab.demand("saga", DEMAND);
        let Some(ended) = up_interrupted(&lab, &file, entries, Signal::KILL) else {
            lab.hostler(&["down", "saga", "--yes"]).succeeds();
            lab.assert_nothing_left("an `up` that was not struck");
            break;
        };
        assert_eq!(ended.code, None, "entry {entries}: {}", ended.err);
        if entries % 4 == 0 {
            lab.hostler(&["up", "saga", "--yes"]).succeeds();
            lab.hostler(&["exec", "saga", "--", "true"]).succeeds();
        }
        lab.hostler(&["down", "saga", "--yes"]).succeeds();
        lab.assert_nothing_left(&format!("killed after entry {entries}"));
        cases += 1;
    }
    assert!(cases >= 12, "{cases}");
    println!("saga: {cases} cases of a real kill -9 on a real cloud");
}

#[test]
fn killed_during_down_and_then_swept() {
    let lab = Lab::new();
    let file = lab.demand("saga", DEMAND);
    lab.hostler(&["up", &file, "--yes"]).succeeds();
    let mut down = lab.start(&["down", "saga", "--yes", "--events", "json"]);
    assert!(down.until(|line| line.contains("\"undoing\"")));
    down.signal(Signal::KILL);
    down.wait();
    lab.hostler(&["sweep", "--yes"]).succeeds();
    lab.assert_nothing_left("a `down` that was killed, then a sweep");
}

#[test]
fn interrupted_at_any_time_it_rolls_back() {
    for (entries, signal) in [(3, Signal::INT), (5, Signal::TERM), (7, Signal::INT)] {
        let lab = Lab::new();
        let file = lab.demand("saga", DEMAND);
        let ended = up_interrupted(&lab, &file, entries, signal).expect("it writes more");
        assert_eq!(ended.code, Some(130), "entry {entries}: {}", ended.err);
        lab.assert_nothing_left(&format!("interrupted after entry {entries}"));
    }
}
