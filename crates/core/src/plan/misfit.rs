//! Misfits: requirements that an offer does not meet.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{GroupName, SiteId};
use crate::offer::{GpuFacts, ImageFacts};

/// A requirement of a group that an offer does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// The requirement.
    pub kind: MisfitKind,
    /// The requested value, as in `8+` or `A100:2`.
    pub requested: String,
    /// The offer's value, as in `4` or `none`.
    pub offered: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            // Every demand requests free machines: only the offer's state is news.
            MisfitKind::Busy | MisfitKind::Maintenance | MisfitKind::Unknown => f.write_str(&self.offered),
            kind => write!(f, "{kind}: requested {}, offers {}", self.requested, self.offered),
        }
    }
}

/// The requirement that a misfit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MisfitKind {
    /// The site is not among the allowed ones.
    Site,
    /// The demand names another node type.
    NodeType,
    /// Architecture.
    Arch,
    /// CPUs.
    Cpus,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// GPUs.
    Gpus,
    /// No image of the offer is suitable.
    Image,
    /// A label.
    Label,
    /// Spot or on-demand.
    Spot,
    /// Reserved by others in the window.
    Busy,
    /// Out of service.
    Maintenance,
    /// The site does not report availability.
    Unknown,
    /// Too few machines, alone or for all groups together.
    Count,
    /// Over the budget, or of unknown price if there is a budget.
    Budget,
}

impl fmt::Display for MisfitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Site => "site",
            Self::NodeType => "node type",
            Self::Arch => "architecture",
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpus => "gpus",
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

/// Number of rejections per kind of misfit: the summary of "no matching offer".
pub type Tally = BTreeMap<MisfitKind, usize>;

/// An offer that was checked for a group and not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The group.
    pub group: GroupName,
    /// The site of the offer.
    pub site: SiteId,
    /// The node type of the offer.
    pub node_type: String,
    /// Every unmet requirement. Empty if the offer is suitable and ranked lower.
    pub misfits: Vec<Misfit>,
}

/// Receiver of misfits: a list of texts, or only a flag.
///
/// The search examines every offer many times and needs no texts. Formatting them would take most of its time.
pub(super) trait Sink {
    /// Takes a misfit.
    fn note(&mut self, kind: MisfitKind, requested: fmt::Arguments<'_>, offered: fmt::Arguments<'_>);
    /// True if there was none so far.
    fn is_clear(&self) -> bool;
}

impl Sink for Vec<Misfit> {
    fn note(&mut self, kind: MisfitKind, requested: fmt::Arguments<'_>, offered: fmt::Arguments<'_>) {
        self.push(Misfit { kind, requested: requested.to_string(), offered: offered.to_string() });
    }

    fn is_clear(&self) -> bool {
        self.is_empty()
    }
}

/// The sink that keeps no texts.
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

/// Items separated by commas, or `none`.
pub(super) struct CommaList<I>(pub(super) I);

impl<I: Iterator<Item: fmt::Display> + Clone> fmt::Display for CommaList<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = self.0.clone();
        let Some(first) = items.next() else { return f.write_str("none") };
        write!(f, "{first}")?;
        items.try_for_each(|item| write!(f, ", {item}"))
    }
}

/// GPUs by model: `2 × Tesla T4, 1 × NVIDIA L4`, or `none`.
pub(super) struct Counted<'a>(pub(super) &'a [GpuFacts]);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut models: BTreeMap<&str, usize> = BTreeMap::new();
        for gpu in self.0 {
            *models.entry(&gpu.model).or_default() += 1;
        }
        CommaList(models.iter().map(|(model, count)| format!("{count} × {model}"))).fmt(f)
    }
}

/// An image with the machine that it needs.
pub(super) struct ImageNeeds<'a>(pub(super) &'a ImageFacts);

impl fmt::Display for ImageNeeds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageFacts { name, arch, memory, disk, .. } = self.0;
        write!(f, "`{name}` ({arch}, needs {memory} memory and {disk} disk)")
    }
}
