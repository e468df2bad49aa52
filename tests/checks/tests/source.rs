//! The rules for hostler's own source text. `./x check NAME` prints the findings of one.

use std::fmt::Display;

use hostler_checks::{Finding, OPENINGS_ALLOWED, Repository};

#[track_caller]
fn none<T: Display>(found: Result<Vec<T>, Finding>) {
    let found = found.unwrap_or_else(|finding| panic!("{finding}"));
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn modules_with_children_lie_in_mod_rs() {
    none(Ok(Repository::here().layout()));
}

#[test]
fn files_of_a_crate_do_not_use_each_other() {
    none(Repository::here().circles());
}

#[test]
fn type_names_are_defined_once() {
    none(Repository::here().type_names());
}

#[test]
fn users_read_no_banned_phrase() {
    none(Repository::here().phrases());
}

#[test]
fn developers_read_no_banned_phrase() {
    none(Repository::here().phrases_in_comments());
}

#[test]
fn library_crates_do_not_mention_the_command_line() {
    none(Repository::here().command_line());
}

#[test]
fn doc_comments_open_with_what_they_document() {
    let openings = Repository::here().openings();
    assert!(openings.comments > 1000, "only {} doc comments found", openings.comments);
    if openings.percent() >= OPENINGS_ALLOWED {
        none(Ok(openings.bad));
    }
}
