//! Python version of the repository.

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};

/// Minor versions of Python 3 in the usual images: Debian 12 and 13, Ubuntu 24.04.
const OF_IMAGES: [u32; 3] = [11, 12, 13];
/// Upper bound for minor versions. A range that includes it has no upper end.
const NEWEST: u32 = 30;

/// Scans `.python-version`: the first line with a version. Names of pyenv environments are ignored.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    for (line, text) in (1..).zip(text.lines()) {
        let word = text.split('#').next().unwrap_or_default().trim();
        if !word.is_empty() {
            return note(findings, word, line, Confidence::Stated);
        }
    }
}

/// Records one version, such as `3.11.4` or `python-3.11`.
pub(super) fn note(findings: &mut FileFindings<'_>, text: &str, line: u32, confidence: Confidence) {
    if let Some(version) = major_minor(text) {
        add(findings, version, line, text, confidence);
    }
}

/// Adds a version. The whole tree has one environment, so versions in nested directories are guesses.
fn add(findings: &mut FileFindings<'_>, version: String, line: u32, evidence: &str, confidence: Confidence) {
    let confidence = if findings.at_top() { confidence } else { Confidence::Guessed };
    findings.add(ScanFact::Python(version), confidence, line, evidence);
}

/// Records a range, and the version to install unless the Python of every usual image is in it.
pub(super) fn note_range(findings: &mut FileFindings<'_>, range: &str, line: u32) {
    findings.add(ScanFact::PythonRange(range.trim().to_owned()), Confidence::Stated, line, range);
    if let Some(version) = choose(range) {
        add(findings, version, line, range, Confidence::Implied);
    }
}

/// Major and minor version: `3.11` of `3.11.4`, `python-3.11` or `cpython@3.11`. `None` for other implementations.
pub(crate) fn major_minor(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('c').filter(|text| text.starts_with("python")).unwrap_or(text);
    let text = text.strip_prefix("python").unwrap_or(text).trim_start_matches(['-', '@', '=']);
    let mut parts = text.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let minor: u32 = minor.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    (major == "3" && minor <= NEWEST).then(|| format!("3.{minor}"))
}

/// Version to install for a range; `None` if the Python of every usual image is in it.
fn choose(range: &str) -> Option<String> {
    let allowed: Vec<u32> = (6..=NEWEST).filter(|minor| range.split(',').all(|part| allows(part, *minor))).collect();
    if OF_IMAGES.iter().all(|minor| allowed.contains(minor)) {
        return None;
    }
    let of_an_image = OF_IMAGES.iter().find(|minor| allowed.contains(minor));
    let open = allowed.last() == Some(&NEWEST);
    let minor = of_an_image.or(if open { allowed.first() } else { allowed.last() })?;
    Some(format!("3.{minor}"))
}

/// True if some release of `3.MINOR` satisfies one part of a range in the syntax of PEP 440 or Poetry (`^`, `~`).
/// Unknown syntax allows every version.
fn allows(part: &str, minor: u32) -> bool {
    let part = part.trim();
    let digits = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
    let (operator, version) = (part[..digits].trim(), &part[digits..]);
    let mut numbers = version.split('.').map(|number| number.trim().parse::<u32>().ok());
    let (major, wanted, patch) = (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten());
    let (Some(major), Some(wanted)) = (major, wanted) else { return true };
    if major != 3 {
        return major > 3 || !operator.starts_with(['=', '~', '^', '<']);
    }
    match operator {
        ">=" | ">" | "^" => minor >= wanted,
        "~=" if patch.is_none() => minor >= wanted,
        "<" if patch.is_none_or(|patch| patch == 0) => minor < wanted,
        "<" | "<=" => minor <= wanted,
        "!=" => patch.is_some() || minor != wanted,
        "==" | "===" | "~=" | "~" | "" | "=" => minor == wanted,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_for_a_range() {
        for (range, expect) in [
            (">=3.8", None),
            (">=3.8,<4.0", None),
            ("^3.9", None),
            ("~=3.9", None),
            (">=3.11, !=3.12.1", None),
            (">=3.12", Some("3.12")),
            (">=3.14", Some("3.14")),
            (">=3.8,<3.11", Some("3.10")),
            (">=3.8,<3.13", Some("3.11")),
            ("==3.9.*", Some("3.9")),
            ("~=3.9.2", Some("3.9")),
            ("~3.9", Some("3.9")),
            ("3.9", Some("3.9")),
            ("<3.8.5", Some("3.8")),
            (">=3.10,!=3.11.*", Some("3.12")),
            ("*", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(choose(range).as_deref(), expect, "{range}");
        }
    }

    #[test]
    fn one_version() {
        for (text, expect) in [
            ("3.11.4", Some("3.11")),
            ("python-3.9.1", Some("3.9")),
            ("cpython@3.12", Some("3.12")),
            ("3.13t", Some("3.13")),
            ("3.14-dev", Some("3.14")),
            ("pypy3.9", None),
            ("2.7", None),
            ("3", None),
            ("my-environment", None),
        ] {
            assert_eq!(major_minor(text).as_deref(), expect, "{text}");
        }
    }
}
