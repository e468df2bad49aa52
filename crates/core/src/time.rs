//! Time: UTC instants, half-open windows, durations as people write them.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Why a text is not a time or a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// No duration.
    #[error("`{0}` is not a duration: use `90m`, `4h`, `1h30m` or `2d`, more than nothing and at most 10 years")]
    Duration(String),
    /// No instant.
    #[error("`{0}` is not a time: use `2025-10-30T20:00Z`, with an offset, or without one for UTC")]
    Instant(String),
    /// A window that ends before it starts, or at once.
    #[error("the window from {0} to {1} is empty")]
    Window(Timestamp, Timestamp),
}

const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

/// Reads `90m`, `4h`, `1h30m`, `2d`, `45s`; a bare number is minutes. Never zero, at most ten years.
pub fn duration(text: &str) -> Result<SignedDuration, BadTime> {
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

/// Writes a duration as [`duration`] reads it: `1h30m`.
pub fn show_duration(duration: SignedDuration) -> String {
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

/// Reads every time format of the prior systems: `Z`, offsets, none (which is UTC), `T` or a space, with or without
/// seconds and fraction.
pub fn instant(text: &str) -> Result<Timestamp, BadTime> {
    let bad = || BadTime::Instant(text.to_owned());
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // jiff wants an offset for an instant; what has none is UTC by our contract.
    let civil: jiff::civil::DateTime = text.trim_end_matches(['Z', 'z']).parse().map_err(|_| bad())?;
    if !text.contains([':', 'T', 't']) {
        return Err(bad());
    }
    civil.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| bad())
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

    /// So long from `start` on.
    pub fn of(start: Timestamp, duration: SignedDuration) -> Result<Self, BadTime> {
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

    /// How long it is.
    pub fn duration(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// Whether they share an instant. Windows that touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Both as one, where no instant lies between them.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let touching = self.start <= other.end && other.start <= self.end;
        touching.then(|| Self { start: self.start.min(other.start), end: self.end.max(other.end) })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ({})", self.start, self.end, show_duration(self.duration()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for text in ["90s", "4h", "1h30m", "2d", "1d1h1m1s"] {
            let read = duration(text).unwrap();
            assert_eq!(duration(&show_duration(read)), Ok(read), "{text}");
        }
        assert_eq!(duration("240"), Ok(SignedDuration::from_mins(240)));
        for bad in ["", "0", "0h", "-4h", "4x", "1m1h", "1h1h", "1h5", "99999d", "h"] {
            assert!(duration(bad).is_err(), "{bad}");
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
        ] {
            assert_eq!(instant(text), Ok(expected), "{text}");
        }
        for bad in ["", "yesterday", "2025-10-30", "2025-13-01T00:00Z"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let at = |text| instant(text).unwrap();
        let first = Window::new(at("2025-01-01T10:00Z"), at("2025-01-01T11:00Z")).unwrap();
        let touching = Window::new(at("2025-01-01T11:00Z"), at("2025-01-01T12:00Z")).unwrap();
        let half_a_second = Window::new(at("2025-01-01T10:59:59.5Z"), at("2025-01-01T12:00Z")).unwrap();
        assert!(!first.overlaps(&touching) && first.overlaps(&half_a_second));
        assert!(Window::new(first.end(), first.start()).is_err() && Window::new(first.end(), first.end()).is_err());
    }
}
