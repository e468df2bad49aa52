//! The checks, run over a repository on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Finding;
use crate::circles::{Circle, circles};
use crate::product::{Literal, literals};
use crate::types::{redefined, types};
use crate::wording::{Openings, Phrases, command_line, verbs};

/// Crates whose errors carry data and say nothing about the command line.
const LIBRARIES: [&str; 3] = ["crates/core", "crates/providers", "crates/engine"];

/// Directories with Rust code.
const CODE: [&str; 2] = ["crates", "tests/checks"];

const PHRASES: &str = "tests/checks/phrases.txt";
const VERBS: &str = "crates/hostler/src/args/cli.rs";

/// A checkout of hostler.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository at a directory.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The repository that this crate lies in.
    #[must_use]
    pub fn here() -> Self {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }

    /// Circles of references between files, for each crate.
    ///
    /// # Errors
    ///
    /// A file that can't be parsed.
    pub fn circles(&self) -> Result<Vec<Circle>, Finding> {
        let mut all = Vec::new();
        for root in self.crate_roots() {
            all.extend(circles(&root, &|path| self.read(path))?);
        }
        Ok(all)
    }

    /// Modules with children that are not `x/mod.rs`.
    #[must_use]
    pub fn layout(&self) -> Vec<Finding> {
        let files = self.files("rs", &CODE);
        let has_children = |file: &PathBuf| files.iter().any(|other| other.starts_with(file.with_extension("")));
        files
            .iter()
            .filter(|file| !is_crate_root(file) && has_children(file))
            .map(|file| {
                let module = file.with_extension("");
                Finding::new(file, 1, format!("a module with children lies in `{}/mod.rs`", module.display()))
            })
            .collect()
    }

    /// Type names that the product code of all crates defines more than once.
    ///
    /// # Errors
    ///
    /// A file that can't be parsed.
    pub fn type_names(&self) -> Result<Vec<Finding>, Finding> {
        let mut all = Vec::new();
        for root in self.crate_roots() {
            all.extend(types(&root, &|path| self.read(path))?);
        }
        Ok(redefined(all))
    }

    /// All doc comments, and those that open with a question word instead of what they document.
    #[must_use]
    pub fn openings(&self) -> Openings {
        let mut openings = Openings::default();
        for file in self.files("rs", &CODE) {
            openings.add(&file, &self.read(&file).unwrap_or_default());
        }
        openings
    }

    /// Banned phrases in what users read: string literals, help texts, scripts that run on machines, and pages.
    ///
    /// # Errors
    ///
    /// A file that can't be parsed.
    pub fn phrases(&self) -> Result<Vec<Finding>, Finding> {
        let phrases = self.list()?;
        let mut found: Vec<Finding> = self
            .literals()?
            .iter()
            .flat_map(|literal| phrases.find(&literal.file, &literal.source, literal.line))
            .collect();
        for file in self.files("sh", &["crates"]).into_iter().chain(self.files("md", &["docs", "examples"])) {
            found.extend(phrases.find(&file, &self.read(&file).unwrap_or_default(), 1));
        }
        for (name, text) in [("README.md", whole as fn(&str) -> &str), ("CHANGELOG.md", unreleased)] {
            found.extend(phrases.find(Path::new(name), text(&self.read(Path::new(name)).unwrap_or_default()), 1));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Banned phrases in comments of the code, which developers read.
    ///
    /// # Errors
    ///
    /// The list of phrases can't be read.
    pub fn phrases_in_comments(&self) -> Result<Vec<Finding>, Finding> {
        let phrases = self.list()?;
        let mut found = Vec::new();
        for file in self.files("rs", &CODE) {
            for (line, comment) in comments(&self.read(&file).unwrap_or_default()) {
                found.extend(phrases.find(&file, &comment, line));
            }
        }
        Ok(found)
    }

    /// Mentions of the command line in the library crates.
    ///
    /// # Errors
    ///
    /// A file that can't be parsed.
    pub fn command_line(&self) -> Result<Vec<Finding>, Finding> {
        let verbs = verbs(Path::new(VERBS), &self.read(Path::new(VERBS)).unwrap_or_default())?;
        let is_library = |file: &Path| LIBRARIES.iter().any(|library| file.starts_with(library));
        let literals = self.literals()?;
        Ok(literals.iter().filter(|it| is_library(&it.file)).filter_map(|it| command_line(it, &verbs)).collect())
    }

    fn list(&self) -> Result<Phrases, Finding> {
        Phrases::parse(Path::new(PHRASES), &self.read(Path::new(PHRASES)).unwrap_or_default())
    }

    fn literals(&self) -> Result<Vec<Literal>, Finding> {
        let mut all = Vec::new();
        for root in self.crate_roots().into_iter().filter(|root| !root.starts_with("crates/sim")) {
            let is_help = |file: &Path| file.starts_with("crates/hostler/src/args");
            all.extend(literals(&root, &|path| self.read(path), &is_help)?);
        }
        Ok(all)
    }

    fn crate_roots(&self) -> Vec<PathBuf> {
        let is_root = |file: &PathBuf| is_crate_root(file) && file.components().count() == 4;
        self.files("rs", &["crates"]).into_iter().filter(is_root).collect()
    }

    /// Files with an extension below directories, relative to the repository, sorted.
    fn files(&self, extension: &str, below: &[&str]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open: Vec<PathBuf> = below.iter().map(PathBuf::from).collect();
        while let Some(directory) = open.pop() {
            let Ok(entries) = fs::read_dir(self.root.join(&directory)) else { continue };
            for entry in entries.flatten() {
                let path = directory.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(path),
                    _ if path.extension().is_some_and(|it| it == extension) => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    fn read(&self, file: &Path) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }
}

/// True for `lib.rs`, `main.rs` and their like, whose child modules lie in the same directory.
fn is_crate_root(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "lib.rs" || name == "main.rs" || name == "mod.rs" || name == "build.rs")
}

fn whole(text: &str) -> &str {
    text
}

/// The changelog up to the second heading of a version.
fn unreleased(text: &str) -> &str {
    let end = text.match_indices("\n## ").nth(1).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The comments of a file: adjacent lines are one comment. What follows code on its line is left out.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut before = usize::MAX;
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
        let comment = comment.trim_start_matches(['/', '!']);
        match found.last_mut() {
            Some((_, last)) if before == index => {
                last.push('\n');
                last.push_str(comment);
            }
            _ => found.push((index + 1, comment.to_owned())),
        }
        before = index + 1;
    }
    found
}
