//! Sizes of memory and disk, in bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of bytes. Parsed from `4GiB`, `512MiB`, `20GB`; a bare number is GiB, as in SkyPilot's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// The error for a text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: use a number with a unit, such as `512MiB`, `4GiB` or `20GB` (a bare number is GiB)")]
pub struct BadSize(pub String);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

impl Bytes {
    /// A number of mebibytes.
    pub const fn mib(n: u64) -> Self {
        Self(n.saturating_mul(MIB))
    }

    /// A number of gibibytes.
    pub const fn gib(n: u64) -> Self {
        Self(n.saturating_mul(GIB))
    }

    /// Whole mebibytes, rounded down.
    pub const fn as_mib(self) -> u64 {
        self.0 / MIB
    }

    /// Gibibytes, with their fraction.
    pub fn as_gib(self) -> f64 {
        self.0 as f64 / GIB as f64
    }

    /// The difference, or 0 if `other` is larger.
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product.
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Text that parses to exactly this size, for a user to type. `Display` rounds to one decimal.
    pub fn exact(self) -> String {
        let brief = self.to_string();
        if brief.parse() == Ok(self) {
            return brief;
        }
        let units = [("GiB", GIB), ("MiB", MIB), ("GB", 1_000_000_000), ("MB", 1_000_000)];
        let whole = units.into_iter().find(|(_, unit)| self.0.is_multiple_of(*unit));
        whole.map_or_else(|| format!("{}B", self.0), |(name, unit)| format!("{}{name}", self.0 / unit))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= TIB => (TIB, "TiB"),
            n if n >= GIB => (GIB, "GiB"),
            n if n >= MIB => (MIB, "MiB"),
            n if n >= KIB => (KIB, "KiB"),
            n => return f.pad(&format!("{n}B")),
        };
        let tenths = (u128::from(self.0) * 10 + u128::from(unit) / 2) / u128::from(unit);
        let text = match tenths % 10 {
            0 => format!("{}{name}", tenths / 10),
            tenth => format!("{}.{tenth}{name}", tenths / 10),
        };
        f.pad(&text)
    }
}

impl FromStr for Bytes {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let (number, unit) = (trimmed[..split].trim(), trimmed[split..].to_ascii_lowercase());
        let unit = match unit.as_str() {
            "b" => 1,
            "k" | "kib" => KIB,
            "kb" => 1_000,
            "m" | "mib" => MIB,
            "mb" => 1_000_000,
            "" | "g" | "gib" => GIB,
            "gb" => 1_000_000_000,
            "t" | "tib" => TIB,
            "tb" => 1_000_000_000_000,
            _ => return Err(bad()),
        };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(bad());
        }
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(unit).map(Self).ok_or_else(bad);
        }
        let bytes = number.parse::<f64>().map_err(|_| bad())? * unit as f64;
        if bytes < u64::MAX as f64 { Ok(Self(bytes.round() as u64)) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_in_common_notations() {
        for (text, bytes) in [
            ("4", 4 << 30),
            ("512MiB", 512 << 20),
            ("512M", 512 << 20),
            ("20GB", 20_000_000_000),
            ("1.5GiB", 3 << 29),
            ("2 TiB", 2 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for bad in ["", "GiB", "-1", "4 bananas", "1e3", "99999999999TiB"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_printed_briefly() {
        for (bytes, text) in
            [(0, "0B"), (512 << 20, "512MiB"), (3 << 29, "1.5GiB"), (8 << 30, "8GiB"), (1 << 40, "1TiB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn exact_text_is_not_rounded() {
        for (text, exact) in
            [("1.5TiB", "1.5TiB"), ("1500GiB", "1500GiB"), ("6.5GiB", "6.5GiB"), ("1025MiB", "1025MiB")]
        {
            assert_eq!(text.parse::<Bytes>().unwrap().exact(), exact);
        }
        assert_eq!((Bytes(20_000_000_000).exact(), Bytes(1025).exact()), ("20GB".to_owned(), "1025B".to_owned()));
    }
}
