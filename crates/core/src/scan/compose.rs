//! Compose files: what services reserve. Their limits are no needs.

use std::num::NonZeroU32;

use super::docker;
use super::finding::{Confidence, Fact};
use super::node::{self, Node, Value};
use super::notes::Notes;
use crate::demand::GpuNeed;
use crate::size::Bytes;

/// Notes what the services of a compose file reserve. They run side by side on one machine: processors and memory add
/// up, while GPUs may be shared.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::yaml(text)) else { return };
    let (mut cpus, mut memory) = (Sum::default(), Sum::default());
    for (_, service) in file.get("services").map_or(&[][..], Node::entries) {
        if let Some(image) = service.get("image").and_then(Node::scalar) {
            docker::note_image(notes, image, service.get("image").map_or(1, |node| node.line), Confidence::Implied);
        }
        scan_gpus(notes, service);
        let reserved = service.at(&["deploy", "resources", "reservations"]);
        cpus.add(reserved.and_then(|node| node.get("cpus")), |text| Some((text.parse::<f64>().ok()? * 1000.0) as u64));
        memory.add(reserved.and_then(|node| node.get("memory")), |text| bytes(text).map(|bytes| bytes.0));
    }
    if let (Some(line), Ok(count)) = (cpus.line, u32::try_from(cpus.sum.div_ceil(1000))) {
        notes.add(Fact::Cpus(count), Confidence::Stated, line, &format!("cpus: {count}"));
    }
    if let Some(line) = memory.line {
        notes.add(Fact::Memory(Bytes(memory.sum)), Confidence::Stated, line, &format!("memory: {}", Bytes(memory.sum)));
    }
}

/// What several services reserve together, and where the first does.
#[derive(Default)]
struct Sum {
    sum: u64,
    line: Option<u32>,
}

impl Sum {
    fn add(&mut self, node: Option<&Node>, read: impl Fn(&str) -> Option<u64>) {
        if let Some(node) = node
            && let Some(amount) = node.scalar().and_then(read).filter(|amount| *amount > 0)
        {
            self.sum = self.sum.saturating_add(amount);
            self.line = self.line.or(Some(node.line));
        }
    }
}

/// Compose's sizes are binary, whatever they are called, and bytes where they have no unit.
fn bytes(text: &str) -> Option<Bytes> {
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_end_matches('b');
    let unit = if unit.ends_with(|c: char| c.is_ascii_digit()) { format!("{unit}b") } else { unit.to_owned() };
    unit.parse().ok()
}

fn scan_gpus(notes: &mut Notes<'_>, service: &Node) {
    let devices = service.at(&["deploy", "resources", "reservations", "devices"]).map_or(&[][..], Node::items);
    for device in devices.iter().filter(|device| device.get("capabilities").is_some_and(names_gpu)) {
        let ids = device.get("device_ids").map_or(0, |ids| ids.items().len());
        let count = device.get("count").and_then(Node::scalar).and_then(|count| count.parse().ok());
        note_gpus(notes, count.or(u32::try_from(ids).ok()), device.line, "capabilities: [gpu]");
    }
    if let Some(runtime) = service.get("runtime").filter(|node| node.scalar() == Some("nvidia")) {
        note_gpus(notes, None, runtime.line, "runtime: nvidia");
    }
    if let Some(gpus) = service.get("gpus").filter(|node| node.value != Value::Null) {
        note_gpus(notes, None, gpus.line, "gpus");
    }
}

/// `all` of them is at least one.
fn note_gpus(notes: &mut Notes<'_>, count: Option<u32>, line: u32, evidence: &str) {
    let count = count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    notes.add(Fact::Gpu(GpuNeed { model: None, count }), Confidence::Stated, line, evidence);
}

/// Whether a list of capabilities, or a list of such lists, has `gpu` in it.
fn names_gpu(capabilities: &Node) -> bool {
    capabilities
        .items()
        .iter()
        .any(|item| item.scalar() == Some("gpu") || item.items().iter().any(|inner| inner.scalar() == Some("gpu")))
}
