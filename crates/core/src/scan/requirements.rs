//! Requirement files in pip's syntax.

use std::collections::BTreeSet;

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::packages;
use super::tree::{FileTree, split};

/// Requirement file that is installed by default.
const MAIN: &str = "requirements.txt";

/// The main requirement file and the files that it includes.
pub(super) fn included(tree: &FileTree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![MAIN.to_owned()];
    while let Some(file) = next.pop() {
        let Some(text) = tree.text(&file) else { continue };
        if found.insert(file.clone()) {
            next.extend(lines(&text).iter().filter_map(|(_, line)| match option(line) {
                Some(("-r" | "--requirement", named)) => resolve_relative(&file, named),
                _ => None,
            }));
        }
    }
    found
}

/// Scans a requirement file. Files that the main one does not include are guesses.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str, is_included: bool) {
    let most = if is_included { Confidence::Implied } else { Confidence::Guessed };
    if findings.file == MAIN || (findings.at_top() && !is_included) {
        findings.add_for_file(ScanFact::RequirementFile(findings.file.to_owned()), most);
    }
    for (line, text) in lines(text) {
        match option(&text) {
            Some(("-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links", url)) => {
                packages::note_index(findings, url, line, most);
            }
            Some(_) => {}
            None => packages::note(findings, without_options(&text), line, most),
        }
    }
}

/// Logical lines with continuation lines joined and comments removed, each with its first line.
fn lines(text: &str) -> Vec<(u32, String)> {
    let mut out = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let comment =
            line.match_indices('#').find(|(at, _)| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
        let line = comment.map_or(line, |(at, _)| &line[..at]);
        let (piece, goes_on) = line.strip_suffix('\\').map_or((line, false), |piece| (piece, true));
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        whole.push_str(piece);
        if goes_on { open = Some((start, whole)) } else { out.push((start, whole)) }
    }
    out.extend(open);
    out.retain(|(_, line)| !line.trim().is_empty());
    out
}

/// An option and its value: `-r base.txt`, `--index-url=https://…`.
fn option(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if !line.starts_with('-') {
        return None;
    }
    let (name, value) = line.split_once(['=', ' ', '\t']).unwrap_or((line, ""));
    Some((name, value.trim()))
}

/// Removes options behind a requirement: `numpy --hash=sha256:…`.
fn without_options(line: &str) -> &str {
    line.split(" --").next().unwrap_or(line).trim()
}

/// Resolves a path relative to the file that contains it.
fn resolve_relative(file: &str, named: &str) -> Option<String> {
    let (mut parts, _) = split(file);
    for part in named.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_lines() {
        let read = lines("a # b\n#c\n\nd \\\n  --hash=x\ne#f\n-r g\\");
        let read: Vec<(u32, &str)> = read.iter().map(|(line, text)| (*line, text.trim())).collect();
        assert_eq!(read, [(1, "a"), (4, "d   --hash=x"), (6, "e#f"), (7, "-r g")]);
    }

    #[test]
    fn names_are_relative_to_the_file_that_names_them() {
        assert_eq!(resolve_relative("a/b.txt", "../c/./d.txt").as_deref(), Some("c/d.txt"));
        assert_eq!(resolve_relative("b.txt", "../d.txt"), None);
    }
}
