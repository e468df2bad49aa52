//! Generated documentation is up to date, and paths named in documentation exist. `UPDATE_DOCS=1 cargo test -p hostler
//! --test docs` regenerates the pages.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

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
    assert!(found == expected, "`docs/{name}` is out of date: run `UPDATE_DOCS=1 cargo test -p hostler --test docs`");
}

#[test]
fn command_line_reference_is_up_to_date() {
    check("reference/cli.md", &hostler::reference::cli());
}

#[test]
fn gpu_reference_is_up_to_date() {
    check("reference/gpu.md", &hostler::reference::gpu());
}

/// A page with the table below a heading replaced.
fn with_table(text: &str, heading: &str, table: &str) -> String {
    let (before, part) = text.split_once(heading).unwrap_or_else(|| panic!("no `{heading}`"));
    let is_row = |line: &&str| line.starts_with('|');
    let intro: String = part.split_inclusive('\n').take_while(|line| !is_row(line)).collect();
    let after: String = part.split_inclusive('\n').skip_while(|line| !is_row(line)).skip_while(is_row).collect();
    format!("{before}{heading}{intro}{table}{after}")
}

#[test]
fn exit_codes_and_error_kinds_are_up_to_date() {
    let (exits, kinds) = hostler::error::tables();
    let text = std::fs::read_to_string(page("errors.md")).unwrap();
    check("errors.md", &with_table(&with_table(&text, "## Exit codes", &exits), "## Kinds", &kinds));
}

#[test]
fn table_of_phases_is_up_to_date() {
    let text = std::fs::read_to_string(page("reference/phases.md")).unwrap();
    check("reference/phases.md", &with_table(&text, "## The phases", &hostler::reference::phases()));
}

/// Paths of the repository in backticks, such as `crates/core/src/plan/mod.rs` or `docs/errors.md`.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let roots = ["crates/", "docs/", "examples/", "tests/", "benches/"];
        roots.iter().any(|root| text.starts_with(root)) && !text.contains([' ', '*', '<', '{'])
    };
    quoted.filter(is_path).map(|path| path.split("::").next().unwrap_or(path)).collect()
}

#[test]
fn paths_in_documentation_exist() {
    let mut missing = Vec::new();
    for name in ["vocabulary.md", "architecture.md", "reference/json.md", "../CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(page(name)).unwrap();
        let absent = |path: &&str| !page("..").join(path).exists();
        missing.extend(paths(&text).into_iter().filter(absent).map(|path| format!("{name}: {path}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Targets of relative links in Markdown.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    local.map(|target| target.split('#').next().unwrap_or(target)).collect()
}

/// All Markdown files below a directory.
fn pages(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => pages(&path, found),
            Some(extension) if extension == "md" => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn links_between_documents_resolve() {
    let mut documents = vec![page("../README.md"), page("../CHANGELOG.md"), page("../CONTRIBUTING.md")];
    pages(&page("."), &mut documents);
    let mut broken = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        let is_broken = |target: &&str| !document.parent().unwrap().join(target).exists();
        broken.extend(
            links(&text).into_iter().filter(is_broken).map(|target| format!("{}: {target}", document.display())),
        );
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
