//! Versions of drivers and toolkits, as numbers.

use std::fmt;

/// A version as `535.261.03` or `12.2`. Greater is newer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u64>);

impl Version {
    /// The version that a text begins with; none where it begins with no number.
    pub fn read(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers: Option<Vec<u64>> = text[..end].trim_end_matches('.').split('.').map(|n| n.parse().ok()).collect();
        numbers.map(Self)
    }

    /// Whether it is the one that is wished: `12.2.140` is `12.2`, and `12`.
    pub fn is(&self, wish: &Self) -> bool {
        self.0.starts_with(&wish.0)
    }

    /// Whether it is at least another. What it leaves open is taken as the newest: the branch `525` reaches `525.60.13`.
    pub fn reaches(&self, least: &Self) -> bool {
        *self >= *least || least.0.starts_with(&self.0)
    }

    /// Its first number.
    pub fn major(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.pad(&numbers.join("."))
    }
}

/// A version of the matrix, which a test holds to be one.
pub(super) fn of(text: &str) -> Version {
    Version::read(text).unwrap_or(Version(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let wish = |version: &str, wish: &str| of(version).is(&of(wish));
        assert!(wish("12.2.140", "12.2") && wish("12.2", "12") && !wish("12.20", "12.2") && !wish("12", "12.2"));
        let reaches = |version: &str, least: &str| of(version).reaches(&of(least));
        assert!(reaches("525", "525.60.13") && reaches("525.147.05", "525.60.13") && reaches("535.54", "525.60.13"));
        assert!(!reaches("525.20", "525.60.13") && !reaches("470", "525.60.13") && !reaches("470.256.02", "525"));
        assert_eq!((Version::read("driver"), Version::read(""), Version::read("12..1")), (None, None, None));
        assert_eq!(Version::read("5.2.21153-0"), Some(of("5.2.21153")));
    }
}
