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

mod finding;
mod suggest;
mod tree;

pub use finding::{Confidence, Fact, Finding, Problem};
pub use suggest::{Chosen, Suggested};
pub use tree::{Limits, Tree, wants};

use serde::{Deserialize, Serialize};

/// What a scan found, and what it could not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// The facts, by kind, the surest first.
    pub findings: Vec<Finding>,
    /// What was skipped or not understood, by file.
    pub problems: Vec<Problem>,
}
