//! What a node is known to have. Two sources say it: the static inventory, and Blazar's own record of the host.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::FeedText;
use crate::money::Money;
use crate::offer::{Facts, GpuFacts};
use crate::size::Bytes;

/// What a node is known to have. What is absent was not said, which is not the same as none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeFacts<'a> {
    /// The site's name for this shape of hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_type: Option<FeedText<'a>>,
    /// Architecture, as `uname -m` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<FeedText<'a>>,
    /// Processors in their sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Hardware threads: what `nproc` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The processor's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<FeedText<'a>>,
    /// The processor's maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_vendor: Option<FeedText<'a>>,
    /// Its clock, in hertz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_speed: Option<u64>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The same in the site's words, which may say another size: bytes count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_text: Option<FeedText<'a>>,
    /// The accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Gpus<'a>>,
    /// Whether it has InfiniBand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infiniband: Option<bool>,
    /// All its disks together, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
    /// How many disks it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disks: Option<u32>,
    /// Its fastest network adapter, in bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<u64>,
    /// The rack that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<FeedText<'a>>,
    /// The model of its FPGA board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fpga: Option<FeedText<'a>>,
    /// Service units for an hour of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub su_factor: Option<Money>,
}

/// The accelerators of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gpus<'a> {
    /// How many.
    pub count: u32,
    /// The site's name for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<FeedText<'a>>,
    /// The maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<FeedText<'a>>,
}

impl<'a> Gpus<'a> {
    /// From what a record says, as far as it speaks of any: that there is none is none, whatever is counted; one that
    /// is named and not counted is one.
    pub(super) fn said(
        has: Option<bool>,
        count: Option<u32>,
        model: Option<FeedText<'a>>,
        vendor: Option<FeedText<'a>>,
    ) -> Option<Self> {
        let counted = match (has, count) {
            (Some(false), _) => 0,
            (_, Some(count)) => count,
            (Some(true), None) => 1,
            (None, None) => u32::from(model.is_some()),
        };
        let speaks = has.is_some() || count.is_some() || model.is_some();
        speaks.then_some(Self { count: counted, model, vendor })
    }
}

impl<'a> NodeFacts<'a> {
    /// How many accelerators; a node that doesn't speak of any has none.
    pub fn gpu_count(&self) -> u32 {
        self.gpus.as_ref().map_or(0, |gpus| gpus.count)
    }

    /// Whether anything is known at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What `other` knows beyond these: these win.
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

    /// The size that the site's words say, where it is not the one in bytes.
    pub fn memory_in_words(&self) -> Option<Bytes> {
        let said: Bytes = self.memory_text.as_deref()?.parse().ok()?;
        (Some(said) != self.memory).then_some(said)
    }

    /// Service units for an hour. Where the site doesn't say, Chameleon's rule: one, and two with accelerators.
    pub fn service_units_per_hour(&self) -> Money {
        let rule = Money(if self.gpu_count() > 0 { 2_000_000 } else { 1_000_000 });
        self.su_factor.unwrap_or(rule)
    }

    /// The same, as the planner compares machines.
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

/// One spelling for each architecture: Blazar says `x86-64` where the reference API says `x86_64`.
pub fn arch(text: &str) -> &str {
    match text {
        "x86-64" | "amd64" | "AMD64" | "X86_64" => "x86_64",
        "arm64" | "aarch-64" | "ARM64" => "aarch64",
        other => other,
    }
}

/// The same, of a text that may be borrowed.
pub(super) fn arch_of(text: FeedText<'_>) -> FeedText<'_> {
    if arch(&text) == &*text { text } else { FeedText::from(arch(&text)).into_owned() }
}
