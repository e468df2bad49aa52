//! Money: exact, never a floating-point number.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in millionths of the unit of account (US dollars, or a site's service units). Stored and printed as a
/// decimal string, such as `"0.8064"`: JSON readers turn numbers into floating point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i64);

/// Text that is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount: use a number with at most six decimals, as `5.00`")]
pub struct BadMoney(pub String);

impl Money {
    /// No cost.
    pub const ZERO: Self = Self(0);

    /// The amount times `n`; saturates at the largest amount.
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// Cost of `seconds` at this price per hour, rounded up to the next millionth.
    pub fn over_seconds(self, seconds: i64) -> Self {
        let exact = i128::from(self.0) * i128::from(seconds);
        let up = exact.div_euclid(3600) + i128::from(exact.rem_euclid(3600) != 0);
        Self(up.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// The sum; saturates at the largest amount.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let mut fraction = format!("{:06}", micros % 1_000_000);
        while fraction.len() > 2 && fraction.ends_with('0') {
            fraction.pop();
        }
        f.pad(&format!("{sign}{}.{fraction}", micros / 1_000_000))
    }
}

impl FromStr for Money {
    type Err = BadMoney;

    fn from_str(text: &str) -> Result<Self, BadMoney> {
        let bad = || BadMoney(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return Err(bad());
        }
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| bad())?;
        whole.checked_mul(1_000_000).and_then(|m| m.checked_add(micros)).map(Self).ok_or_else(bad)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// Accepts a sign, unlike `FromStr`: differences of costs are stored, but no user writes a negative budget.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let (sign, digits) = text.strip_prefix('-').map_or((1, &*text), |digits| (-1, digits));
        digits.parse().map(|amount: Self| amount.times(sign)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_back_as_written() {
        for text in ["0.00", "5.00", "0.0425", "12.345678"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
        for bad in ["", "-1", "1.2345678", "1,5", ".5", "5e3"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stored_amounts_are_decimal_strings() {
        for (amount, json) in
            [(Money(806_400), r#""0.8064""#), (Money(-1_500_000), r#""-1.50""#), (Money::ZERO, r#""0.00""#)]
        {
            assert_eq!(serde_json::to_string(&amount).unwrap(), json);
            assert_eq!(serde_json::from_str::<Money>(json).unwrap(), amount);
        }
        for bad in ["806400", "0.8064", r#""--1""#, r#""1e3""#] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn part_of_an_hour_is_rounded_up() {
        assert_eq!(Money(1).over_seconds(1), Money(1));
        assert_eq!(Money(3_600_000).over_seconds(90), Money(90_000));
    }
}
