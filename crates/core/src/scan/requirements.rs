//! Requirement files, as pip reads them.

use std::collections::BTreeSet;

use super::finding::{Confidence, Fact};
use super::notes::Notes;
use super::packages;
use super::tree::{Tree, split};

/// The file that is installed without anybody saying so.
const MAIN: &str = "requirements.txt";

/// The requirement files that the main one includes, itself among them.
pub(super) fn included(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![MAIN.to_owned()];
    while let Some(file) = next.pop() {
        let Some(text) = tree.text(&file) else { continue };
        if found.insert(file.clone()) {
            next.extend(lines(&text).iter().filter_map(|(_, line)| match option(line) {
                Some(("-r" | "--requirement", named)) => beside(&file, named),
                _ => None,
            }));
        }
    }
    found
}

/// Notes what a requirement file says. Only what the main one includes is sure to be installed.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str, is_included: bool) {
    let most = if is_included { Confidence::Implied } else { Confidence::Guessed };
    if notes.file == MAIN || (notes.at_top() && !is_included) {
        notes.add_for_file(Fact::RequirementFile(notes.file.to_owned()), most);
    }
    for (line, text) in lines(text) {
        match option(&text) {
            Some(("-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links", url)) => {
                packages::note_index(notes, url, line, most);
            }
            Some(_) => {}
            None => packages::note(notes, without_options(&text), line, most),
        }
    }
}

/// The logical lines: continued ones joined, comments dropped, each with the number of its first line.
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

/// An option with its value: `-r base.txt`, `--index-url=https://…`.
fn option(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if !line.starts_with('-') {
        return None;
    }
    let (name, value) = line.split_once(['=', ' ', '\t']).unwrap_or((line, ""));
    Some((name, value.trim()))
}

/// Options may follow a requirement: `numpy --hash=sha256:…`.
fn without_options(line: &str) -> &str {
    line.split(" --").next().unwrap_or(line).trim()
}

/// The path of a file that another names, relative to itself.
fn beside(file: &str, named: &str) -> Option<String> {
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
        assert_eq!(beside("a/b.txt", "../c/./d.txt").as_deref(), Some("c/d.txt"));
        assert_eq!(beside("b.txt", "../d.txt"), None);
    }
}
