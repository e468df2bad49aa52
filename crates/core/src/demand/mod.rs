//! The demand: machines, lease, budget and workload of one deployment, and the file in which users write it.

pub mod source;

pub mod base;
pub mod diagnostic;
pub mod file;
pub mod merge;
pub mod origins;
pub mod override_key;
pub mod overrides;
pub mod secrets;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use base::{FileAuthor, PathBase};
pub use diagnostic::{Diagnostic, FileLocation, Hint, Location, Severity, render, render_with};
pub use file::{DemandFile, parse, request_phase};
pub use merge::{CompletedDemand, DemandInputs, complete};
pub use origins::{Origins, ValueOrigin};
pub use override_key::OverrideKey;
pub use overrides::Overrides;
pub use secrets::Secrets;
pub use text::InvalidDemand;

use crate::money::Money;
use crate::name::{GroupName, Name, ProviderKind, SiteId};
use crate::setup::SetupRequest;
use crate::size::Bytes;

/// The complete request for one deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Name of the deployment.
    pub name: Name,
    /// Groups of identical machines; at least one.
    pub groups: Vec<Group>,
    /// Start and length of the lease.
    pub lease: LeaseRequest,
    /// Acceptable sites in order of preference. Empty accepts every site.
    pub on: Vec<SiteSelector>,
    /// Upper bounds on cost.
    pub budget: Budget,
    /// Code, environment and scripts that are set up on the machines.
    pub workload: Workload,
    /// Choices for site resources other than machines: keypair, network, addresses, lease name.
    pub terms: TermsRequest,
}

/// Choices for site resources other than machines. An unset field uses the site's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TermsRequest {
    /// Name of a public key that is already registered at the site. It is used and never deleted.
    pub keypair: Option<String>,
    /// Network to attach, by its name at the site.
    pub network: Option<String>,
    /// Kind of address used to reach the machines.
    pub reach: ReachRequest,
    /// Name of the lease at the site, next to its ticket. The deployment's name if unset.
    pub lease_name: Option<String>,
}

/// Kind of address used to reach machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachRequest {
    /// The site's default: a public address where the site offers one.
    #[default]
    AsOffered,
    /// Fixed addresses only: no floating IP is created.
    Direct,
}

/// A set of identical machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name of the group, unique in the demand.
    pub name: GroupName,
    /// Number of machines.
    pub count: NonZeroU32,
    /// Alternatives in order of preference (SkyPilot's `any_of`); at least one. Each machine satisfies one of them.
    pub any_of: Vec<Requirements>,
}

/// Requirements on one machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Requirements {
    /// CPUs, virtual or physical.
    pub cpus: Amount<u32>,
    /// Memory.
    pub memory: Amount<Bytes>,
    /// Minimum disk size. The image's own size if unset.
    pub disk: Option<Bytes>,
    /// GPUs; none required if `None`.
    pub gpus: Option<GpuRequirement>,
    /// CPU architecture as `uname -m` prints it; `x86_64` if unset.
    pub arch: Option<String>,
    /// Image to boot, by its name at the site.
    pub image: Option<String>,
    /// Exact node type (instance type, flavor).
    pub node_type: Option<String>,
    /// Acceptable sites in order of preference. If empty, every site that the demand accepts.
    pub sites: Vec<SiteSelector>,
    /// Market: on-demand or spot.
    pub spot: Spot,
    /// Facts and labels of the node that must match exactly.
    pub labels: BTreeMap<String, String>,
    /// TCP ports to open to the outside.
    pub ports: BTreeSet<u16>,
}

/// Use of spot machines, which the site may reclaim at any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// On-demand machines only.
    #[default]
    Never,
    /// Spot machines only.
    Only,
}

/// A requested amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount<T> {
    /// No requirement.
    #[default]
    Any,
    /// Exactly this amount (`8`).
    Exactly(T),
    /// At least this amount (`8+`).
    AtLeast(T),
}

