//! Python projects in TOML: `pyproject.toml`, `Pipfile`, and lock files.

use std::collections::BTreeSet;

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::node::{self, DocNode, DocValue};
use super::{packages, python_version};

/// Scans `pyproject.toml`: a package if it can be built, otherwise a list of requirements.
pub(super) fn scan_pyproject(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::toml(text)) else { return };
    let requirements: Vec<&DocNode> =
        file.at(&["project", "dependencies"]).map_or(Vec::new(), |list| list.items().iter().collect());
    note_all(findings, &requirements, Confidence::Implied);
    for group in [file.at(&["project", "optional-dependencies"]), file.get("dependency-groups")].into_iter().flatten() {
        for (_, list) in group.entries() {
            note_all(findings, &list.items().iter().collect::<Vec<_>>(), Confidence::Guessed);
        }
    }
    if let Some((range, line)) = file.at(&["project", "requires-python"]).and_then(scalar) {
        python_version::note_range(findings, range, line);
    }
    scan_poetry(findings, &file);
    note_indexes(findings, &file);
    if let Some(line) = builds(&file) {
        if findings.at_top() {
            findings.add(ScanFact::InstallProject, Confidence::Implied, line, "pyproject.toml");
        }
    } else if findings.at_top() {
        requirements.into_iter().filter_map(scalar).for_each(|(text, line)| findings.requirement(text, line));
    }
}

/// Line of the build system; `None` if there is none or packaging is switched off.
fn builds(file: &DocNode) -> Option<u32> {
    let switched_off = |path: &[&str]| file.at(path).is_some_and(|node| node.value == DocValue::Bool(false));
    if switched_off(&["tool", "uv", "package"]) || switched_off(&["tool", "poetry", "package-mode"]) {
        return None;
    }
    file.get("build-system").map(|node| node.line)
}

fn scan_poetry(findings: &mut FileFindings<'_>, file: &DocNode) {
    let Some(poetry) = file.at(&["tool", "poetry"]) else { return };
    if let Some(dependencies) = poetry.get("dependencies") {
        if let Some((range, line)) = dependencies.get("python").and_then(scalar) {
            python_version::note_range(findings, range, line);
        }
        note_table(findings, dependencies, Confidence::Implied);
        if builds(file).is_none() && findings.at_top() {
            let text = "poetry's dependencies are not installed, since there is no package to build: export them to \
                        `requirements.txt`, or install them in `setup`";
            findings.problem(dependencies.line, text);
        }
    }
    for (_, group) in poetry.get("group").map_or(&[][..], DocNode::entries) {
        if let Some(dependencies) = group.get("dependencies") {
            note_table(findings, dependencies, Confidence::Guessed);
        }
    }
}

/// Scans a `Pipfile`. Its packages are recorded as requirements, since pip can't read the file.
pub(super) fn scan_pipfile(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::toml(text)) else { return };
    for key in ["python_version", "python_full_version"] {
        if let Some((version, line)) = file.at(&["requires", key]).and_then(scalar) {
            python_version::note(findings, version, line, Confidence::Stated);
        }
    }
    note_indexes(findings, &file);
    if let Some(listed) = file.get("packages") {
        note_table(findings, listed, Confidence::Implied);
        if findings.at_top() {
            table(listed).for_each(|(text, line)| findings.requirement(&text, line));
        }
    }
    if let Some(listed) = file.get("dev-packages") {
        note_table(findings, listed, Confidence::Guessed);
    }
}

/// Scans `poetry.lock`, `uv.lock` or `pdm.lock`: a list of packages.
pub(super) fn scan_lock(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::toml(text)) else { return };
    let list = file.get("package").map_or(&[][..], DocNode::items);
    let pin = |entry: &DocNode| {
        let (name, line) = entry.get("name").and_then(scalar)?;
        let version = entry.get("version").and_then(scalar).map_or("", |(version, _)| version);
        let optional = entry.get("optional").is_some_and(|node| node.value == DocValue::Bool(true));
        Some((format!("{name}=={version}"), line, optional))
    };
    note_pins(findings, list.iter().filter_map(pin).collect());
}

/// Scans `Pipfile.lock`: a map of packages under `default`.
pub(super) fn scan_pipfile_lock(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::jsonc(text)) else { return };
    let listed = file.get("default").map_or(&[][..], DocNode::entries);
    let pin = |(name, entry): &(String, DocNode)| {
        let version = entry.get("version").and_then(scalar).map_or("", |(version, _)| version);
        (format!("{name}{version}"), entry.line, false)
    };
    note_pins(findings, listed.iter().map(pin).collect());
}

/// Records the pins of a lock file. If it contains a build with CUDA and one without, neither is required.
fn note_pins(findings: &mut FileFindings<'_>, pins: Vec<(String, u32, bool)>) {
    let parse = |text| packages::PipRequirement::parse(text);
    let cpu_builds: BTreeSet<String> =
        pins.iter().filter_map(|(text, ..)| parse(text)).filter(|pin| pin.is_cpu_build()).map(|pin| pin.name).collect();
    for (text, line, optional) in &pins {
        let is_choice = parse(text).is_some_and(|pin| cpu_builds.contains(&pin.name));
        let most = if *optional || is_choice { Confidence::Guessed } else { Confidence::Implied };
        packages::note(findings, text, *line, most);
    }
}

/// Records GPU requirements of a list of packages.
fn note_all(findings: &mut FileFindings<'_>, list: &[&DocNode], most: Confidence) {
    for (text, line) in list.iter().copied().filter_map(scalar) {
        packages::note(findings, text, line, most);
    }
}

/// Records GPU requirements of a table of packages.
fn note_table(findings: &mut FileFindings<'_>, listed: &DocNode, most: Confidence) {
    for (name, entry) in listed.entries() {
        let optional = entry.get("optional").is_some_and(|node| node.value == DocValue::Bool(true));
        let most = if optional { Confidence::Guessed } else { most };
        packages::note(findings, &as_requirement(name, entry), entry.line, most);
    }
}

/// Packages of a table, as requirements.
fn table(listed: &DocNode) -> impl Iterator<Item = (String, u32)> {
    listed.entries().iter().map(|(name, entry)| (as_requirement(name, entry), entry.line))
}

/// Converts `torch = {version = "==2.1.0+cu118", extras = ["x"], markers = "…"}` to one line.
fn as_requirement(name: &str, entry: &DocNode) -> String {
    let part = |key| entry.get(key).and_then(scalar).map_or("", |(text, _)| text);
    let version = entry.scalar().unwrap_or(part("version"));
    let version = match version {
        "*" => String::new(),
        exact if exact.starts_with(|c: char| c.is_ascii_digit()) => format!("=={exact}"),
        other => other.to_owned(),
    };
    let extras: Vec<&str> =
        entry.get("extras").map_or(Vec::new(), |list| list.items().iter().filter_map(DocNode::scalar).collect());
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let marker = if part("markers").is_empty() { String::new() } else { format!("; {}", part("markers")) };
    format!("{name}{extras}{version}{marker}")
}

/// Records the package indexes of Pipenv, Poetry and uv.
fn note_indexes(findings: &mut FileFindings<'_>, file: &DocNode) {
    for path in [&["source"][..], &["tool", "poetry", "source"], &["tool", "uv", "index"]] {
        for source in file.at(path).map_or(&[][..], DocNode::items) {
            if let Some((url, line)) = source.get("url").and_then(scalar) {
                packages::note_index(findings, url, line, Confidence::Implied);
            }
        }
    }
}

fn scalar(node: &DocNode) -> Option<(&str, u32)> {
    Some((node.scalar()?, node.line))
}
