//! What is wanted: the demand, and the file that users write it in.

pub mod source;
mod text;

pub mod base;
pub mod file;
pub mod merge;
pub mod origins;
pub mod overrides;
pub mod problem;
pub mod secrets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use base::{Author, Base};
pub use file::{DemandFile, parse, wish_for_phase};
pub use merge::{Completed, Inputs, complete};
pub use origins::{Origin, Origins};
pub use overrides::Overrides;
pub use problem::{Mark, Place, Problem, Severity, render};
pub use secrets::Secrets;
pub use text::InvalidDemand;

use crate::money::Money;
use crate::name::{GroupName, Name, ProviderKind, SiteId};
use crate::setup::SetupRequest;
use crate::size::Bytes;

/// Everything that one deployment is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// The deployment's name.
    pub name: Name,
    /// The parts with equal machines: at least one.
    pub groups: Vec<Group>,
    /// When, and for how long.
    pub lease: LeaseRequest,
    /// Where, in order of preference; empty is anywhere.
    pub on: Vec<SiteSelector>,
    /// What it may cost.
    pub budget: Budget,
    /// What is done on the machines.
    pub work: Work,
    /// What is wished of all that a site asks for beside the machines.
    #[serde(default, skip_serializing_if = "is_default")]
    pub terms: TermsRequest,
}

fn is_default(wish: &TermsRequest) -> bool {
    *wish == TermsRequest::default()
}

/// What is wished of the things that a site asks for beside its machines. What is not said is as the site offers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TermsRequest {
    /// A public key that is registered at the site already, by its name there: it is used, and stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keypair: Option<String>,
    /// The network to stand on, by its name at the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How the machines are reached.
    pub reach: ReachRequest,
    /// What the lease is called, beside its ticket; as the deployment where not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_name: Option<String>,
}

/// How machines are to be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachRequest {
    /// As the site offers it.
    #[default]
    AsOffered,
    /// At their own addresses only: no public address is made.
    Direct,
}

/// Machines that are all alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// What the group is called.
    pub name: GroupName,
    /// How many machines.
    pub count: NonZeroU32,
    /// What each must have: alternatives in order of preference (SkyPilot's `any_of`), at least one.
    pub any_of: Vec<Requirements>,
}

/// What one machine must have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Requirements {
    /// Virtual or real processors.
    pub cpus: Amount<u32>,
    /// Memory.
    pub memory: Amount<Bytes>,
    /// At least so much disk; the image's own size where not said.
    pub disk: Option<Bytes>,
    /// Accelerators.
    pub gpus: Option<GpuNeed>,
    /// The processor's architecture; `x86_64` where not said.
    pub arch: Option<String>,
    /// The image to boot, by its name at the site.
    pub image: Option<String>,
    /// Exactly this node type (instance type, flavor).
    pub node_type: Option<String>,
    /// Only these sites, in this order; anywhere the demand allows where empty.
    pub sites: Vec<SiteSelector>,
    /// Machines that may be taken away at any time, for less money.
    pub spot: Spot,
    /// Facts and labels that the node must bear, equal to the letter.
    pub labels: BTreeMap<String, String>,
    /// TCP ports to open to the outside.
    pub ports: BTreeSet<u16>,
}

/// Whether interruptible machines are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Only machines that stay.
    #[default]
    Never,
    /// Only spot machines.
    Only,
}

/// A wished amount: any, exactly, or at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount<T> {
    /// Whatever there is.
    #[default]
    Any,
    /// So much, no more and no less (`8`).
    Exactly(T),
    /// So much or more (`8+`).
    AtLeast(T),
}

impl<T: Copy + PartialOrd> Amount<T> {
    /// The least that satisfies it, if it asks for anything.
    pub fn least(self) -> Option<T> {
        match self {
            Self::Any => None,
            Self::Exactly(n) | Self::AtLeast(n) => Some(n),
        }
    }

    /// Whether an amount satisfies it.
    pub fn takes(self, have: T) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(n) => have == n,
            Self::AtLeast(n) => have >= n,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Amount<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.pad("any"),
            Self::Exactly(n) => f.pad(&n.to_string()),
            Self::AtLeast(n) => f.pad(&format!("{n}+")),
        }
    }
}

/// Wished accelerators: `A100:2`, or `2` of any model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuNeed {
    /// The model, compared without case and as a part of the site's own name for it; any where absent.
    pub model: Option<String>,
    /// At least so many in each machine.
    pub count: NonZeroU32,
}

impl fmt::Display for GpuNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model.as_deref().unwrap_or("any"), self.count)
    }
}

/// A place the user named in `on`: one site, or every site of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteSelector(pub SiteId);

impl SiteSelector {
    /// Whether a site is meant: `aws` means every site of that provider, `aws/us-east-1` only that one.
    pub fn means(&self, site: &SiteId) -> bool {
        self.0.provider == site.provider && (self.0.place.is_none() || self.0.place == site.place)
    }

    /// Every site of a provider.
    pub fn provider(kind: ProviderKind) -> Self {
        Self(SiteId { provider: kind, place: None })
    }
}

impl TryFrom<String> for SiteSelector {
    type Error = crate::name::BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<SiteSelector> for String {
    fn from(wish: SiteSelector) -> String {
        wish.0.to_string()
    }
}

impl fmt::Display for SiteSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// How long it is kept; until given back where absent.
    pub duration: Option<SignedDuration>,
    /// From when on; now where absent.
    pub start: Option<Timestamp>,
    /// The start may be later by as much as this.
    pub within: Option<SignedDuration>,
}

/// What it may cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// At most so much an hour, all machines together.
    pub per_hour: Option<Money>,
    /// At most so much in all.
    pub total: Option<Money>,
}

/// What is done on the machines once they are there. No secret's value is ever in here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The code to bring there.
    pub source: Option<Source>,
    /// More files: where on the machine, from which path here: absolute, or of the source where it is relative, which
    /// must then lie inside of it.
    pub files: BTreeMap<String, String>,
    /// Environment of `setup`, `run` and the checks.
    pub envs: BTreeMap<String, String>,
    /// Names of further variables whose values are secret: taken from the caller's environment, never stored.
    pub secrets: BTreeSet<String>,
    /// System packages to install.
    pub packages: BTreeSet<String>,
    /// A Python environment, where the work needs one.
    pub python: Option<PythonNeed>,
    /// What the machines are to have beside that: conda, Docker, drivers, Ray, steps of the user's own.
    #[serde(default, skip_serializing_if = "SetupRequest::is_empty")]
    pub phases: SetupRequest,
    /// A shell script that prepares the machine.
    pub setup: Option<String>,
    /// A shell script that does the work.
    pub run: Option<String>,
    /// Commands that must succeed before the deployment counts as ready.
    pub checks: Vec<String>,
}

/// Where the code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// A local directory (absolute) or a git URL.
    pub from: String,
    /// A branch, tag or commit, for a git URL.
    pub at: Option<String>,
    /// The part of the tree that counts, relative to its top; all of it where empty.
    pub subdirectory: String,
}

/// A virtual environment for the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonNeed {
    /// The version wished, as `3.11`; the system's where absent.
    pub version: Option<String>,
    /// Requirement files of the repository, relative to its top, in the order to install them.
    pub requirement_files: Vec<String>,
    /// Further requirements (`numpy>=1.26`).
    pub requirements: Vec<String>,
    /// Whether the repository itself is a package to install (`pyproject.toml` or `setup.py` with a build).
    pub install_project: bool,
}
