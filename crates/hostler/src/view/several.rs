//! Lists of failures, of which there may be hundreds.

use owo_colors::OwoColorize;

/// Maximum number of failures to show in full.
pub(super) const SHOWN: usize = 20;

/// The first failures in full, and the names of the rest.
pub(super) fn failures<T>(failed: &[T], full: impl Fn(&T) -> String, name: impl Fn(&T) -> String) -> String {
    let (shown, rest) = failed.split_at(failed.len().min(SHOWN));
    shown.iter().map(full).chain([also_failed(rest, name)]).collect()
}

/// Names of further failures; empty if there are none.
pub(super) fn also_failed<T>(rest: &[T], name: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = rest.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!("{} {}\n", "also failed:".red(), names.join(", ")) }
}
