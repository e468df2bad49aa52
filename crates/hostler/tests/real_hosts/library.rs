//! The library's documented example.

use std::path::PathBuf;
use std::process::Command;

use crate::lab::{Lab, stderr_of, stdout_of};

/// Path of the example, which cargo builds next to the tests.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples/provision")
}

#[test]
fn example_provisions_two_hosts_and_releases_them() {
    let lab = Lab::new("lib", 2);
    let data = lab.path("library");
    let run = || Command::new(example()).arg(lab.list()).arg(&data).output().unwrap();
    // There are two hosts: the second run needs both to be released.
    for _ in 0..2 {
        let output = run();
        assert!(output.status.success(), "{}", stderr_of(&output));
        let text = stdout_of(&output);
        let ready = format!("example-1 is ready: debian@{}", lab.net());
        for expected in [&*ready, "example-1: hello from lib", "example-2: hello from lib"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
