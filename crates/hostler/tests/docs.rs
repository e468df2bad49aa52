//! The pages that are made from the program say what it does. `UPDATE_DOCS=1 cargo test -p hostler` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::path::{Path, PathBuf};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[track_caller]
fn check(name: &str, expected: &str) {
    let path = page(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "`docs/{name}` is not what the program says: run `UPDATE_DOCS=1 cargo test -p hostler`");
}

#[test]
fn the_command_line_is_told_as_it_is() {
    check("reference/cli.md", &hostler::reference::cli());
}

#[test]
fn the_matrix_of_drivers_is_told_as_it_is() {
    check("reference/gpu.md", &hostler::reference::gpu());
}

/// A page with the table below a heading put in anew.
fn with_table(text: &str, heading: &str, table: &str) -> String {
    let (before, part) = text.split_once(heading).unwrap_or_else(|| panic!("no `{heading}`"));
    let is_row = |line: &&str| line.starts_with('|');
    let intro: String = part.split_inclusive('\n').take_while(|line| !is_row(line)).collect();
    let after: String = part.split_inclusive('\n').skip_while(|line| !is_row(line)).skip_while(is_row).collect();
    format!("{before}{heading}{intro}{table}{after}")
}

#[test]
fn exit_codes_and_kinds_are_told_as_they_are() {
    let (exits, kinds) = hostler::error::tables();
    let text = std::fs::read_to_string(page("errors.md")).unwrap();
    check("errors.md", &with_table(&with_table(&text, "## Exit codes", &exits), "## Kinds", &kinds));
}
