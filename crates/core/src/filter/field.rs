//! The fields that a filter can ask for.

use super::{Known, Literal};
use crate::inventory::{InventoryNode, InventorySite, arch};
use crate::money::Money;
use crate::name::Name;
use crate::offer::{Offer, PriceUnit};
use crate::size::Bytes;

/// A fact that a filter can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The site's id.
    Site,
    /// The node's id.
    Uid,
    /// The node's name.
    Name,
    /// The site's name for this shape of hardware.
    NodeType,
    /// Architecture.
    Arch,
    /// Hardware threads.
    Threads,
    /// Processors in their sockets.
    Sockets,
    /// The processor's model.
    CpuModel,
    /// The processor's maker.
    CpuVendor,
    /// The processor's clock.
    ClockSpeed,
    /// Memory.
    Memory,
    /// Whether there are accelerators.
    Gpu,
    /// How many accelerators.
    GpuCount,
    /// The accelerators' model.
    GpuModel,
    /// The accelerators' maker.
    GpuVendor,
    /// Whether it has InfiniBand.
    Infiniband,
    /// All disks together.
    Disk,
    /// How many disks.
    Disks,
    /// The fastest network adapter.
    Network,
    /// The rack.
    Rack,
    /// The FPGA board.
    Fpga,
    /// Service units an hour.
    SuFactor,
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// A number of bytes, as `256GiB`.
    Size,
    /// Bits a second, as `25Gbps`.
    Rate,
    /// A text; case doesn't count.
    Text,
}

