//! The reasons why an offer does not serve, and how they are put into words.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{GroupName, SiteId};
use crate::offer::{GpuFacts, ImageFacts};

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
pub struct Rejection {
    /// For which group.
    pub group: GroupName,
    /// Where.
    pub site: SiteId,
    /// The node type there.
    pub node_type: String,
    /// Everything that was missing; empty where it would have served, but another was better.
    pub misfits: Vec<Misfit>,
}

/// Where misfits go: into a list for the user's eyes, or only into the fact that there was one.
///
/// A search looks at every offer many times over and needs no words; formatting them is most of the time.
pub(super) trait Sink {
    /// Takes a misfit.
    fn note(&mut self, kind: MisfitKind, wanted: fmt::Arguments<'_>, have: fmt::Arguments<'_>);
    /// Whether there was none so far.
    fn is_clear(&self) -> bool;
}

impl Sink for Vec<Misfit> {
    fn note(&mut self, kind: MisfitKind, wanted: fmt::Arguments<'_>, have: fmt::Arguments<'_>) {
        self.push(Misfit { kind, wanted: wanted.to_string(), have: have.to_string() });
    }

    fn is_clear(&self) -> bool {
        self.is_empty()
    }
}

/// The sink that keeps no words.
#[derive(Debug, Default)]
pub(super) struct Any(bool);

impl Sink for Any {
    fn note(&mut self, _: MisfitKind, _: fmt::Arguments<'_>, _: fmt::Arguments<'_>) {
        self.0 = true;
    }

    fn is_clear(&self) -> bool {
        !self.0
    }
}

/// Things, comma after comma; `none` where there are none.
pub(super) struct Listed<I>(pub(super) I);

impl<I: Iterator<Item: fmt::Display> + Clone> fmt::Display for Listed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = self.0.clone();
        let Some(first) = items.next() else { return f.write_str("none") };
        write!(f, "{first}")?;
        items.try_for_each(|item| write!(f, ", {item}"))
    }
}

/// Accelerators by model: `2 × Tesla T4, 1 × NVIDIA L4`; `none` where there are none.
pub(super) struct Counted<'a>(pub(super) &'a [GpuFacts]);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut models: BTreeMap<&str, usize> = BTreeMap::new();
        for gpu in self.0 {
            *models.entry(&gpu.model).or_default() += 1;
        }
        Listed(models.iter().map(|(model, count)| format!("{count} × {model}"))).fmt(f)
    }
}

/// An image, and what it boots on.
pub(super) struct ImageInWords<'a>(pub(super) &'a ImageFacts);

impl fmt::Display for ImageInWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageFacts { name, arch, memory, disk, .. } = self.0;
        write!(f, "`{name}` ({arch}, from {memory} of memory and {disk} of disk)")
    }
}
