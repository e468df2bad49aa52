//! Circles of references between the files of one crate.
//!
//! A file depends on another if its product code names an item that the other defines. Re-exports are followed to the
//! definition, so `pub use` in a `mod.rs` is not a dependency of its own. `#[cfg(test)]` code is left out.

mod graph;
mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use graph::Circle;
use graph::Edge;

use crate::Finding;
use crate::modules::Crate;

/// Every shortest circle between the files of the crate whose root file is `root`.
///
/// `read` returns a file's text, or `None` if the file does not exist.
///
/// # Errors
///
/// A file that is declared and missing, or that is not valid Rust.
pub fn circles(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<Circle>, Finding> {
    let source = Crate::load(root, read)?;
    let mut edges: BTreeMap<(PathBuf, PathBuf), Edge> = BTreeMap::new();
    for reference in names::references(&source) {
        let (from, to) = (source.file_of(reference.from), source.file_of(reference.to));
        if from == to {
            continue;
        }
        edges.entry((from.to_owned(), to.to_owned())).or_insert_with(|| Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            line: reference.line,
            path: reference.path,
        });
    }
    Ok(graph::shortest_circles(edges.into_values().collect()))
}

#[cfg(test)]
mod tests;
