//! SkyPilot's task files in a repository.

use std::num::NonZeroU32;

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::node::{self, DocNode, DocValue};
use crate::demand::GpuRequirement;
use crate::size::Bytes;

/// Scans a task file. Ignores other YAML files, and templates that are not valid YAML.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    if !text.lines().any(|line| line.starts_with("resources:")) {
        return;
    }
    let Some(file) = node::yaml(text).ok().filter(is_task) else { return };
    if let Some(nodes) = file.get("num_nodes")
        && let Some(count) = nodes.scalar().and_then(|text| text.parse::<NonZeroU32>().ok())
    {
        findings.add(ScanFact::Nodes(count), Confidence::Stated, nodes.line, &format!("num_nodes: {count}"));
    }
    if let Some(resources) = file.get("resources") {
        scan_resources(findings, resources);
    }
    for (key, fact) in [("setup", ScanFact::Setup as fn(String) -> ScanFact), ("run", ScanFact::Run)] {
        if let Some(script) = file.get(key)
            && let DocValue::Text(text) = &script.value
        {
            // A task in a nested directory is one of several, each for its own directory.
            let confidence = if findings.at_top() { Confidence::Stated } else { Confidence::Guessed };
            findings.add(fact(text.trim_end().to_owned()), confidence, script.line, &format!("{key}: {text}"));
        }
    }
}

/// True for SkyPilot tasks. Kubernetes and other formats have `resources` too.
fn is_task(file: &DocNode) -> bool {
    let has = |key| file.get(key).is_some();
    file.get("resources").is_some_and(DocNode::is_map)
        && ["run", "setup", "num_nodes", "workdir", "file_mounts"].into_iter().any(has)
        && !["apiVersion", "kind", "services", "jobs", "on"].into_iter().any(has)
}

fn scan_resources(findings: &mut FileFindings<'_>, resources: &DocNode) {
    let field = |key| resources.get(key).and_then(|node| Some((node.scalar()?, node.line)));
    let number = |text: &str| text.trim_end_matches('+').trim().parse::<f64>().ok().filter(|n| (0.0..1e6).contains(n));
    let size = |text: &str| text.trim_end_matches('+').parse::<Bytes>().ok();
    if let Some((text, line)) = field("cpus")
        && let Some(count) = number(text)
    {
        findings.add(ScanFact::Cpus(count.ceil() as u32), Confidence::Stated, line, &format!("cpus: {text}"));
    }
    if let Some((text, line)) = field("memory")
        && let Some(bytes) = size(text)
    {
        findings.add(ScanFact::Memory(bytes), Confidence::Stated, line, &format!("memory: {text}"));
    }
    if let Some((text, line)) = field("disk_size")
        && let Some(bytes) = size(text)
    {
        findings.add(ScanFact::Disk(bytes), Confidence::Stated, line, &format!("disk_size: {text}"));
    }
    if let Some(node) = resources.get("accelerators")
        && let Some(requirement) = accelerators(node)
    {
        let evidence = format!("accelerators: {requirement}");
        findings.add(ScanFact::Gpu(requirement), Confidence::Stated, node.line, &evidence);
    }
}

/// GPUs of `V100:2`, `{V100: 2}`, or of several alternatives: then the smallest count of any model. TPUs are ignored.
fn accelerators(node: &DocNode) -> Option<GpuRequirement> {
    let named = |name: &str, count: &str| {
        let count = count.trim().parse::<f64>().ok().filter(|count| (0.0..1e4).contains(count))?.ceil() as u32;
        let model = Some(name.trim().to_owned()).filter(|name| !name.to_ascii_lowercase().starts_with("tpu"))?;
        Some(GpuRequirement { model: Some(model), count: NonZeroU32::new(count)? })
    };
    let from_text = |text: &str| match text.split_once(':') {
        Some((name, count)) => named(name, count),
        None => named(text, "1"),
    };
    let mut all: Vec<GpuRequirement> = match &node.value {
        DocValue::Map(entries) => {
            entries.iter().filter_map(|(name, count)| named(name, count.scalar().unwrap_or("1"))).collect()
        }
        DocValue::List(items) => items.iter().filter_map(DocNode::scalar).filter_map(from_text).collect(),
        _ => node.scalar().and_then(from_text).into_iter().collect(),
    };
    match all.len() {
        0 | 1 => all.pop(),
        _ => all.iter().map(|requirement| requirement.count).min().map(|count| GpuRequirement { model: None, count }),
    }
}
