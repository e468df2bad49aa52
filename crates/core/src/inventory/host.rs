//! Blazar's hosts, and the map from its host ids to nodes.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer};

use super::facts::{Gpus, NodeFacts, arch_of};
use super::feed::{BadFeed, Document};
use super::value::{Entries, FeedText, Loose};
use crate::size::Bytes;

/// A host of Blazar's `/os-hosts`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BlazarHost<'a> {
    /// Blazar's id: a number, or a UUID at sites with a patched Blazar.
    pub(super) id: FeedText<'a>,
    pub(super) uid: Option<FeedText<'a>>,
    /// Nova's name of the hypervisor: on bare metal, the uid of the node.
    pub(super) hostname: Option<FeedText<'a>>,
    pub(super) node_name: Option<FeedText<'a>>,
    pub(super) facts: NodeFacts<'a>,
    /// True if an operator has excluded it from reservation.
    pub(super) is_out_of_service: bool,
}

/// The hosts of a document.
pub(super) fn hosts(document: &Document) -> Result<Vec<BlazarHost<'_>>, BadFeed> {
    let hosts: Vec<BlazarHost<'_>> = match document.list()? {
        Some(list) => list,
        // `openstack reservation host show -f json` writes a single host.
        None => vec![document.read()?],
    };
    let hosts: Vec<_> = hosts.into_iter().filter(|host| !host.id.is_empty()).collect();
    if hosts.is_empty() { Err(document.nothing("hosts")) } else { Ok(hosts) }
}

/// The entries of a resource map: Blazar's host id, and the uid or name of the node.
pub(super) fn resource_map<'a>(document: &'a Document) -> Result<Vec<(FeedText<'a>, FeedText<'a>)>, BadFeed> {
    let mut map = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(document.text()?);
    let entries = Entries(|id: Cow<'a, str>, node: Loose<'a>| map.extend(node.text().map(|node| (FeedText(id), node))));
    entries.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| document.bad(&error))?;
    if map.is_empty() { Err(document.nothing("hosts")) } else { Ok(map) }
}

impl<'de: 'a, 'a> Deserialize<'de> for BlazarHost<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut host = RawHost::default();
        Entries(|key, value| host.take(key, value)).deserialize(deserializer)?;
        Ok(host.done())
    }
}

#[derive(Default)]
struct RawHost<'a> {
    host: BlazarHost<'a>,
    has_gpu: Option<bool>,
    gpu_count: Option<u32>,
    gpu_model: Option<FeedText<'a>>,
    gpu_vendor: Option<FeedText<'a>>,
    /// Nova's numbers. On bare metal they are 0 and meaningless.
    nova: Nova,
    is_virtual: bool,
}

#[derive(Default)]
struct Nova {
    cpus: Option<u32>,
    memory_mib: Option<u64>,
    disk_gib: Option<u64>,
}

impl<'a> RawHost<'a> {
    fn take(&mut self, key: Cow<'a, str>, value: Loose<'a>) {
        let BlazarHost { id, uid, hostname, node_name, facts, is_out_of_service } = &mut self.host;
        match key.as_ref() {
            "id" => *id = value.text().unwrap_or_default(),
            "uid" => *uid = value.text(),
            "hypervisor_hostname" => *hostname = value.text(),
            "node_name" => *node_name = value.text(),
            "disabled" => *is_out_of_service |= value.flag() == Some(true),
            "reservable" => *is_out_of_service |= value.flag() == Some(false),
            "hypervisor_type" => {
                self.is_virtual = value.text().is_some_and(|kind| !kind.eq_ignore_ascii_case("ironic"));
            }
            "vcpus" => self.nova.cpus = value.count(),
            "memory_mb" => self.nova.memory_mib = value.whole(),
            "local_gb" => self.nova.disk_gib = value.whole(),
            "node_type" => facts.node_type = value.text(),
            "architecture.platform_type" => facts.arch = value.text().map(arch_of),
            "cpu_arch" if facts.arch.is_none() => facts.arch = value.text().map(arch_of),
            "architecture.smp_size" => facts.sockets = value.count(),
            "architecture.smt_size" => facts.threads = value.count(),
            "processor.model" => facts.cpu_model = value.text(),
            "processor.vendor" => facts.cpu_vendor = value.text(),
            "processor.clock_speed" => facts.clock_speed = value.whole(),
            "main_memory.ram_size" => facts.memory = value.whole().map(Bytes),
            "main_memory.humanized_ram_size" => facts.memory_text = value.text(),
            "gpu.gpu" => self.has_gpu = value.flag(),
            "gpu.gpu_count" => self.gpu_count = value.count(),
            "gpu.gpu_model" => self.gpu_model = value.text(),
            "gpu.gpu_vendor" => self.gpu_vendor = value.text(),
            "infiniband" => facts.infiniband = value.flag(),
            "placement.rack" => facts.rack = value.text(),
            "fpga.board_model" => facts.fpga = value.text(),
            "su_factor" => facts.su_factor = value.text().and_then(|factor| factor.parse().ok()),
            "resource_properties" => self.take_properties(value),
            numbered => self.take_device(numbered, &value),
        }
    }

    /// Reads properties from a string that contains a JSON object.
    fn take_properties(&mut self, value: Loose<'a>) {
        let Loose::FeedText(json) = value else { return };
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        // A string that is not a JSON object is some other property: ignored like every unknown one.
        let _ = Entries(|key: Cow<'_, str>, value: Loose<'_>| {
            self.take(Cow::Owned(key.into_owned()), owned(value));
        })
        .deserialize(&mut deserializer);
    }

    /// Reads `storage_devices.0.size` and `network_adapters.1.rate`.
    fn take_device(&mut self, key: &str, value: &Loose<'_>) {
        let facts = &mut self.host.facts;
        let is_disk = key.starts_with("storage_devices.");
        if is_disk && key.ends_with(".size") {
            facts.disk = value.whole().map(|size| facts.disk.unwrap_or_default().plus(Bytes(size))).or(facts.disk);
            facts.disks = Some(facts.disks.unwrap_or(0) + 1);
        }
        if key.starts_with("network_adapters.") && key.ends_with(".rate") {
            facts.network = facts.network.max(value.whole());
        }
    }

    fn done(mut self) -> BlazarHost<'a> {
        let facts = &mut self.host.facts;
        facts.gpus = Gpus::reported(self.has_gpu, self.gpu_count, self.gpu_model, self.gpu_vendor);
        if self.is_virtual {
            facts.threads = facts.threads.or(self.nova.cpus);
            facts.memory = facts.memory.or(self.nova.memory_mib.map(Bytes::mib));
            facts.disk = facts.disk.or(self.nova.disk_gib.map(Bytes::gib));
        }
        self.host
    }
}

fn owned<'a>(value: Loose<'_>) -> Loose<'a> {
    match value {
        Loose::Nothing => Loose::Nothing,
        Loose::Flag(flag) => Loose::Flag(flag),
        Loose::Whole(number) => Loose::Whole(number),
        Loose::Fraction(number) => Loose::Fraction(number),
        Loose::FeedText(text) => Loose::FeedText(Cow::Owned(text.into_owned())),
    }
}
