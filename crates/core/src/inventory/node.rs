//! The static nodes of the reference API (Grid'5000's format, as Chameleon uses it).

use serde::Deserialize;

use super::facts::{Gpus, NodeFacts, arch_of};
use super::feed::{BadFeed, Document};
use super::value::{FeedText, Loose, OneOrMany};
use crate::size::Bytes;

/// A node of the reference API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StaticNode<'a> {
    pub(super) uid: FeedText<'a>,
    pub(super) name: Option<FeedText<'a>>,
    pub(super) place: NodeLocation<'a>,
    pub(super) facts: NodeFacts<'a>,
}

/// Site and cluster of a node, as far as they are reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NodeLocation<'a> {
    pub(super) site: Option<FeedText<'a>>,
    pub(super) cluster: Option<FeedText<'a>>,
}

/// Parses the nodes of a document: a list, or one node.
pub(super) fn nodes<'a>(document: &'a Document) -> Result<Vec<StaticNode<'a>>, BadFeed> {
    let raw = match document.list::<RawNode<'a>>()? {
        Some(list) => list,
        None => vec![document.read()?],
    };
    let place = NodeLocation::of_path(&document.name);
    let nodes: Vec<StaticNode<'a>> = raw.into_iter().filter_map(|raw| raw.node(&place)).collect();
    if nodes.is_empty() { Err(document.nothing("nodes")) } else { Ok(nodes) }
}

impl<'a> NodeLocation<'a> {
    /// Reads site and cluster from a path of the reference API, or of its checkout:
    /// `/sites/uc/clusters/chameleon/nodes/…`.
    fn of_path(path: &'a str) -> Self {
        let mut parts = path.split('/');
        let site = parts.by_ref().find(|part| *part == "sites").and_then(|_| parts.next());
        let cluster = parts.next().filter(|part| *part == "clusters").and_then(|_| parts.next());
        Self { site: site.map(FeedText::from), cluster: cluster.map(FeedText::from) }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawNode<'a> {
    #[serde(borrow)]
    uid: Option<FeedText<'a>>,
    #[serde(borrow)]
    node_name: Option<FeedText<'a>>,
    #[serde(borrow)]
    node_type: Loose<'a>,
    #[serde(borrow)]
    links: OneOrMany<RawLink<'a>>,
    #[serde(borrow)]
    architecture: OneOrMany<RawArchitecture<'a>>,
    #[serde(borrow)]
    processor: OneOrMany<RawProcessor<'a>>,
    #[serde(borrow)]
    main_memory: OneOrMany<RawMemory<'a>>,
    #[serde(borrow)]
    gpu: OneOrMany<RawGpu<'a>>,
    #[serde(borrow)]
    infiniband: Loose<'a>,
    #[serde(borrow)]
    storage_devices: OneOrMany<RawDisk<'a>>,
    #[serde(borrow)]
    network_adapters: OneOrMany<RawAdapter<'a>>,
    #[serde(borrow)]
    placement: OneOrMany<RawPlacement<'a>>,
    #[serde(borrow)]
    fpga: OneOrMany<RawFpga<'a>>,
    #[serde(borrow)]
    su_factor: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawLink<'a> {
    #[serde(borrow)]
    href: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawArchitecture<'a> {
    #[serde(borrow)]
    platform_type: Loose<'a>,
    #[serde(borrow)]
    smp_size: Loose<'a>,
    #[serde(borrow)]
    smt_size: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawProcessor<'a> {
    #[serde(borrow)]
    model: Loose<'a>,
    #[serde(borrow)]
    vendor: Loose<'a>,
    #[serde(borrow)]
    clock_speed: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawMemory<'a> {
    #[serde(borrow)]
    ram_size: Loose<'a>,
    #[serde(borrow)]
    humanized_ram_size: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawGpu<'a> {
    #[serde(borrow)]
    gpu: Loose<'a>,
    #[serde(borrow)]
    gpu_count: Loose<'a>,
    #[serde(borrow)]
    gpu_model: Loose<'a>,
    #[serde(borrow)]
    gpu_vendor: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawDisk<'a> {
    #[serde(borrow)]
    size: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawAdapter<'a> {
    #[serde(borrow)]
    rate: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPlacement<'a> {
    #[serde(borrow)]
    rack: Loose<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawFpga<'a> {
    #[serde(borrow)]
    board_model: Loose<'a>,
}

impl<'a> RawNode<'a> {
    /// `None` if the node has no id: it can't be reserved.
    fn node(self, file: &NodeLocation<'a>) -> Option<StaticNode<'a>> {
        let uid = self.uid.filter(|uid| !uid.is_empty())?;
        let links = self.links.0.into_iter().map(|link| NodeLocation::of_link(link.href));
        let place = links.into_iter().find(|place| place.site.is_some()).unwrap_or_else(|| file.clone());
        let architecture = only(self.architecture);
        let processor = only(self.processor);
        let memory = only(self.main_memory);
        let disks = self.storage_devices.0;
        let sizes: Vec<u64> = disks.iter().filter_map(|disk| disk.size.whole()).collect();
        let facts = NodeFacts {
            node_type: self.node_type.text(),
            arch: architecture.platform_type.text().map(arch_of),
            sockets: architecture.smp_size.count(),
            threads: architecture.smt_size.count(),
            cpu_model: processor.model.text(),
            cpu_vendor: processor.vendor.text(),
            clock_speed: processor.clock_speed.whole(),
            memory: memory.ram_size.whole().map(Bytes),
            memory_text: memory.humanized_ram_size.text(),
            gpus: gpus(self.gpu.0),
            infiniband: self.infiniband.flag(),
            disk: (!sizes.is_empty()).then(|| Bytes(sizes.iter().sum())),
            disks: u32::try_from(disks.len()).ok().filter(|count| *count > 0),
            network: self.network_adapters.0.iter().filter_map(|adapter| adapter.rate.whole()).max(),
            rack: only(self.placement).rack.text(),
            fpga: only(self.fpga).board_model.text(),
            su_factor: self.su_factor.text().and_then(|factor| factor.parse().ok()),
        };
        Some(StaticNode { uid, name: self.node_name.filter(|name| !name.is_empty()), place, facts })
    }
}

impl<'a> NodeLocation<'a> {
    /// Borrows from the link, except from a link with escapes, whose text is copied.
    fn of_link(href: std::borrow::Cow<'a, str>) -> Self {
        match href {
            std::borrow::Cow::Borrowed(path) => Self::of_path(path),
            std::borrow::Cow::Owned(path) => {
                let place = NodeLocation::of_path(&path);
                Self { site: place.site.map(FeedText::into_owned), cluster: place.cluster.map(FeedText::into_owned) }
            }
        }
    }
}

fn only<T: Default>(parts: OneOrMany<T>) -> T {
    parts.0.into_iter().next().unwrap_or_default()
}

/// Adds up a list of GPUs.
fn gpus<'a>(parts: Vec<RawGpu<'a>>) -> Option<Gpus<'a>> {
    let reported = |part: RawGpu<'a>| {
        Gpus::reported(part.gpu.flag(), part.gpu_count.count(), part.gpu_model.text(), part.gpu_vendor.text())
    };
    parts.into_iter().filter_map(reported).reduce(|all, more| Gpus {
        count: all.count.saturating_add(more.count),
        model: all.model.or(more.model),
        vendor: all.vendor.or(more.vendor),
    })
}
