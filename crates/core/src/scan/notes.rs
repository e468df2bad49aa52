//! What is noted down while one file is read, and how the notes of all files become one list.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::Scan;
use super::finding::{Confidence, Fact, Finding, Problem};
use super::node::{self, Node, Unread};
use super::tree::{Place, Tree};
use crate::demand::GpuNeed;
use crate::demand::source::redact;

/// Findings and problems of one file.
pub(super) struct Notes<'t> {
    /// The file's path.
    pub file: &'t str,
    place: Place,
    tree: &'t Tree,
    findings: Vec<Finding>,
    problems: Vec<Problem>,
}

impl<'t> Notes<'t> {
    /// A blank sheet for a file of a tree.
    pub fn new(file: &'t str, tree: &'t Tree) -> Self {
        Self { file, place: Place::of(file), tree, findings: Vec::new(), problems: Vec::new() }
    }

    /// Notes a fact, less sure where the file's place makes it so.
    pub fn add(&mut self, fact: Fact, confidence: Confidence, line: u32, evidence: &str) {
        let confidence = self.place.lower(confidence);
        self.push(fact, confidence, Some(line), evidence);
    }

    /// Notes a fact whose evidence is that the file is there.
    pub fn add_for_file(&mut self, fact: Fact, confidence: Confidence) {
        let confidence = self.place.lower(confidence);
        self.push(fact, confidence, None, self.file);
    }

    /// Notes a requirement that stands in no file that pip could read. Deeper in the tree it is of another environment.
    pub fn requirement(&mut self, text: &str, line: u32) {
        let text = text.trim();
        if redact(text) != text {
            return self.problem(line, "has credentials in it, so it is not installed");
        }
        let sure = if self.at_top() { Confidence::Implied } else { Confidence::Guessed };
        self.add(Fact::Requirement(text.to_owned()), sure, line, text);
    }

    /// Notes that the file is CUDA source, which lies deep in a tree as a rule and says the same there.
    pub fn note_cuda_source(&mut self) {
        let sure = if self.place == Place::Aside { Confidence::Guessed } else { Confidence::Implied };
        let fact = Fact::Gpu(GpuNeed { model: None, count: NonZeroU32::MIN });
        self.push(fact, sure, None, self.file);
    }

    /// Notes a problem with a line.
    pub fn problem(&mut self, line: u32, text: impl Into<String>) {
        self.problems.push(Problem { file: self.file.to_owned(), line: Some(line), text: text.into() });
    }

    /// Notes a problem with the whole file.
    pub fn problem_with_file(&mut self, text: &str) {
        self.problems.push(Problem::file(self.file, text));
    }

    /// The tree that a reader made of the file; a problem where it could not.
    pub fn read(&mut self, read: Result<Node, Unread>) -> Option<Node> {
        read.map_err(|error| self.problems.push(node::unread(self.file, error))).ok()
    }

    /// Whether the file speaks for the whole tree.
    pub fn at_top(&self) -> bool {
        self.place == Place::Top
    }

    /// Whether the tree has a file of this path.
    pub fn has_file(&self, path: &str) -> bool {
        self.tree.files.contains_key(path)
    }

    fn push(&mut self, fact: Fact, confidence: Confidence, line: Option<u32>, evidence: &str) {
        let (file, evidence) = (self.file.to_owned(), excerpt(evidence));
        self.findings.push(Finding { fact, confidence, file, line, evidence, also: 0 });
    }
}

/// One line, without credentials, of at most 100 characters.
fn excerpt(text: &str) -> String {
    let line = redact(text.trim().lines().next().unwrap_or_default().trim_end());
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// One list of all notes: each fact once, at its surest and first place.
pub(super) fn merge(notes: Vec<Notes<'_>>, mut problems: Vec<Problem>) -> Scan {
    let mut facts: BTreeMap<(usize, String), Vec<Finding>> = BTreeMap::new();
    for sheet in notes {
        problems.extend(sheet.problems);
        for finding in sheet.findings {
            facts.entry((finding.fact.rank(), finding.fact.value())).or_default().push(finding);
        }
    }
    let mut findings: Vec<Finding> = facts.into_values().filter_map(surest).collect();
    findings.sort_by_key(|finding| (finding.fact.rank(), Reverse(finding.confidence)));
    problems.sort();
    problems.dedup();
    Scan { findings, problems }
}

/// The surest of several findings of one fact, which remembers how many others there were.
fn surest(same: Vec<Finding>) -> Option<Finding> {
    let also = u32::try_from(same.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let key = |finding: &Finding| (Reverse(finding.confidence), finding.file.clone(), finding.line);
    same.into_iter().min_by_key(key).map(|finding| Finding { also, ..finding })
}
