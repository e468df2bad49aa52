//! The ticket: hostler's idempotency key, written on every resource at a site.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{BadName, DeploymentId};

/// The id of a step within its deployment's plan: `network`, `machine-worker-1`, `python-worker-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepId(String);

impl StepId {
    /// Parses an id: lower-case letters, digits and inner hyphens.
    pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
        let text = text.into();
        let good = !text.is_empty()
            && text.len() <= 100
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if good {
            Ok(Self(text))
        } else {
            let rule = "use 1 to 100 lower-case letters, digits and inner hyphens";
            Err(BadName { text, what: "step", rule })
        }
    }

    /// The id nearest to a text: other characters become hyphens, and a long text is truncated.
    pub fn nearest(text: &str) -> Self {
        let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        let id: String = text.to_ascii_lowercase().chars().map(allowed).collect();
        let id: String = id.trim_matches('-').chars().take(100).collect();
        let id = id.trim_end_matches('-');
        Self(if id.is_empty() { "step".to_owned() } else { id.to_owned() })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for StepId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl TryFrom<String> for StepId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl From<StepId> for String {
    fn from(id: StepId) -> String {
        id.0
    }
}

/// The deployment and the step that created a resource. Its text is written on the resource at the site.
///
/// Tickets are equal only as a whole: the step `machine-a` never matches `machine-a-2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ticket {
    /// The deployment that the resource belongs to.
    pub deployment: DeploymentId,
    /// The step that created it.
    pub step: StepId,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hostler:{}:{}", self.deployment, self.step)
    }
}

impl FromStr for Ticket {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let mut parts = text.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("hostler"), Some(deployment), Some(step), None) => {
                Ok(Self { deployment: deployment.parse()?, step: step.parse()? })
            }
            _ => Err(BadName { text: text.to_owned(), what: "ticket", rule: "use `hostler:DEPLOYMENT:STEP`" }),
        }
    }
}

impl TryFrom<String> for Ticket {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Ticket> for String {
    fn from(ticket: Ticket) -> String {
        ticket.to_string()
    }
}

/// The site's own id for a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ref(pub String);

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_survives_printing_and_parsing() {
        let ticket = Ticket { deployment: DeploymentId::from_bits(7), step: StepId::new("machine-a-1").unwrap() };
        assert_eq!(ticket.to_string(), "hostler:00000000000000000000000000000007:machine-a-1");
        assert_eq!(ticket.to_string().parse(), Ok(ticket));
        assert!("hostler:7:x".parse::<Ticket>().is_err());
        assert!("someone:00000000000000000000000000000007:x".parse::<Ticket>().is_err());
    }
}
