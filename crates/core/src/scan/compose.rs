//! Compose files: resources that services reserve. Limits are ignored, as they are not requirements.

use std::num::NonZeroU32;

use super::collect::FileFindings;
use super::docker;
use super::finding::{Confidence, ScanFact};
use super::node::{self, DocNode, DocValue};
use crate::demand::GpuRequirement;
use crate::size::Bytes;

/// Records the reservations of a compose file. Its services share one machine: CPUs and memory add up, GPUs may be
/// shared.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::yaml(text)) else { return };
    let (mut cpus, mut memory) = (ReservationSum::default(), ReservationSum::default());
    for (_, service) in file.get("services").map_or(&[][..], DocNode::entries) {
        if let Some(image) = service.get("image").and_then(DocNode::scalar) {
            docker::note_image(findings, image, service.get("image").map_or(1, |node| node.line), Confidence::Implied);
        }
        scan_gpus(findings, service);
        let reserved = service.at(&["deploy", "resources", "reservations"]);
        cpus.add(reserved.and_then(|node| node.get("cpus")), |text| Some((text.parse::<f64>().ok()? * 1000.0) as u64));
        memory.add(reserved.and_then(|node| node.get("memory")), |text| bytes(text).map(|bytes| bytes.0));
    }
    if let (Some(line), Ok(count)) = (cpus.line, u32::try_from(cpus.sum.div_ceil(1000))) {
        findings.add(ScanFact::Cpus(count), Confidence::Stated, line, &format!("cpus: {count}"));
    }
    if let Some(line) = memory.line {
        findings.add(
            ScanFact::Memory(Bytes(memory.sum)),
            Confidence::Stated,
            line,
            &format!("memory: {}", Bytes(memory.sum)),
        );
    }
}

/// Sum of the reservations of all services, with the line of the first.
#[derive(Default)]
struct ReservationSum {
    sum: u64,
    line: Option<u32>,
}

impl ReservationSum {
    fn add(&mut self, node: Option<&DocNode>, read: impl Fn(&str) -> Option<u64>) {
        if let Some(node) = node
            && let Some(amount) = node.scalar().and_then(read).filter(|amount| *amount > 0)
        {
            self.sum = self.sum.saturating_add(amount);
            self.line = self.line.or(Some(node.line));
        }
    }
}

/// Parses a size. Compose's units are binary in all spellings; a bare number is bytes.
fn bytes(text: &str) -> Option<Bytes> {
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_end_matches('b');
    let unit = if unit.ends_with(|c: char| c.is_ascii_digit()) { format!("{unit}b") } else { unit.to_owned() };
    unit.parse().ok()
}

fn scan_gpus(findings: &mut FileFindings<'_>, service: &DocNode) {
    let devices = service.at(&["deploy", "resources", "reservations", "devices"]).map_or(&[][..], DocNode::items);
    for device in devices.iter().filter(|device| device.get("capabilities").is_some_and(names_gpu)) {
        let ids = device.get("device_ids").map_or(0, |ids| ids.items().len());
        let count = device.get("count").and_then(DocNode::scalar).and_then(|count| count.parse().ok());
        note_gpus(findings, count.or(u32::try_from(ids).ok()), device.line, "capabilities: [gpu]");
    }
    if let Some(runtime) = service.get("runtime").filter(|node| node.scalar() == Some("nvidia")) {
        note_gpus(findings, None, runtime.line, "runtime: nvidia");
    }
    if let Some(gpus) = service.get("gpus").filter(|node| node.value != DocValue::Null) {
        note_gpus(findings, None, gpus.line, "gpus");
    }
}

/// Records GPUs. A missing count means `all`, which is at least one.
fn note_gpus(findings: &mut FileFindings<'_>, count: Option<u32>, line: u32, evidence: &str) {
    let count = count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    findings.add(ScanFact::Gpu(GpuRequirement { model: None, count }), Confidence::Stated, line, evidence);
}

/// True if a list of capabilities, or a list of such lists, contains `gpu`.
fn names_gpu(capabilities: &DocNode) -> bool {
    capabilities
        .items()
        .iter()
        .any(|item| item.scalar() == Some("gpu") || item.items().iter().any(|inner| inner.scalar() == Some("gpu")))
}
