//! Collects findings and problems of each file and merges them into one list.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::finding::{Confidence, Finding, Scan, ScanFact, ScanProblem};
use super::node::{self, DocNode, ParseFailure};
use super::tree::{FileRole, FileTree};
use crate::demand::GpuRequirement;
use crate::demand::source::redact;

/// Findings and problems of one file.
pub(super) struct FileFindings<'t> {
    /// Path of the file.
    pub file: &'t str,
    role: FileRole,
    tree: &'t FileTree,
    findings: Vec<Finding>,
    problems: Vec<ScanProblem>,
}

impl<'t> FileFindings<'t> {
    /// Starts an empty collection for a file of a tree.
    pub fn new(file: &'t str, tree: &'t FileTree) -> Self {
        Self { file, role: FileRole::of(file), tree, findings: Vec::new(), problems: Vec::new() }
    }

    /// Adds a fact. Its confidence is lowered according to the file's role.
    pub fn add(&mut self, fact: ScanFact, confidence: Confidence, line: u32, evidence: &str) {
        let confidence = self.role.lower(confidence);
        self.push(fact, confidence, Some(line), evidence);
    }

    /// Adds a fact whose evidence is the existence of the file.
    pub fn add_for_file(&mut self, fact: ScanFact, confidence: Confidence) {
        let confidence = self.role.lower(confidence);
        self.push(fact, confidence, None, self.file);
    }

    /// Adds a requirement that is not in a file that pip could read. In a nested directory it belongs to another
    /// environment and is a guess.
    pub fn requirement(&mut self, text: &str, line: u32) {
        let text = text.trim();
        if redact(text) != text {
            return self.problem(line, "contains credentials; not installed");
        }
        let confidence = if self.at_top() { Confidence::Implied } else { Confidence::Guessed };
        self.add(ScanFact::Requirement(text.to_owned()), confidence, line, text);
    }

    /// Adds the finding for a CUDA source file. Such files are usually in nested directories, so nesting does not
    /// lower the confidence.
    pub fn note_cuda_source(&mut self) {
        let confidence = if self.role == FileRole::Auxiliary { Confidence::Guessed } else { Confidence::Implied };
        let fact = ScanFact::Gpu(GpuRequirement { model: None, count: NonZeroU32::MIN });
        self.push(fact, confidence, None, self.file);
    }

    /// Adds a problem with a line.
    pub fn problem(&mut self, line: u32, text: impl Into<String>) {
        self.problems.push(ScanProblem { file: self.file.to_owned(), line: Some(line), text: text.into() });
    }

    /// Adds a problem with the whole file.
    pub fn problem_with_file(&mut self, text: &str) {
        self.problems.push(ScanProblem::file(self.file, text));
    }

    /// Parsed tree of the file; adds a problem if parsing failed.
    pub fn read(&mut self, read: Result<DocNode, ParseFailure>) -> Option<DocNode> {
        read.map_err(|error| self.problems.push(node::parse_problem(self.file, error))).ok()
    }

    /// True if the file describes the whole repository.
    pub fn at_top(&self) -> bool {
        self.role == FileRole::TopLevel
    }

    /// True if the tree contains a file of this path.
    pub fn has_file(&self, path: &str) -> bool {
        self.tree.files.contains_key(path)
    }

    fn push(&mut self, fact: ScanFact, confidence: Confidence, line: Option<u32>, evidence: &str) {
        let (file, evidence) = (self.file.to_owned(), excerpt(evidence));
        self.findings.push(Finding { fact, confidence, file, line, evidence, also: 0 });
    }
}

/// First line without credentials, at most 100 characters.
fn excerpt(text: &str) -> String {
    let line = redact(text.trim().lines().next().unwrap_or_default().trim_end());
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Merges the findings of all files. Each fact is kept once, with its most certain and first place.
pub(super) fn merge(findings: Vec<FileFindings<'_>>, mut problems: Vec<ScanProblem>) -> Scan {
    let mut facts: BTreeMap<(usize, String), Vec<Finding>> = BTreeMap::new();
    for sheet in findings {
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

/// Most certain of several findings of one fact, with the number of the others in `also`.
fn surest(same: Vec<Finding>) -> Option<Finding> {
    let also = u32::try_from(same.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let key = |finding: &Finding| (Reverse(finding.confidence), finding.file.clone(), finding.line);
    same.into_iter().min_by_key(key).map(|finding| Finding { also, ..finding })
}
