//! Dates in Blazar's API: UTC, in whole minutes.

use hostler_core::time::{self, BadTime};
use jiff::{Timestamp, tz::TimeZone};

const MINUTE: i64 = 60;

/// Rounds down to the minute. A lease starts no later than requested.
pub fn floor_to_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(MINUTE) * MINUTE).unwrap_or(at)
}

/// Rounds up to the minute. A lease ends no earlier than requested.
pub fn ceil_to_minute(at: Timestamp) -> Timestamp {
    let floor = floor_to_minute(at);
    if floor == at { at } else { Timestamp::from_second(floor.as_second() + MINUTE).unwrap_or(at) }
}

/// The format that Blazar accepts: `2025-10-30 20:00`.
pub fn format_date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Parses the format that Blazar returns: `2025-10-30T20:00:00.000000`.
pub fn parse_date(text: &str) -> Result<Timestamp, BadTime> {
    time::parse_instant(text)
}
