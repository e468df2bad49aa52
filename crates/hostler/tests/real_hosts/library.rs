//! The library's example, as it is documented.

use std::path::PathBuf;
use std::process::Command;

use crate::lab::{Lab, said, written};

/// Beside the tests lie the examples: cargo builds them together.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/provision")
}

#[test]
fn the_example_provisions_two_hosts_and_gives_them_back() {
    let lab = Lab::new("lib", 2);
    let data = lab.path("library");
    let run = || Command::new(example()).arg(lab.list()).arg(&data).output().unwrap();
    // There are two hosts: the second time both must have been given back.
    for _ in 0..2 {
        let output = run();
        assert!(output.status.success(), "{}", said(&output));
        let text = written(&output);
        let ready = format!("example-1 is ready: debian@{}", lab.net());
        for expected in [&*ready, "example-1: hello from lib", "example-2: hello from lib"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
