//! Numeric versions of drivers and toolkits.

use std::fmt;

/// A version such as `535.261.03` or `12.2`. Greater is newer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DottedVersion(Vec<u64>);

impl DottedVersion {
    /// Parses the version at the start of a text; `None` if it does not start with a number.
    pub fn read(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let numbers: Option<Vec<u64>> = text[..end].trim_end_matches('.').split('.').map(|n| n.parse().ok()).collect();
        numbers.map(Self)
    }

    /// True if the version starts with the requested one: `12.2.140` satisfies `12.2` and `12`.
    pub fn satisfies(&self, request: &Self) -> bool {
        self.0.starts_with(&request.0)
    }

    /// True if the version is at least `least`. Omitted digits count as the highest: the branch `525` is at least
    /// `525.60.13`.
    pub fn is_at_least(&self, least: &Self) -> bool {
        *self >= *least || least.0.starts_with(&self.0)
    }

    /// First number.
    pub fn major(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for DottedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.pad(&numbers.join("."))
    }
}

/// Parses a version of the matrix, all of which are valid (a test checks it).
pub(super) fn known_version(text: &str) -> DottedVersion {
    DottedVersion::read(text).unwrap_or(DottedVersion(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let request = |version: &str, request: &str| known_version(version).satisfies(&known_version(request));
        assert!(
            request("12.2.140", "12.2") && request("12.2", "12") && !request("12.20", "12.2") && !request("12", "12.2")
        );
        let reaches = |version: &str, least: &str| known_version(version).is_at_least(&known_version(least));
        assert!(reaches("525", "525.60.13") && reaches("525.147.05", "525.60.13") && reaches("535.54", "525.60.13"));
        assert!(!reaches("525.20", "525.60.13") && !reaches("470", "525.60.13") && !reaches("470.256.02", "525"));
        assert_eq!(
            (DottedVersion::read("driver"), DottedVersion::read(""), DottedVersion::read("12..1")),
            (None, None, None)
        );
        assert_eq!(DottedVersion::read("5.2.21153-0"), Some(known_version("5.2.21153")));
    }
}
