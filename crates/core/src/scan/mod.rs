//! From a tree of files to findings, and from findings to a demand.
//!
//! A scan is pure: the edge reads a [`Tree`], bounded in entries and bytes, of the files that [`wants`] names; [`scan`]
//! turns it into findings, each with its file, line and words, beside a list of problems. One bad file never stops it.
//!
//! # What counts as evidence
//!
//! * Only what a program would act upon counts: a pin, a directive, a field. Comments, prose, and names that merely
//!   contain a framework's name are nothing.
//! * **Stated**: the file asks for it outright (`#SBATCH --gres`, a compose reservation, SkyPilot's `resources`).
//! * **Implied**: it would not be written otherwise. CUDA builds in pins (`torch==2.1.0+cu118`, `cupy-cuda12x`,
//!   `jax[cuda12]`), CUDA base images, `*.cu` files and CMake's `CUDA` language need a GPU.
//! * **Guessed**: plain `torch`, `tensorflow` or `jax` run faster with a GPU and run without one. A guess is shown and
//!   never asked for, since machines with a GPU cost ten times as much.
//! * A file speaks for the top of its tree. What lies deeper is one grade less sure; what lies in tests, documents and
//!   examples is a guess; what is vendored is not read.

mod compose;
mod conda;
mod cuda;
mod devcontainer;
mod docker;
mod finding;
mod kind;
mod node;
mod notes;
mod packages;
mod program;
mod project;
pub(crate) mod python_version;
mod requirements;
mod setup_py;
mod skypilot;
mod slurm;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use finding::{Confidence, Fact, Finding, Problem};
use kind::Kind;
pub use kind::wants;
use notes::Notes;
pub use suggest::{Chosen, Suggested};
pub use tree::{Limits, Tree};

/// What a scan found, and what it could not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// The facts, by kind, the surest first. Each fact is there once.
    pub findings: Vec<Finding>,
    /// What was skipped or not understood, by file.
    pub problems: Vec<Problem>,
}

/// Looks at a tree. Never fails: what it cannot read is a problem beside the findings.
pub fn scan(tree: &Tree) -> Scan {
    let included = requirements::included(tree);
    let known = tree.files.keys().filter_map(|path| Some((path.as_str(), Kind::of(path)?)));
    let sheets = known.map(|(path, kind)| look(tree, path, kind, &included)).collect();
    notes::merge(sheets, tree.problems.clone())
}

/// Looks at one file.
fn look<'t>(tree: &'t Tree, path: &'t str, kind: Kind, included: &BTreeSet<String>) -> Notes<'t> {
    let mut notes = Notes::new(path, tree);
    match kind {
        Kind::CudaSource => notes.note_cuda_source(),
        Kind::Program => program::note_program(&mut notes),
        _ if !tree.contents.contains_key(path) => {}
        _ => match tree.text(path) {
            Some(text) => read(&mut notes, &text, kind, included.contains(path)),
            None => notes.problem_with_file("not a text, so it says nothing"),
        },
    }
    notes
}

fn read(notes: &mut Notes<'_>, text: &str, kind: Kind, is_included: bool) {
    match kind {
        Kind::Requirements => requirements::scan(notes, text, is_included),
        Kind::Pyproject => project::scan_pyproject(notes, text),
        Kind::SetupPy => setup_py::scan(notes, text),
        Kind::SetupCfg => setup_py::scan_cfg(notes, text),
        Kind::Conda => conda::scan(notes, text),
        Kind::Pipfile => project::scan_pipfile(notes, text),
        Kind::PythonVersion => python_version::scan(notes, text),
        Kind::LockToml => project::scan_lock(notes, text),
        Kind::LockPipfile => project::scan_pipfile_lock(notes, text),
        Kind::Dockerfile => docker::scan(notes, text),
        Kind::Compose => compose::scan(notes, text),
        Kind::Shell => slurm::scan(notes, text),
        Kind::Yaml => skypilot::scan(notes, text),
        Kind::Devcontainer => devcontainer::scan(notes, text),
        Kind::Cmake => cuda::scan_cmake(notes, text),
        Kind::Procfile => program::scan_procfile(notes, text),
        Kind::CudaSource | Kind::Program => {}
    }
}
