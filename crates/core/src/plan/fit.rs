//! Whether an offer serves a need, and if not, everything that is missing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{GroupName, SiteId};

/// One reason why an offer does not serve a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// Which fact.
    pub kind: MisfitKind,
    /// What was wanted of it.
    pub wanted: String,
    /// What the offer has.
    pub have: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, has {}", self.kind, self.wanted, self.have)
    }
}

/// The fact that an offer and a need disagree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MisfitKind {
    /// The site is not among those wished.
    Site,
    /// Another node type was named.
    NodeType,
    /// Architecture.
    Arch,
    /// Processors.
    Cpus,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// Accelerators.
    Gpus,
    /// No such image there.
    Image,
    /// A label.
    Label,
    /// Spot or not.
    Spot,
    /// Taken in the window.
    Busy,
    /// Out of service.
    Maintenance,
    /// The site doesn't say whether it is free.
    Unknown,
    /// Too few of them, or too little left for all of them together.
    Count,
    /// Over the budget, or of unknown price where there is a budget.
    Budget,
}

impl fmt::Display for MisfitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Site => "site",
            Self::NodeType => "node type",
            Self::Arch => "architecture",
            Self::Cpus => "processors",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpus => "accelerators",
            Self::Image => "image",
            Self::Label => "label",
            Self::Spot => "spot",
            Self::Busy => "busy",
            Self::Maintenance => "maintenance",
            Self::Unknown => "availability",
            Self::Count => "count",
            Self::Budget => "budget",
        })
    }
}

/// An offer that was looked at for a group and not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For which group.
    pub group: GroupName,
    /// Where.
    pub site: SiteId,
    /// The node type there.
    pub node_type: String,
    /// Everything that was missing; empty where it would have served, but another was better.
    pub misfits: Vec<Misfit>,
}
