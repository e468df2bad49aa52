//! Which Python is wanted.

use super::finding::{Confidence, Fact};
use super::notes::Notes;

/// The Pythons, as minor versions of 3, that the usual images bring: Debian 12 and 13, Ubuntu 24.04.
const OF_IMAGES: [u32; 3] = [11, 12, 13];
/// The newest that is thought of; a range that reaches it has no upper end.
const NEWEST: u32 = 30;

/// `.python-version`: the first line that names one. Names of pyenv's environments say nothing.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    for (line, text) in (1..).zip(text.lines()) {
        let word = text.split('#').next().unwrap_or_default().trim();
        if !word.is_empty() {
            return note(notes, word, line, Confidence::Stated);
        }
    }
}

/// Notes one version, as `3.11.4` or `python-3.11`.
pub(super) fn note(notes: &mut Notes<'_>, text: &str, line: u32, sure: Confidence) {
    if let Some(version) = major_minor(text) {
        add(notes, version, line, text, sure);
    }
}

/// There is one environment for the whole tree: a folder of it has no say in its version.
fn add(notes: &mut Notes<'_>, version: String, line: u32, evidence: &str, sure: Confidence) {
    let sure = if notes.at_top() { sure } else { Confidence::Guessed };
    notes.add(Fact::Python(version), sure, line, evidence);
}

/// Notes a range; where no Python of the usual images is sure to be in it, also the one to install.
pub(super) fn note_range(notes: &mut Notes<'_>, range: &str, line: u32) {
    notes.add(Fact::PythonRange(range.trim().to_owned()), Confidence::Stated, line, range);
    if let Some(version) = choose(range) {
        add(notes, version, line, range, Confidence::Implied);
    }
}

/// `3.11` of `3.11.4`, `python-3.11`, `cpython@3.11`; nothing of another implementation.
pub(crate) fn major_minor(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('c').filter(|text| text.starts_with("python")).unwrap_or(text);
    let text = text.strip_prefix("python").unwrap_or(text).trim_start_matches(['-', '@', '=']);
    let mut parts = text.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let minor: u32 = minor.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    (major == "3" && minor <= NEWEST).then(|| format!("3.{minor}"))
}

/// The version to install for a range, unless any image's own will do.
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

/// Whether some release of `3.MINOR` is in one part of a range, as PEP 440 or Poetry (`^`, `~`) writes it. What is not
/// understood allows everything.
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
    fn the_version_for_a_range() {
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