impl<T: Copy + PartialOrd> Amount<T> {
    /// Smallest amount that satisfies the request; `None` if any does.
    pub fn least(self) -> Option<T> {
        match self {
            Self::Any => None,
            Self::Exactly(n) | Self::AtLeast(n) => Some(n),
        }
    }

    /// True if `have` satisfies the request.
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

/// GPUs of a machine: `A100:2`, or `2` of any model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuRequirement {
    /// Model name. It matches if it occurs in the site's own name for the GPU, ignoring case. `None` matches every
    /// model.
    pub model: Option<String>,
    /// Minimum number in each machine.
    pub count: NonZeroU32,
}

impl fmt::Display for GpuRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model.as_deref().unwrap_or("any"), self.count)
    }
}

/// An entry of `on`: one site, or every site of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteSelector(pub SiteId);

impl SiteSelector {
    /// True if the selector matches `site`: `aws` matches every site of that provider, `aws/us-east-1` only that one.
    pub fn means(&self, site: &SiteId) -> bool {
        self.0.provider == site.provider && (self.0.place.is_none() || self.0.place == site.place)
    }

    /// True if a selection includes `site`. An empty selection includes every site.
    pub fn includes(selection: &[Self], site: &SiteId) -> bool {
        selection.is_empty() || selection.iter().any(|selector| selector.means(site))
    }

    /// Selects every site of a provider.
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
    fn from(request: SiteSelector) -> String {
        request.0.to_string()
    }
}

impl fmt::Display for SiteSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Start and length of a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Length. `None` keeps the machines until the deployment is brought down.
    #[serde(rename = "duration_seconds", with = "crate::seconds")]
    pub duration: Option<SignedDuration>,
    /// Earliest start; now if `None`.
    #[serde(rename = "starts_at")]
    pub start: Option<Timestamp>,
    /// Longest acceptable delay of the start.
    #[serde(rename = "within_seconds", with = "crate::seconds")]
    pub within: Option<SignedDuration>,
}

/// Upper bounds on cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Maximum per hour, for all machines together.
    pub per_hour: Option<Money>,
    /// Maximum for the whole lease.
    pub total: Option<Money>,
}

/// Code, environment and scripts of the machines, the same for every group. Never contains the value of a secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Code to copy to the machines.
    pub source: Option<Source>,
    /// Further files: from the path on the machine to the local path. A relative local path is resolved in the source
    /// directory and must stay inside it.
    pub files: BTreeMap<String, String>,
    /// Environment of `setup`, `run` and the checks.
    pub envs: BTreeMap<String, String>,
    /// Names of environment variables whose values are secret. Values are read from the caller's environment and never
    /// stored.
    pub secrets: BTreeSet<String>,
    /// System packages to install.
    pub packages: BTreeSet<String>,
    /// Python environment of the source.
    pub python: Option<PythonRequest>,
    /// Tools to install: conda, Docker, GPU drivers, Ray, custom steps.
    pub phases: SetupRequest,
    /// Shell script that prepares the machine.
    pub setup: Option<String>,
    /// Shell script that does the work.
    pub run: Option<String>,
    /// Commands that must succeed before the deployment counts as ready.
    pub checks: Vec<String>,
}

/// Origin of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Absolute path of a local directory, or a git URL.
    pub location: String,
    /// Branch, tag or commit of a git repository; its default branch if `None`.
    pub revision: Option<String>,
    /// Directory to use, relative to the top of the tree. Empty means the whole tree.
    pub subdirectory: String,
}

/// A Python virtual environment for the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonRequest {
    /// Python version such as `3.11`; the system's Python if `None`.
    pub version: Option<String>,
    /// Requirement files relative to the top of the source, in installation order.
    pub requirement_files: Vec<String>,
    /// Additional requirements, such as `numpy>=1.26`.
    pub requirements: Vec<String>,
    /// Installs the source itself as a package (it has a `pyproject.toml` or `setup.py` with a build).
    pub install_project: bool,
}
