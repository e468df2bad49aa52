//! Hardware facts of nodes, from the static inventory and from Blazar's record of the host.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::FeedText;
use crate::money::Money;
use crate::offer::{Facts, GpuFacts};
use crate::size::Bytes;

/// Hardware facts of a node. `None`: not reported, which differs from zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeFacts<'a> {
    /// The node type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_type: Option<FeedText<'a>>,
    /// CPU architecture, as `uname -m` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<FeedText<'a>>,
    /// CPU sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Hardware threads, as `nproc` counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// CPU model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<FeedText<'a>>,
    /// CPU vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_vendor: Option<FeedText<'a>>,
    /// CPU clock, in hertz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_speed: Option<u64>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The site's label for the memory. It may differ from the bytes, which count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_text: Option<FeedText<'a>>,
    /// GPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Gpus<'a>>,
    /// True if there is InfiniBand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infiniband: Option<bool>,
    /// Capacity of all disks together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
    /// Number of disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disks: Option<u32>,
    /// Rate of the fastest network adapter, in bits per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
    /// The rack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<FeedText<'a>>,
    /// Model of the FPGA board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fpga: Option<FeedText<'a>>,
    /// Service units per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub su_factor: Option<Money>,
}

/// The GPUs of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gpus<'a> {
    /// Number of GPUs.
    pub count: u32,
    /// The site's name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<FeedText<'a>>,
    /// The vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<FeedText<'a>>,
}

impl<'a> Gpus<'a> {
    /// Combines the fields of a record. `has: false` means none, whatever the count; a model without a count means one.
    /// `None` if the record does not mention GPUs.
    pub(super) fn reported(
        has: Option<bool>,
        count: Option<u32>,
        model: Option<FeedText<'a>>,
        vendor: Option<FeedText<'a>>,
    ) -> Option<Self> {
        let number = match (has, count) {
            (Some(false), _) => 0,
            (_, Some(count)) => count,
            (Some(true), None) => 1,
            (None, None) => u32::from(model.is_some()),
        };
        let is_reported = has.is_some() || count.is_some() || model.is_some();
        is_reported.then_some(Self { count: number, model, vendor })
    }
}

impl<'a> NodeFacts<'a> {
    /// Number of GPUs; zero if none are reported.
    pub fn gpu_count(&self) -> u32 {
        self.gpus.as_ref().map_or(0, |gpus| gpus.count)
    }

    /// True if no fact is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Fills in facts that are not reported here from another source.
    pub(super) fn fill(&mut self, other: Self) {
        fn fill<T>(ours: &mut Option<T>, theirs: Option<T>) {
            if ours.is_none() {
                *ours = theirs;
            }
        }
        fill(&mut self.node_type, other.node_type);
        fill(&mut self.arch, other.arch);
        fill(&mut self.sockets, other.sockets);
        fill(&mut self.threads, other.threads);
        fill(&mut self.cpu_model, other.cpu_model);
        fill(&mut self.cpu_vendor, other.cpu_vendor);
        fill(&mut self.clock_speed, other.clock_speed);
        if self.memory.is_none() {
            (self.memory, self.memory_text) = (other.memory, other.memory_text);
        }
        fill(&mut self.gpus, other.gpus);
        fill(&mut self.infiniband, other.infiniband);
        fill(&mut self.disk, other.disk);
        fill(&mut self.disks, other.disks);
        fill(&mut self.network, other.network);
        fill(&mut self.rack, other.rack);
        fill(&mut self.fpga, other.fpga);
        fill(&mut self.su_factor, other.su_factor);
    }

    /// The memory by the site's label, if it differs from the bytes.
    pub fn labelled_memory(&self) -> Option<Bytes> {
        let labelled: Bytes = self.memory_text.as_deref()?.parse().ok()?;
        (Some(labelled) != self.memory).then_some(labelled)
    }

    /// Service units per hour. Default if not reported, from Chameleon's price list: 1, or 2 with GPUs.
    pub fn service_units_per_hour(&self) -> Money {
        let default = Money(if self.gpu_count() > 0 { 2_000_000 } else { 1_000_000 });
        self.su_factor.unwrap_or(default)
    }

    /// The facts in the form that offers have.
    pub fn to_offer(&self) -> Facts {
        let gpu = |gpus: &Gpus<'_>| GpuFacts {
            model: gpus.model.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
            memory: None,
        };
        let text = |text: &Option<FeedText<'_>>| text.as_ref().map(ToString::to_string);
        let labels = [
            ("node_type", text(&self.node_type)),
            ("cpu_model", text(&self.cpu_model)),
            ("infiniband", self.infiniband.map(|has| has.to_string())),
            ("fpga", text(&self.fpga)),
        ];
        Facts {
            cpus: self.threads,
            memory: self.memory,
            disk: self.disk,
            arch: text(&self.arch),
            gpus: self.gpus.iter().flat_map(|gpus| vec![gpu(gpus); gpus.count as usize]).collect(),
            labels: labels
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect::<BTreeMap<_, _>>(),
            emulated: None,
        }
    }
}

/// Normalises the spelling of an architecture: Blazar writes `x86-64`, the reference API `x86_64`.
pub fn arch(text: &str) -> &str {
    match text {
        "x86-64" | "amd64" | "AMD64" | "X86_64" => "x86_64",
        "arm64" | "aarch-64" | "ARM64" => "aarch64",
        other => other,
    }
}

/// Normalises like [`arch`], and copies only if the spelling changes.
pub(super) fn arch_of(text: FeedText<'_>) -> FeedText<'_> {
    if arch(&text) == &*text { text } else { FeedText::from(arch(&text)).into_owned() }
}
