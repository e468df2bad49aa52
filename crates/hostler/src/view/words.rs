//! Short texts shared by several views.

use hostler_core::money::Money;
use hostler_core::offer::PriceUnit;
use hostler_core::time::format_duration;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;

use crate::table::NO_BREAK_SPACE;

/// An amount, or `unknown`.
pub fn money(amount: Option<Money>) -> String {
    amount.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string())
}

/// A price or cost with its unit: `$0.80` or `1.00 SU`.
pub fn price(amount: Option<Money>, unit: PriceUnit) -> String {
    match (amount, unit) {
        (None, _) => "unknown".to_owned(),
        (Some(amount), PriceUnit::ServiceUnits) => format!("{amount}{NO_BREAK_SPACE}SU"),
        (Some(amount), PriceUnit::Dollars) => format!("${amount}"),
    }
}

/// A count with its noun, in the plural unless the count is 1.
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A number of machines.
pub fn machines(count: usize) -> String {
    plural(count, "machine")
}

/// An instant, rounded to seconds, in UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

/// Age in its two largest units: `3h5m`.
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
    format_duration(SignedDuration::from_secs(seconds - seconds % step))
}

/// Heading of a section.
pub(super) fn heading(text: &str) -> String {
    format!("\n{}\n", text.bold())
}

/// Text indented by two spaces.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
