//! Blazar's dates: UTC, in whole minutes.

use hostler_core::time::{self, BadTime};
use jiff::{Timestamp, tz::TimeZone};

const MINUTE: i64 = 60;

/// The minute that an instant lies in: what a lease starts with.
pub fn floored(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(MINUTE) * MINUTE).unwrap_or(at)
}

/// The first minute that is not before an instant: what a lease ends with, so that it is never too short.
pub fn ceiled(at: Timestamp) -> Timestamp {
    let floored = floored(at);
    if floored == at { at } else { Timestamp::from_second(floored.as_second() + MINUTE).unwrap_or(at) }
}

/// As Blazar wants it.
pub fn written(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// As Blazar writes it: `2025-10-30T20:00:00.000000`.
pub fn read(text: &str) -> Result<Timestamp, BadTime> {
    time::instant(text)
}
