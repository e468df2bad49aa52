//! Conda's `environment.yml`.

use super::finding::{Confidence, Fact};
use super::node::{self, Node};
use super::notes::Notes;
use super::{packages, python_version};

/// Notes what an environment says. Its conda packages are evidence, and are not installed: their names are not pip's.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::yaml(text)) else { return };
    let Some(dependencies) = file.get("dependencies") else { return };
    if notes.at_top() {
        notes.add_for_file(Fact::CondaFile(notes.file.to_owned()), Confidence::Stated);
    }
    let mut for_conda = 0;
    for entry in dependencies.items() {
        if let Some(text) = entry.scalar() {
            for_conda += usize::from(scan_package(notes, text, entry.line));
        } else if let Some(list) = entry.get("pip") {
            scan_pip(notes, list);
        }
    }
    if for_conda > 0 && notes.at_top() {
        let text = format!(
            "{for_conda} conda packages are installed only where conda is wished for: `setup_phases: {{conda: true}}`"
        );
        notes.problem(dependencies.line, text);
    }
}

/// One of conda's own packages: `channel::name=version=build`. Says whether it is one that would have to be installed.
fn scan_package(notes: &mut Notes<'_>, text: &str, line: u32) -> bool {
    let package = text.rsplit("::").next().unwrap_or(text).trim();
    let end = package.find(|c: char| "=<>! ".contains(c)).unwrap_or(package.len());
    let (name, version) = (&package[..end], package[end..].trim().trim_start_matches('='));
    match name {
        "python" => {
            match python_version::major_minor(version) {
                Some(_) if package[end..].starts_with('=') => {
                    python_version::note(notes, version, line, Confidence::Stated);
                }
                _ => python_version::note_range(notes, package[end..].trim(), line),
            }
            return false;
        }
        "pip" | "setuptools" | "wheel" => return false,
        "pytorch-cuda" | "cudatoolkit" | "cuda-toolkit" | "cuda-version" | "cuda" | "cuda-runtime" | "cudnn" => {
            let cuda = if name == "cudnn" { None } else { numbers(version) };
            packages::note_gpu(notes, cuda, Confidence::Implied, line, text);
        }
        _ => packages::note(notes, name, line, Confidence::Implied),
    }
    true
}

fn scan_pip(notes: &mut Notes<'_>, list: &Node) {
    for (text, line) in list.items().iter().filter_map(|item| Some((item.scalar()?.trim(), item.line))) {
        if let Some(file) = text.strip_prefix("-r ").map(str::trim) {
            if notes.at_top() && notes.has_file(file) {
                notes.add(Fact::RequirementFile(file.to_owned()), Confidence::Implied, line, text);
            }
        } else if let Some((_, url)) = text.split_once("index-url") {
            packages::note_index(notes, url.trim_start_matches(['=', ' ']), line, Confidence::Implied);
        } else if !text.starts_with('-') {
            packages::note(notes, text, line, Confidence::Implied);
            if notes.at_top() {
                notes.requirement(text, line);
            }
        }
    }
}

/// `11.8` of `11.8.0`; nothing where there are no numbers.
fn numbers(version: &str) -> Option<String> {
    let digits = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    let parts: Vec<&str> = version[..digits].split('.').filter(|part| !part.is_empty()).take(2).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}
