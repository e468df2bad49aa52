//! What failed, of which there may be hundreds.

use owo_colors::OwoColorize;

/// More are named, and not shown one by one.
pub(super) const SHOWN: usize = 20;

/// The first of those that failed in full, and the names of the rest.
pub(super) fn failures<T>(failed: &[T], full: impl Fn(&T) -> String, name: impl Fn(&T) -> String) -> String {
    let (shown, rest) = failed.split_at(failed.len().min(SHOWN));
    shown.iter().map(full).chain([also_failed(rest, name)]).collect()
}

/// Only the names of those that failed; nothing where there are none.
pub(super) fn also_failed<T>(rest: &[T], name: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = rest.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!("{} {}\n", "also failed:".red(), names.join(", ")) }
}
