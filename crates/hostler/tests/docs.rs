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

#[test]
fn phases_are_told_as_they_are() {
    let text = std::fs::read_to_string(page("reference/phases.md")).unwrap();
    check("reference/phases.md", &with_table(&text, "## The phases", &hostler::reference::phases()));
}

/// A row of a table, by its cells.
fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())
}

/// Whether a file has a test of this name: a function with an attribute that ends in `test`.
fn has_test(text: &str, name: &str) -> bool {
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| heads.iter().any(|head| line.starts_with(head.as_str())));
    starts.into_iter().any(|(at, _)| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("#[") || line.starts_with("///")).any(|line| line.contains("test]"))
    })
}

/// `A12` is case 12 of series `A`.
fn number(case: &str) -> Option<(char, u32)> {
    let series = case.chars().next().filter(char::is_ascii_uppercase)?;
    Some((series, case[1..].parse().ok()?))
}

#[test]
fn every_accepted_case_is_proved_by_tests_that_are_there() {
    let text = std::fs::read_to_string(page("acceptance.md")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().filter_map(cells).filter(|cells| number(cells[0]).is_some()).collect();
    let numbers: Vec<(char, u32)> = rows.iter().filter_map(|cells| number(cells[0])).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "each case once, in their order: {numbers:?}");
    for cells in &rows {
        let [case, _, tests] = cells.as_slice() else { panic!("three cells: {cells:?}") };
        let named: Vec<&str> = tests.split(", ").map(|test| test.trim_matches('`')).collect();
        for test in named {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{case}: `{test}` names no test"));
            let source = std::fs::read_to_string(page("..").join(file)).unwrap_or_default();
            assert!(has_test(&source, name), "{case}: there is no test `{name}` in `{file}`");
        }
    }
}
