//! Python projects as TOML describes them: `pyproject.toml`, `Pipfile`, and the lock files.

use std::collections::BTreeSet;

use super::finding::{Confidence, Fact};
use super::node::{self, Node, Value};
use super::notes::Notes;
use super::{packages, python_version};

/// `pyproject.toml`: a package where it can be built, else only a list of requirements.
pub(super) fn scan_pyproject(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::toml(text)) else { return };
    let requirements: Vec<&Node> =
        file.at(&["project", "dependencies"]).map_or(Vec::new(), |list| list.items().iter().collect());
    note_all(notes, &requirements, Confidence::Implied);
    for group in [file.at(&["project", "optional-dependencies"]), file.get("dependency-groups")].into_iter().flatten() {
        for (_, list) in group.entries() {
            note_all(notes, &list.items().iter().collect::<Vec<_>>(), Confidence::Guessed);
        }
    }
    if let Some((range, line)) = file.at(&["project", "requires-python"]).and_then(scalar) {
        python_version::note_range(notes, range, line);
    }
    scan_poetry(notes, &file);
    note_indexes(notes, &file);
    if let Some(line) = builds(&file) {
        if notes.at_top() {
            notes.add(Fact::InstallProject, Confidence::Implied, line, "pyproject.toml");
        }
    } else if notes.at_top() {
        requirements.into_iter().filter_map(scalar).for_each(|(text, line)| notes.requirement(text, line));
    }
}

/// The line that makes it a package: a build system is named, and nobody says that there is nothing to build.
fn builds(file: &Node) -> Option<u32> {
    let switched_off = |path: &[&str]| file.at(path).is_some_and(|node| node.value == Value::Bool(false));
    if switched_off(&["tool", "uv", "package"]) || switched_off(&["tool", "poetry", "package-mode"]) {
        return None;
    }
    file.get("build-system").map(|node| node.line)
}

fn scan_poetry(notes: &mut Notes<'_>, file: &Node) {
    let Some(poetry) = file.at(&["tool", "poetry"]) else { return };
    if let Some(dependencies) = poetry.get("dependencies") {
        if let Some((range, line)) = dependencies.get("python").and_then(scalar) {
            python_version::note_range(notes, range, line);
        }
        note_table(notes, dependencies, Confidence::Implied);
        if builds(file).is_none() && notes.at_top() {
            let text = "poetry's dependencies are not installed where there is no package to build: export them to \
                        `requirements.txt`, or install them in `setup`";
            notes.problem(dependencies.line, text);
        }
    }
    for (_, group) in poetry.get("group").map_or(&[][..], Node::entries) {
        if let Some(dependencies) = group.get("dependencies") {
            note_table(notes, dependencies, Confidence::Guessed);
        }
    }
}

/// `Pipfile`: what is listed is installed, since pip cannot read the file itself.
pub(super) fn scan_pipfile(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::toml(text)) else { return };
    for key in ["python_version", "python_full_version"] {
        if let Some((version, line)) = file.at(&["requires", key]).and_then(scalar) {
            python_version::note(notes, version, line, Confidence::Stated);
        }
    }
    note_indexes(notes, &file);
    if let Some(listed) = file.get("packages") {
        note_table(notes, listed, Confidence::Implied);
        if notes.at_top() {
            table(listed).for_each(|(text, line)| notes.requirement(&text, line));
        }
    }
    if let Some(listed) = file.get("dev-packages") {
        note_table(notes, listed, Confidence::Guessed);
    }
}

/// `poetry.lock`, `uv.lock` and `pdm.lock`: a list of packages.
pub(super) fn scan_lock(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::toml(text)) else { return };
    let list = file.get("package").map_or(&[][..], Node::items);
    let pin = |entry: &Node| {
        let (name, line) = entry.get("name").and_then(scalar)?;
        let version = entry.get("version").and_then(scalar).map_or("", |(version, _)| version);
        let optional = entry.get("optional").is_some_and(|node| node.value == Value::Bool(true));
        Some((format!("{name}=={version}"), line, optional))
    };
    note_pins(notes, list.iter().filter_map(pin).collect());
}

/// `Pipfile.lock`: a map of packages under `default`.
pub(super) fn scan_pipfile_lock(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::jsonc(text)) else { return };
    let listed = file.get("default").map_or(&[][..], Node::entries);
    let pin = |(name, entry): &(String, Node)| {
        let version = entry.get("version").and_then(scalar).map_or("", |(version, _)| version);
        (format!("{name}{version}"), entry.line, false)
    };
    note_pins(notes, listed.iter().map(pin).collect());
}

/// Notes the pins of a lock file. One that holds builds with CUDA and without needs neither.
fn note_pins(notes: &mut Notes<'_>, pins: Vec<(String, u32, bool)>) {
    let parse = |text| packages::Requirement::parse(text);
    let for_processors: BTreeSet<String> = pins
        .iter()
        .filter_map(|(text, ..)| parse(text))
        .filter(|pin| pin.is_for_processors())
        .map(|pin| pin.name)
        .collect();
    for (text, line, optional) in &pins {
        let is_choice = parse(text).is_some_and(|pin| for_processors.contains(&pin.name));
        let most = if *optional || is_choice { Confidence::Guessed } else { Confidence::Implied };
        packages::note(notes, text, *line, most);
    }
}

/// Notes what the packages of a list say.
fn note_all(notes: &mut Notes<'_>, list: &[&Node], most: Confidence) {
    for (text, line) in list.iter().copied().filter_map(scalar) {
        packages::note(notes, text, line, most);
    }
}

/// Notes what the packages of a table say.
fn note_table(notes: &mut Notes<'_>, listed: &Node, most: Confidence) {
    for (name, entry) in listed.entries() {
        let optional = entry.get("optional").is_some_and(|node| node.value == Value::Bool(true));
        let most = if optional { Confidence::Guessed } else { most };
        packages::note(notes, &as_requirement(name, entry), entry.line, most);
    }
}

/// The packages of a table, as requirements.
fn table(listed: &Node) -> impl Iterator<Item = (String, u32)> {
    listed.entries().iter().map(|(name, entry)| (as_requirement(name, entry), entry.line))
}

/// `torch = {version = "==2.1.0+cu118", extras = ["x"], markers = "…"}` in one line.
fn as_requirement(name: &str, entry: &Node) -> String {
    let part = |key| entry.get(key).and_then(scalar).map_or("", |(text, _)| text);
    let version = entry.scalar().unwrap_or(part("version"));
    let version = match version {
        "*" => String::new(),
        exact if exact.starts_with(|c: char| c.is_ascii_digit()) => format!("=={exact}"),
        other => other.to_owned(),
    };
    let extras: Vec<&str> =
        entry.get("extras").map_or(Vec::new(), |list| list.items().iter().filter_map(Node::scalar).collect());
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let marker = if part("markers").is_empty() { String::new() } else { format!("; {}", part("markers")) };
    format!("{name}{extras}{version}{marker}")
}

/// Notes the package indexes of Pipenv, Poetry and uv.
fn note_indexes(notes: &mut Notes<'_>, file: &Node) {
    for path in [&["source"][..], &["tool", "poetry", "source"], &["tool", "uv", "index"]] {
        for source in file.at(path).map_or(&[][..], Node::items) {
            if let Some((url, line)) = source.get("url").and_then(scalar) {
                packages::note_index(notes, url, line, Confidence::Implied);
            }
        }
    }
}

fn scalar(node: &Node) -> Option<(&str, u32)> {
    Some((node.scalar()?, node.line))
}
