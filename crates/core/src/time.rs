//! Time: UTC instants, half-open windows, and durations in the user's notation.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The error for a text that is not a time or duration, or for an empty window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not a duration.
    #[error("`{0}` is not a duration: use `90m`, `4h`, `1h30m` or `2d`, more than zero and at most 10 years")]
    Duration(String),
    /// Not an instant.
    #[error("`{0}` is not a time: use `2025-10-30T20:00Z`, with an offset, or without one for UTC")]
    Instant(String),
    /// A window that does not end after its start.
    #[error("the window from {0} to {1} is empty")]
    Window(Timestamp, Timestamp),
}

const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

/// Parses `90m`, `4h`, `1h30m`, `2d`, `45s`; a bare number is minutes. The result is positive and at most ten years.
pub fn parse_duration(text: &str) -> Result<SignedDuration, BadTime> {
    let bad = || BadTime::Duration(text.to_owned());
    let mut seconds: i64 = 0;
    let mut number = String::new();
    let mut last_unit = i64::MAX;
    for c in text.trim().chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(bad()),
        };
        let count: i64 = number.parse().map_err(|_| bad())?;
        if unit >= last_unit {
            return Err(bad());
        }
        last_unit = unit;
        number.clear();
        seconds = count.checked_mul(unit).and_then(|s| seconds.checked_add(s)).ok_or_else(bad)?;
    }
    if !number.is_empty() {
        if last_unit != i64::MAX {
            return Err(bad());
        }
        seconds = number.parse::<i64>().ok().and_then(|n| n.checked_mul(60)).ok_or_else(bad)?;
    }
    let duration = SignedDuration::from_secs(seconds);
    if duration > SignedDuration::ZERO && duration <= LONGEST { Ok(duration) } else { Err(bad()) }
}

