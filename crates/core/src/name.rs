//! Names and ids. Each is a type of its own, parsed from text once, at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The error for a text that is not a name. Its `Display` names the text and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {rule}")]
pub struct BadName {
    /// The text.
    pub text: String,
    /// The kind of name that was expected.
    pub what: &'static str,
    /// The rule for such names.
    pub rule: &'static str,
}

const LABEL_RULE: &str = "use 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter";

/// True for a DNS label that begins with a letter. Such a label is safe as host name, tag, file name and argument.
fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=40).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes[bytes.len() - 1] != b'-'
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

macro_rules! label {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Parses a name.
            pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
                let text = text.into();
                if is_label(&text) { Ok(Self(text)) } else { Err(BadName { text, what: $what, rule: LABEL_RULE }) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

label!(
    /// The name of a deployment, unique among the live ones of a user: `digits`.
    Name, "deployment name"
);
label!(
    /// The name of a group within a demand: `worker`.
    GroupName, "group name"
);
label!(
    /// The kind of API a site speaks: `local`, `openstack`, `aws`.
    ProviderKind, "provider"
);

impl Name {
    /// The name nearest to a text, such as a repository's name: other characters become hyphens.
    ///
    /// `None` if nothing is left, as for `..`.
    pub fn nearest(text: &str) -> Option<Self> {
        let mut out = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' => out.push(c),
                _ if out.is_empty() || out.ends_with('-') => {}
                _ => out.push('-'),
            }
        }
        let start = out.find(|c: char| c.is_ascii_lowercase())?;
        let label: String = out[start..].chars().take(40).collect();
        Self::new(label.trim_end_matches('-')).ok()
    }
}

/// One configured place of a provider: `local`, `aws/us-east-1`, `chameleon/uc`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId {
    /// The kind of API.
    pub provider: ProviderKind,
    /// The place, if the provider has several.
    pub place: Option<Name>,
}

impl FromStr for SiteId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (provider, place) = match text.split_once('/') {
            Some((provider, place)) => (provider, Some(Name::new(place)?)),
            None => (text, None),
        };
        Ok(Self { provider: ProviderKind::new(provider)?, place })
    }
}

impl TryFrom<String> for SiteId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<SiteId> for String {
    fn from(site: SiteId) -> String {
        site.to_string()
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => f.pad(&format!("{}/{place}", self.provider)),
            None => f.pad(self.provider.as_str()),
        }
    }
}

/// A deployment's id: 128 bits, unique for all time. Names are reused, ids never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(u128);

impl DeploymentId {
    /// The id with these 128 bits. The caller uses a version 7 UUID, so that ids sort by time.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The last twelve hexadecimal digits, which are random: short enough for names of bridges and hosts.
    pub fn short(self) -> String {
        format!("{:012x}", self.0 & 0xffff_ffff_ffff)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for DeploymentId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "deployment id", rule: "use 32 hexadecimal digits" };
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| bad())
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> String {
        id.to_string()
    }
}

/// Jaro-Winkler similarity (1 is equal) above which one name counts as a misspelling of another.
const SIMILAR: f64 = 0.8;

/// The most similar of the known names, if any is similar enough to be a misspelling of it.
pub fn closest<'n>(text: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let ranked = names.into_iter().map(|name| (strsim::jaro_winkler(text, name), name));
    ranked.filter(|(score, _)| *score > SIMILAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "digits", "a-2", "x9"] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-x", "x-", "..", "A", "9a", "a_b", "a b", "a/b", &"a".repeat(41)] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nearest_name_of_a_repository() {
        let near = |text| Name::nearest(text).map(String::from);
        assert_eq!(near("foo.github.io").as_deref(), Some("foo-github-io"));
        assert_eq!(near("My Repo!").as_deref(), Some("my-repo"));
        assert_eq!(near("2048-game").as_deref(), Some("game"));
        assert_eq!(near(".."), None);
        assert_eq!(near(""), None);
    }

    #[test]
    fn site_survives_printing_and_parsing() {
        for text in ["local", "aws/us-east-1", "chameleon/uc"] {
            assert_eq!(text.parse::<SiteId>().unwrap().to_string(), text);
        }
        assert!("aws/".parse::<SiteId>().is_err());
    }

    #[test]
    fn id_survives_printing_and_parsing() {
        let id = DeploymentId::from_bits(0x0192_f00d_0000_7000_8000_1234_5678_9abc);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.short(), "123456789abc");
        assert!("+0000000000000000000000000000001".parse::<DeploymentId>().is_err());
    }

    #[test]
    fn closest_accepts_misspellings_and_no_other_word() {
        let names = ["docker", "conda", "ray-start", "ray-status"];
        assert_eq!(closest("dokcer", names), Some("docker"));
        assert_eq!(closest("raystart", names), Some("ray-start"));
        assert_eq!(closest("image", names), None);
        assert_eq!(closest("docker", []), None);
    }
}
