//! Development containers: `hostRequirements` and the image.

use std::num::NonZeroU32;

use super::collect::FileFindings;
use super::docker;
use super::finding::{Confidence, ScanFact};
use super::node::{self, DocNode, DocValue};
use crate::demand::GpuRequirement;
use crate::size::Bytes;

/// Records findings of a `devcontainer.json`.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let Some(file) = findings.read(node::jsonc(text)) else { return };
    if let Some(image) = file.get("image")
        && let Some(name) = image.scalar()
    {
        findings.add(ScanFact::BaseImage(name.to_owned()), Confidence::Stated, image.line, name);
        docker::note_image(findings, name, image.line, Confidence::Implied);
        docker::note_python_image(findings, name, image.line);
    }
    let Some(needs) = file.get("hostRequirements") else { return };
    if let Some(cpus) = needs.get("cpus")
        && let Some(count) = cpus.scalar().and_then(|text| text.parse().ok())
    {
        findings.add(ScanFact::Cpus(count), Confidence::Stated, cpus.line, &format!("cpus: {count}"));
    }
    for (key, fact) in [("memory", ScanFact::Memory as fn(Bytes) -> ScanFact), ("storage", ScanFact::Disk)] {
        let Some(node) = needs.get(key) else { continue };
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(bytes) => findings.add(fact(bytes), Confidence::Stated, node.line, &format!("{key}: {bytes}")),
            None => findings.problem(node.line, format!("`{key}` is not a size")),
        }
    }
    if let Some(gpu) = needs.get("gpu") {
        scan_gpu(findings, gpu);
    }
}

/// Records `gpu`: `true`, `"optional"`, or a map of GPU properties.
fn scan_gpu(findings: &mut FileFindings<'_>, gpu: &DocNode) {
    let confidence = match &gpu.value {
        DocValue::Bool(true) | DocValue::Map(_) => Confidence::Stated,
        DocValue::Text(text) if text == "true" => Confidence::Stated,
        DocValue::Text(text) if text == "optional" => Confidence::Guessed,
        _ => return,
    };
    findings.add(ScanFact::Gpu(GpuRequirement { model: None, count: NonZeroU32::MIN }), confidence, gpu.line, "gpu");
}
