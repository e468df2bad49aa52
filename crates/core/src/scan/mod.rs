//! From a tree of files to findings, and from findings to suggestions for a demand.
//!
//! A scan is pure: the caller reads a [`FileTree`] of the files that [`wants`] names, limited in entries and bytes.
//! [`scan`] turns it into findings, each with file, line and excerpt, and a list of problems. One invalid file never
//! stops a scan.
//!
//! # Evidence
//!
//! * Only text that a program acts upon counts: a pin, a directive, a field. Comments, prose, and names that merely
//!   contain the name of a framework do not.
//! * **Stated**: the file requests it explicitly (`#SBATCH --gres`, a compose reservation, SkyPilot's `resources`).
//! * **Implied**: it follows from the file. CUDA builds in pins (`torch==2.1.0+cu118`, `cupy-cuda12x`, `jax[cuda12]`),
//!   CUDA base images, `*.cu` files and CMake's `CUDA` language need a GPU.
//! * **Guessed**: plain `torch`, `tensorflow` or `jax` run faster with a GPU and run without one. A guess is shown and
//!   never becomes a requirement, since machines with a GPU cost ten times as much.
//! * A file at the top level describes the whole repository. In a nested directory a finding is one grade less certain,
//!   and in tests, documentation and examples it is a guess. Third-party code is not read.

mod collect;
mod compose;
mod conda;
mod cuda;
mod devcontainer;
mod docker;
mod finding;
mod kind;
mod node;
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

use collect::FileFindings;
pub use finding::{Confidence, Finding, Scan, ScanFact, ScanProblem};
use kind::FileKind;
pub use kind::wants;
pub use suggest::{Suggestion, Suggestions};
pub use tree::{FileTree, ScanLimits};

/// Scans a tree. Never fails: unreadable files are reported as problems.
pub fn scan(tree: &FileTree) -> Scan {
    let included = requirements::included(tree);
    let known = tree.files.keys().filter_map(|path| Some((path.as_str(), FileKind::of(path)?)));
    let sheets = known.map(|(path, kind)| scan_file(tree, path, kind, &included)).collect();
    collect::merge(sheets, tree.problems.clone())
}

/// Scans one file.
fn scan_file<'t>(tree: &'t FileTree, path: &'t str, kind: FileKind, included: &BTreeSet<String>) -> FileFindings<'t> {
    let mut findings = FileFindings::new(path, tree);
    match kind {
        FileKind::CudaSource => findings.note_cuda_source(),
        FileKind::Program => program::note_program(&mut findings),
        _ if !tree.contents.contains_key(path) => {}
        _ => match tree.text(path) {
            Some(text) => read(&mut findings, &text, kind, included.contains(path)),
            None => findings.problem_with_file("not a text file; ignored"),
        },
    }
    findings
}

fn read(findings: &mut FileFindings<'_>, text: &str, kind: FileKind, is_included: bool) {
    match kind {
        FileKind::Requirements => requirements::scan(findings, text, is_included),
        FileKind::Pyproject => project::scan_pyproject(findings, text),
        FileKind::SetupPy => setup_py::scan(findings, text),
        FileKind::SetupCfg => setup_py::scan_cfg(findings, text),
        FileKind::Conda => conda::scan(findings, text),
        FileKind::Pipfile => project::scan_pipfile(findings, text),
        FileKind::PythonVersion => python_version::scan(findings, text),
        FileKind::LockToml => project::scan_lock(findings, text),
        FileKind::LockPipfile => project::scan_pipfile_lock(findings, text),
        FileKind::Dockerfile => docker::scan(findings, text),
        FileKind::Compose => compose::scan(findings, text),
        FileKind::Shell => slurm::scan(findings, text),
        FileKind::Yaml => skypilot::scan(findings, text),
        FileKind::Devcontainer => devcontainer::scan(findings, text),
        FileKind::Cmake => cuda::scan_cmake(findings, text),
        FileKind::Procfile => program::scan_procfile(findings, text),
        FileKind::CudaSource | FileKind::Program => {}
    }
}
