//! Conda's `environment.yml`.

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::node::{self, DocNode};
use super::{packages, python_version};

/// Records findings of an environment file. Its conda packages are evidence only: pip may not have packages of these
/// names.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::yaml(text)) else { return };
    let Some(dependencies) = file.get("dependencies") else { return };
    if findings.at_top() {
        findings.add_for_file(ScanFact::CondaFile(findings.file.to_owned()), Confidence::Stated);
    }
    let mut for_conda = 0;
    for entry in dependencies.items() {
        if let Some(text) = entry.scalar() {
            for_conda += usize::from(scan_package(findings, text, entry.line));
        } else if let Some(list) = entry.get("pip") {
            scan_pip(findings, list);
        }
    }
    if for_conda > 0 && findings.at_top() {
        let text = format!(
            "{for_conda} conda packages are installed only if conda is requested: `setup_phases: {{conda: true}}`"
        );
        findings.problem(dependencies.line, text);
    }
}

/// Records a conda package, `channel::name=version=build`. Returns true if a conda environment would be needed to
/// install it.
fn scan_package(findings: &mut FileFindings<'_>, text: &str, line: u32) -> bool {
    let package = text.rsplit("::").next().unwrap_or(text).trim();
    let end = package.find(|c: char| "=<>! ".contains(c)).unwrap_or(package.len());
    let (name, version) = (&package[..end], package[end..].trim().trim_start_matches('='));
    match name {
        "python" => {
            match python_version::major_minor(version) {
                Some(_) if package[end..].starts_with('=') => {
                    python_version::note(findings, version, line, Confidence::Stated);
                }
                _ => python_version::note_range(findings, package[end..].trim(), line),
            }
            return false;
        }
        "pip" | "setuptools" | "wheel" => return false,
        "pytorch-cuda" | "cudatoolkit" | "cuda-toolkit" | "cuda-version" | "cuda" | "cuda-runtime" | "cudnn" => {
            let cuda = if name == "cudnn" { None } else { numbers(version) };
            packages::note_gpu(findings, cuda, Confidence::Implied, line, text);
        }
        _ => packages::note(findings, name, line, Confidence::Implied),
    }
    true
}

fn scan_pip(findings: &mut FileFindings<'_>, list: &DocNode) {
    for (text, line) in list.items().iter().filter_map(|item| Some((item.scalar()?.trim(), item.line))) {
        if let Some(file) = text.strip_prefix("-r ").map(str::trim) {
            if findings.at_top() && findings.has_file(file) {
                findings.add(ScanFact::RequirementFile(file.to_owned()), Confidence::Implied, line, text);
            }
        } else if let Some((_, url)) = text.split_once("index-url") {
            packages::note_index(findings, url.trim_start_matches(['=', ' ']), line, Confidence::Implied);
        } else if !text.starts_with('-') {
            packages::note(findings, text, line, Confidence::Implied);
            if findings.at_top() {
                findings.requirement(text, line);
            }
        }
    }
}

/// First two numbers of a version (`11.8` of `11.8.0`); `None` if it has none.
fn numbers(version: &str) -> Option<String> {
    let digits = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    let parts: Vec<&str> = version[..digits].split('.').filter(|part| !part.is_empty()).take(2).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}