/// Formats a duration for [`parse_duration`]: `1h30m`. Fractions of a second are dropped.
pub fn format_duration(duration: SignedDuration) -> String {
    let mut rest = duration.as_secs().max(0);
    let mut out = String::new();
    for (unit, name) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= unit {
            out.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Parses every time format of the prior systems: with `Z`, an offset, or neither (UTC); with `T` or a space; with or
/// without seconds and fraction.
pub fn parse_instant(text: &str) -> Result<Timestamp, BadTime> {
    if let Some(instant) = utc_instant(text.as_bytes()) {
        return Ok(instant);
    }
    let bad = || BadTime::Instant(text.to_owned());
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // jiff requires an offset. A time without one is UTC.
    let civil: jiff::civil::DateTime = text.trim_end_matches(['Z', 'z']).parse().map_err(|_| bad())?;
    if !text.contains([':', 'T', 't']) {
        return Err(bad());
    }
    civil.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| bad())
}

/// Fast path for feeds with many thousand times, all in UTC: `2025-10-30T20:00:00.000000`, also with a space, without
/// seconds or fraction, or with `Z`. The general parser would take most of the time of reading such a feed.
fn utc_instant(text: &[u8]) -> Option<Timestamp> {
    let text = text.strip_suffix(b"Z").unwrap_or(text);
    let (date_and_minute, rest) = text.split_at_checked(16)?;
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b' ', h0, h1, b':', n0, n1] = date_and_minute else {
        return None;
    };
    let (second, fraction): (i8, &[u8]) = match rest {
        [] => (0, &[]),
        [b':', tens, ones] => (two(*tens, *ones)?, &[]),
        [b':', tens, ones, b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => (two(*tens, *ones)?, fraction),
        _ => return None,
    };
    let mut nanosecond = 0;
    for place in 0..if fraction.is_empty() { 0 } else { 9 } {
        nanosecond = nanosecond * 10 + fraction.get(place).map_or(Some(0), |digit| value(*digit))?;
    }
    let year = i16::from(two(y0, y1)?) * 100 + i16::from(two(y2, y3)?);
    let (month, day, hour, minute) = (two(m0, m1)?, two(d0, d1)?, two(h0, h1)?, two(n0, n1)?);
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok()
}

fn value(digit: u8) -> Option<i32> {
    digit.is_ascii_digit().then(|| i32::from(digit - b'0'))
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    i8::try_from(value(tens)? * 10 + value(ones)?).ok()
}

/// A half-open span of time `[start, end)`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawWindow")]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

#[derive(Deserialize)]
struct RawWindow {
    start: Timestamp,
    end: Timestamp,
}

impl TryFrom<RawWindow> for Window {
    type Error = BadTime;
    fn try_from(raw: RawWindow) -> Result<Self, BadTime> {
        Self::new(raw.start, raw.end)
    }
}

impl Window {
    /// All time.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// From `start` up to, but not including, `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, BadTime> {
        if start < end { Ok(Self { start, end }) } else { Err(BadTime::Window(start, end)) }
    }

    /// From `start` on, without an end.
    pub fn open_ended(start: Timestamp) -> Self {
        Self { start: start.min(Timestamp::MAX - SignedDuration::from_nanos(1)), end: Timestamp::MAX }
    }

    /// From `start` for this long; until the end of time if that is sooner.
    pub fn starting_at(start: Timestamp, duration: SignedDuration) -> Result<Self, BadTime> {
        let end = start.checked_add(duration).unwrap_or(Timestamp::MAX);
        Self::new(start, end)
    }

    /// The first instant.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Its length.
    pub fn duration(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// True if both contain a common instant. Adjacent windows do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The union, if no instant lies between them.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let touching = self.start <= other.end && other.start <= self.end;
        touching.then(|| Self { start: self.start.min(other.start), end: self.end.max(other.end) })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ({})", self.start, self.end, format_duration(self.duration()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for text in ["90s", "4h", "1h30m", "2d", "1d1h1m1s"] {
            let read = parse_duration(text).unwrap();
            assert_eq!(parse_duration(&format_duration(read)), Ok(read), "{text}");
        }
        assert_eq!(parse_duration("240"), Ok(SignedDuration::from_mins(240)));
        for bad in ["", "0", "0h", "-4h", "4x", "1m1h", "1h1h", "1h5", "99999d", "h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_prior_time_format_is_the_same_instant() {
        let expected: Timestamp = "2025-10-30T10:00:00Z".parse().unwrap();
        for text in [
            "2025-10-30T10:00:00Z",
            "2025-10-30T10:00Z",
            "2025-10-30T12:00:00+02:00",
            "2025-10-30T12:00+02:00",
            "2025-10-30 10:00",
            "2025-10-30 10:00:00",
            "2025-10-30T10:00:00",
            "2025-10-30T10:00:00.000000",
            "2025-10-30T10:00:00.000000Z",
            " 2025-10-30T10:00:00.000Z ",
            "2025-10-30t10:00:00z",
        ] {
            assert_eq!(parse_instant(text), Ok(expected), "{text}");
        }
        let half = Timestamp::from_millisecond(expected.as_millisecond() + 500).unwrap();
        assert_eq!(
            [parse_instant("2025-10-30 10:00:00.5"), parse_instant("2025-10-30T12:00:00.50+02:00")],
            [Ok(half), Ok(half)]
        );
        for bad in [
            "",
            "yesterday",
            "2025-10-30",
            "2025-13-01T00:00Z",
            "2025-02-30T00:00",
            "2025-10-30T24:00:00",
            "2025-10-30T10:00:0x",
            "2025-10-30T10:00:00.Z",
        ] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn adjacent_windows_do_not_overlap() {
        let at = |text| parse_instant(text).unwrap();
        let first = Window::new(at("2025-01-01T10:00Z"), at("2025-01-01T11:00Z")).unwrap();
        let touching = Window::new(at("2025-01-01T11:00Z"), at("2025-01-01T12:00Z")).unwrap();
        let half_a_second = Window::new(at("2025-01-01T10:59:59.5Z"), at("2025-01-01T12:00Z")).unwrap();
        assert!(!first.overlaps(&touching) && first.overlaps(&half_a_second));
        assert!(Window::new(first.end(), first.start()).is_err() && Window::new(first.end(), first.end()).is_err());
    }
}