/// Every field: its names, the one that is shown first, its kind, and what it is.
pub const FIELDS: &[(Field, &[&str], FieldType, &str)] = &[
    (Field::Site, &["site"], FieldType::Text, "the site's id, as `uc`"),
    (Field::Uid, &["uid", "node_uuid", "hypervisor_hostname"], FieldType::Text, "the node's id"),
    (Field::Name, &["name", "node_name", "hostname"], FieldType::Text, "the node's name"),
    (Field::NodeType, &["node_type", "type"], FieldType::Text, "the site's name for this shape of hardware"),
    (
        Field::Arch,
        &["arch", "architecture.platform_type", "cpu_arch"],
        FieldType::Text,
        "the architecture, as `x86_64`",
    ),
    (
        Field::Threads,
        &["threads", "smt", "architecture.smt_size", "smt_size", "cpus", "vcpus", "cores"],
        FieldType::Number,
        "hardware threads: what `nproc` says",
    ),
    (
        Field::Sockets,
        &["sockets", "architecture.smp_size", "smp_size"],
        FieldType::Number,
        "processors in their sockets",
    ),
    (Field::CpuModel, &["cpu_model", "processor.model", "processor"], FieldType::Text, "the processor's model"),
    (Field::CpuVendor, &["cpu_vendor", "processor.vendor"], FieldType::Text, "the processor's maker"),
    (
        Field::ClockSpeed,
        &["clock_speed", "processor.clock_speed"],
        FieldType::Number,
        "the processor's clock, in hertz",
    ),
    (
        Field::Memory,
        &["ram", "memory", "main_memory.ram_size", "ram_size"],
        FieldType::Size,
        "memory, in bytes: what `256 GiB` is called may have less",
    ),
    (
        Field::Gpu,
        &["gpu", "gpu.gpu"],
        FieldType::Flag,
        "whether there are accelerators, whatever the node type is called",
    ),
    (Field::GpuCount, &["gpu_count", "gpu.gpu_count", "gpus"], FieldType::Number, "how many accelerators"),
    (Field::GpuModel, &["model", "gpu_model", "gpu.gpu_model"], FieldType::Text, "the accelerators' model"),
    (Field::GpuVendor, &["gpu_vendor", "gpu.gpu_vendor", "vendor"], FieldType::Text, "the accelerators' maker"),
    (Field::Infiniband, &["infiniband", "ib"], FieldType::Flag, "whether it has InfiniBand"),
    (Field::Disk, &["disk", "storage"], FieldType::Size, "all disks together"),
    (Field::Disks, &["disks", "storage_devices"], FieldType::Number, "how many disks"),
    (Field::Network, &["network", "rate"], FieldType::Rate, "the fastest network adapter, as `25Gbps`"),
    (Field::Rack, &["rack", "placement.rack"], FieldType::Text, "the rack"),
    (Field::Fpga, &["fpga", "fpga.board_model"], FieldType::Text, "the FPGA board"),
    (Field::SuFactor, &["su_factor"], FieldType::Number, "service units an hour"),
];

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        let named = |names: &&[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        FIELDS.iter().find(|(_, names, _, _)| named(names)).map(|(field, ..)| *field)
    }

    fn row(self) -> (&'static [&'static str], FieldType) {
        let row = FIELDS.iter().find(|(field, ..)| *field == self);
        row.map_or((&["?"], FieldType::Text), |(_, names, kind, _)| (*names, *kind))
    }

    /// Its shortest name.
    pub fn name(self) -> &'static str {
        self.row().0[0]
    }

    /// What its value is.
    pub fn kind(self) -> FieldType {
        self.row().1
    }

    pub(super) fn show(self, literal: &Literal) -> String {
        match literal {
            Literal::Flag(flag) => flag.to_string(),
            Literal::Text(text) if text.contains('\'') => format!("\"{text}\""),
            Literal::Text(text) if text.is_empty() || text.contains(|c: char| !is_plain(c)) => format!("'{text}'"),
            Literal::Text(text) => text.clone(),
            Literal::Number(number) if self.kind() == FieldType::Size => exact_size(*number as u64),
            Literal::Number(number) => number.to_string(),
        }
    }

    /// What a node is known to have of it. Who doesn't speak of accelerators, InfiniBand or an FPGA has none.
    pub(super) fn of<'n>(self, site: &'n InventorySite<'_>, node: &'n InventoryNode<'_>) -> Known<'n> {
        let facts = &node.facts;
        let gpus = facts.gpus.as_ref();
        match self {
            Self::Site => Known::Text(&site.id),
            Self::Uid => Known::Text(&node.uid),
            Self::Name => text(node.name.as_deref()),
            Self::NodeType => text(facts.node_type.as_deref()),
            Self::Arch => text(facts.arch.as_deref()),
            Self::Threads => number(facts.threads),
            Self::Sockets => number(facts.sockets),
            Self::CpuModel => text(facts.cpu_model.as_deref()),
            Self::CpuVendor => text(facts.cpu_vendor.as_deref()),
            Self::ClockSpeed => large(facts.clock_speed),
            Self::Memory => large(facts.memory.map(|memory| memory.0)),
            Self::Gpu => Known::Flag(facts.gpu_count() > 0),
            Self::GpuCount => number(Some(facts.gpu_count())),
            Self::GpuModel => Known::Text(gpus.and_then(|gpus| gpus.model.as_deref()).unwrap_or_default()),
            Self::GpuVendor => Known::Text(gpus.and_then(|gpus| gpus.vendor.as_deref()).unwrap_or_default()),
            Self::Infiniband => Known::Flag(facts.infiniband == Some(true)),
            Self::Disk => large(facts.disk.map(|disk| disk.0)),
            Self::Disks => number(facts.disks),
            Self::Network => large(facts.network),
            Self::Rack => text(facts.rack.as_deref()),
            Self::Fpga => Known::Text(facts.fpga.as_deref().unwrap_or_default()),
            Self::SuFactor => {
                facts.su_factor.map_or(Known::Nothing, |Money(micros)| Known::Number(micros as f64 / 1e6))
            }
        }
    }

    /// What an offer is known to have of it, by what [`NodeFacts::to_offer`](crate::inventory::NodeFacts::to_offer) keeps
    /// of a node.
    pub(super) fn of_offer(self, offer: &Offer) -> Known<'_> {
        let facts = &offer.facts;
        let label = |name: &str| facts.labels.get(name).map(String::as_str);
        match self {
            Self::Site => Known::Text(offer.site.place.as_ref().map_or(offer.site.provider.as_str(), Name::as_str)),
            Self::NodeType => Known::Text(&offer.node_type),
            Self::Arch => text(facts.arch.as_deref()),
            Self::Threads => number(facts.cpus),
            Self::CpuModel => text(label("cpu_model")),
            Self::Memory => large(facts.memory.map(|memory| memory.0)),
            Self::Gpu => Known::Flag(!facts.gpus.is_empty()),
            Self::GpuCount => Known::Number(facts.gpus.len() as f64),
            Self::GpuModel => Known::Text(facts.gpus.first().map(|gpu| gpu.model.as_str()).unwrap_or_default()),
            Self::Infiniband => Known::Flag(label("infiniband") == Some("true")),
            Self::Disk => large(facts.disk.map(|disk| disk.0)),
            Self::Fpga => Known::Text(label("fpga").unwrap_or_default()),
            Self::SuFactor if offer.terms.unit == PriceUnit::ServiceUnits => {
                offer.price_per_hour.map_or(Known::Nothing, |Money(micros)| Known::Number(micros as f64 / 1e6))
            }
            Self::Uid | Self::Name | Self::Sockets | Self::CpuVendor | Self::ClockSpeed | Self::GpuVendor => {
                Known::Nothing
            }
            Self::Disks | Self::Network | Self::Rack | Self::SuFactor => Known::Nothing,
        }
    }

    /// The literal that a text is for this field; `None` where it is none.
    pub(super) fn literal(self, value: &str) -> Option<Literal> {
        match self.kind() {
            FieldType::Flag => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(Literal::Flag(true)),
                "false" | "no" | "0" => Some(Literal::Flag(false)),
                _ => None,
            },
            FieldType::Number => value.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::Number),
            // A bare number is bytes, as in Blazar's own queries; one that can't be meant so is refused.
            FieldType::Size => match value.parse::<u64>() {
                Ok(bytes) => (bytes >= 1 << 20).then_some(Literal::Number(bytes as f64)),
                Err(_) => value.parse().ok().map(|Bytes(bytes)| Literal::Number(bytes as f64)),
            },
            FieldType::Rate => rate(value).map(Literal::Number),
            FieldType::Text if self == Self::Arch => Some(Literal::Text(arch(value).to_owned())),
            FieldType::Text => Some(Literal::Text(value.to_owned())),
        }
    }
}

/// What needs no quotes.
pub(super) fn is_plain(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '=' | '!' | '<' | '>' | '~' | '&' | '|' | '"' | '\'' | ',')
}

fn text(text: Option<&str>) -> Known<'_> {
    text.map_or(Known::Nothing, Known::Text)
}

fn number<'n>(number: Option<u32>) -> Known<'n> {
    number.map_or(Known::Nothing, |number| Known::Number(f64::from(number)))
}

/// Exact up to eight petabytes.
fn large<'n>(number: Option<u64>) -> Known<'n> {
    number.map_or(Known::Nothing, |number| Known::Number(number as f64))
}

fn exact_size(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("GB", 1_000_000_000), ("MB", 1_000_000)];
    let exact = units.into_iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    exact.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// `25Gbps`, `100G`, or bits a second.
fn rate(text: &str) -> Option<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let times = match unit.to_ascii_lowercase().trim_end_matches("bps").trim_end_matches("bit/s") {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        _ => return None,
    };
    number.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * times)
}
