//! The rules for hostler's own source text. `./x check NAME` prints the findings of one.

use std::fmt::Display;

use hostler_checks::{Finding, Repository};

/// Findings of rules that are younger than the code. They may only shrink: lower a number here when you remove some.
const CIRCLES: usize = 43;
const PHRASES: usize = 57;
const COMMAND_LINE: usize = 0;
/// Doc comments that may open with a word like What or Whether, in percent.
const OPENINGS: f64 = 5.2;

#[track_caller]
fn at_most<T: Display>(limit: usize, found: Result<Vec<T>, Finding>) {
    let found = found.unwrap_or_else(|finding| panic!("{finding}"));
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.len() <= limit, "{} findings, at most {limit} allowed:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn modules_with_children_lie_in_mod_rs() {
    at_most(0, Ok(Repository::here().layout()));
}

#[test]
fn files_of_a_crate_do_not_use_each_other() {
    at_most(CIRCLES, Repository::here().circles());
}

#[test]
fn users_read_no_banned_phrase() {
    at_most(PHRASES, Repository::here().phrases());
}

#[test]
fn library_crates_do_not_mention_the_command_line() {
    at_most(COMMAND_LINE, Repository::here().command_line());
}

#[test]
fn doc_comments_open_with_what_they_document() {
    let openings = Repository::here().openings();
    assert!(openings.comments > 1000, "only {} doc comments found", openings.comments);
    if openings.percent() > OPENINGS {
        at_most(0, Ok(openings.bad));
    }
}
