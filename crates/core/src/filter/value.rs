//! The value of a field, read from a node or an offer.

use super::field::Field;
use crate::inventory::{InventoryNode, InventorySite};
use crate::money::Money;
use crate::name::Name;
use crate::offer::{Offer, PriceUnit};

/// The value of one field. `Unknown`: not reported.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FieldValue<'n> {
    Unknown,
    Flag(bool),
    Number(f64),
    Text(&'n str),
}

/// The value of a field of a node. A node that does not report GPUs, InfiniBand or an FPGA has none.
pub(super) fn of_node<'n>(field: Field, site: &'n InventorySite<'_>, node: &'n InventoryNode<'_>) -> FieldValue<'n> {
    let facts = &node.facts;
    let gpus = facts.gpus.as_ref();
    match field {
        Field::Site => FieldValue::Text(&site.id),
        Field::Uid => FieldValue::Text(&node.uid),
        Field::Name => text(node.name.as_deref()),
        Field::NodeType => text(facts.node_type.as_deref()),
        Field::Arch => text(facts.arch.as_deref()),
        Field::Threads => number(facts.threads),
        Field::Sockets => number(facts.sockets),
        Field::CpuModel => text(facts.cpu_model.as_deref()),
        Field::CpuVendor => text(facts.cpu_vendor.as_deref()),
        Field::ClockSpeed => large(facts.clock_speed),
        Field::Memory => large(facts.memory.map(|memory| memory.0)),
        Field::Gpu => FieldValue::Flag(facts.gpu_count() > 0),
        Field::GpuCount => number(Some(facts.gpu_count())),
        Field::GpuModel => FieldValue::Text(gpus.and_then(|gpus| gpus.model.as_deref()).unwrap_or_default()),
        Field::GpuVendor => FieldValue::Text(gpus.and_then(|gpus| gpus.vendor.as_deref()).unwrap_or_default()),
        Field::Infiniband => FieldValue::Flag(facts.infiniband == Some(true)),
        Field::Disk => large(facts.disk.map(|disk| disk.0)),
        Field::Disks => number(facts.disks),
        Field::Network => large(facts.network),
        Field::Rack => text(facts.rack.as_deref()),
        Field::Fpga => FieldValue::Text(facts.fpga.as_deref().unwrap_or_default()),
        Field::SuFactor => service_units(facts.su_factor),
    }
}

/// The value of a field of an offer: of the facts that
/// [`NodeFacts::to_offer`](crate::inventory::NodeFacts::to_offer) keeps.
pub(super) fn of_offer(field: Field, offer: &Offer) -> FieldValue<'_> {
    let facts = &offer.facts;
    let label = |name: &str| facts.labels.get(name).map(String::as_str);
    match field {
        Field::Site => FieldValue::Text(offer.site.place.as_ref().map_or(offer.site.provider.as_str(), Name::as_str)),
        Field::NodeType => FieldValue::Text(&offer.node_type),
        Field::Arch => text(facts.arch.as_deref()),
        Field::Threads => number(facts.cpus),
        Field::CpuModel => text(label("cpu_model")),
        Field::Memory => large(facts.memory.map(|memory| memory.0)),
        Field::Gpu => FieldValue::Flag(!facts.gpus.is_empty()),
        Field::GpuCount => FieldValue::Number(facts.gpus.len() as f64),
        Field::GpuModel => FieldValue::Text(facts.gpus.first().map(|gpu| gpu.model.as_str()).unwrap_or_default()),
        Field::Infiniband => FieldValue::Flag(label("infiniband") == Some("true")),
        Field::Disk => large(facts.disk.map(|disk| disk.0)),
        Field::Fpga => FieldValue::Text(label("fpga").unwrap_or_default()),
        Field::SuFactor if offer.unit == PriceUnit::ServiceUnits => service_units(offer.price_per_hour),
        Field::Uid | Field::Name | Field::Sockets | Field::CpuVendor | Field::ClockSpeed | Field::GpuVendor => {
            FieldValue::Unknown
        }
        Field::Disks | Field::Network | Field::Rack | Field::SuFactor => FieldValue::Unknown,
    }
}

fn text(text: Option<&str>) -> FieldValue<'_> {
    text.map_or(FieldValue::Unknown, FieldValue::Text)
}

fn number<'n>(number: Option<u32>) -> FieldValue<'n> {
    number.map_or(FieldValue::Unknown, |number| FieldValue::Number(f64::from(number)))
}

/// Exact up to 2⁵³: eight petabytes.
fn large<'n>(number: Option<u64>) -> FieldValue<'n> {
    number.map_or(FieldValue::Unknown, |number| FieldValue::Number(number as f64))
}

fn service_units<'n>(amount: Option<Money>) -> FieldValue<'n> {
    amount.map_or(FieldValue::Unknown, |Money(micros)| FieldValue::Number(micros as f64 / 1e6))
}
