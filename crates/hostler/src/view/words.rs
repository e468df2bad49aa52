//! Small texts that several views share.

use hostler_core::money::Money;
use hostler_core::time::show_duration;
use jiff::{SignedDuration, Timestamp, Unit};
use owo_colors::OwoColorize;

/// An amount, or that it isn't known.
pub fn money(amount: Option<Money>) -> String {
    amount.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string())
}

/// A number with its word, in the plural where it isn't one.
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// So many machines.
pub fn machines(count: usize) -> String {
    plural(count, "machine")
}

/// An instant to the second.
pub(super) fn instant(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// How long ago something was, in its largest unit: `3h`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    coarse(now.duration_since(then))
}

/// A duration in its two largest units.
pub(super) fn coarse(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let step = match seconds {
        0..3_600 => 1,
        3_600..86_400 => 60,
        _ => 3_600,
    };
    show_duration(SignedDuration::from_secs(seconds - seconds % step))
}

/// From when until when machines are held.
pub fn window(start: Timestamp, until: Option<Timestamp>, now: Timestamp) -> String {
    let from = if start <= now { "now".to_owned() } else { instant(start) };
    match until {
        None => format!("from {from} until given back"),
        Some(until) => format!("from {from} until {} ({})", instant(until), coarse(until.duration_since(start))),
    }
}

/// The heading of a part.
pub(super) fn heading(text: &str) -> String {
    format!("\n{}\n", text.bold())
}

/// Text with every line moved to the right.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
