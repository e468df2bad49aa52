//! The checks of hostler's own source text. `./x check NAME` prints the findings of one.

use std::fmt::Display;

use hostler_checks::Repository;

#[track_caller]
fn none<T: Display>(found: &[T]) {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn modules_with_children_lie_in_mod_rs() {
    none(&Repository::here().layout());
}

#[test]
fn every_file_can_be_checked() {
    let repository = Repository::here();
    repository.circles().expect("valid Rust");
    repository.phrases().expect("valid Rust");
    assert!(repository.openings().comments > 1000);
}
