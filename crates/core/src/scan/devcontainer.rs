//! Development containers: `hostRequirements`, and the image.

use std::num::NonZeroU32;

use super::docker;
use super::finding::{Confidence, Fact};
use super::node::{self, Node, Value};
use super::notes::Notes;
use crate::demand::GpuNeed;
use crate::size::Bytes;

/// Notes what a `devcontainer.json` asks for.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    let Some(file) = notes.read(node::jsonc(text)) else { return };
    if let Some(image) = file.get("image")
        && let Some(name) = image.scalar()
    {
        notes.add(Fact::BaseImage(name.to_owned()), Confidence::Stated, image.line, name);
        docker::note_image(notes, name, image.line, Confidence::Implied);
        docker::note_python_image(notes, name, image.line);
    }
    let Some(needs) = file.get("hostRequirements") else { return };
    if let Some(cpus) = needs.get("cpus")
        && let Some(count) = cpus.scalar().and_then(|text| text.parse().ok())
    {
        notes.add(Fact::Cpus(count), Confidence::Stated, cpus.line, &format!("cpus: {count}"));
    }
    for (key, fact) in [("memory", Fact::Memory as fn(Bytes) -> Fact), ("storage", Fact::Disk)] {
        let Some(node) = needs.get(key) else { continue };
        match node.scalar().and_then(|text| text.parse().ok()) {
            Some(bytes) => notes.add(fact(bytes), Confidence::Stated, node.line, &format!("{key}: {bytes}")),
            None => notes.problem(node.line, format!("`{key}` is not a size")),
        }
    }
    if let Some(gpu) = needs.get("gpu") {
        scan_gpu(notes, gpu);
    }
}

/// `true`, `"optional"`, or a map of what the GPU must have.
fn scan_gpu(notes: &mut Notes<'_>, gpu: &Node) {
    let sure = match &gpu.value {
        Value::Bool(true) | Value::Map(_) => Confidence::Stated,
        Value::Text(text) if text == "true" => Confidence::Stated,
        Value::Text(text) if text == "optional" => Confidence::Guessed,
        _ => return,
    };
    notes.add(Fact::Gpu(GpuNeed { model: None, count: NonZeroU32::MIN }), sure, gpu.line, "gpu");
}
