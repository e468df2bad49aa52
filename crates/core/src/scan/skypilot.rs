//! SkyPilot's task files in a repository.

use std::num::NonZeroU32;

use super::finding::{Confidence, Fact};
use super::node::{self, Node, Value};
use super::notes::Notes;
use crate::demand::GpuNeed;
use crate::size::Bytes;

/// Notes what a task file asks for. Any other YAML, and what is none at all (templates), says nothing.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    if !text.lines().any(|line| line.starts_with("resources:")) {
        return;
    }
    let Some(file) = node::yaml(text).ok().filter(is_task) else { return };
    if let Some(nodes) = file.get("num_nodes")
        && let Some(count) = nodes.scalar().and_then(|text| text.parse::<NonZeroU32>().ok())
    {
        notes.add(Fact::Nodes(count), Confidence::Stated, nodes.line, &format!("num_nodes: {count}"));
    }
    if let Some(resources) = file.get("resources") {
        scan_resources(notes, resources);
    }
    for (key, fact) in [("setup", Fact::Setup as fn(String) -> Fact), ("run", Fact::Run)] {
        if let Some(script) = file.get(key)
            && let Value::Text(text) = &script.value
        {
            // A task deeper in the tree is one of several, each for its own folder.
            let sure = if notes.at_top() { Confidence::Stated } else { Confidence::Guessed };
            notes.add(fact(text.trim_end().to_owned()), sure, script.line, &format!("{key}: {text}"));
        }
    }
}

/// Kubernetes and others have `resources` too.
fn is_task(file: &Node) -> bool {
    let has = |key| file.get(key).is_some();
    file.get("resources").is_some_and(Node::is_map)
        && ["run", "setup", "num_nodes", "workdir", "file_mounts"].into_iter().any(has)
        && !["apiVersion", "kind", "services", "jobs", "on"].into_iter().any(has)
}

fn scan_resources(notes: &mut Notes<'_>, resources: &Node) {
    let field = |key| resources.get(key).and_then(|node| Some((node.scalar()?, node.line)));
    let number = |text: &str| text.trim_end_matches('+').trim().parse::<f64>().ok().filter(|n| (0.0..1e6).contains(n));
    let size = |text: &str| text.trim_end_matches('+').parse::<Bytes>().ok();
    if let Some((text, line)) = field("cpus")
        && let Some(count) = number(text)
    {
        notes.add(Fact::Cpus(count.ceil() as u32), Confidence::Stated, line, &format!("cpus: {text}"));
    }
    if let Some((text, line)) = field("memory")
        && let Some(bytes) = size(text)
    {
        notes.add(Fact::Memory(bytes), Confidence::Stated, line, &format!("memory: {text}"));
    }
    if let Some((text, line)) = field("disk_size")
        && let Some(bytes) = size(text)
    {
        notes.add(Fact::Disk(bytes), Confidence::Stated, line, &format!("disk_size: {text}"));
    }
    if let Some(node) = resources.get("accelerators")
        && let Some(need) = accelerators(node)
    {
        let evidence = format!("accelerators: {need}");
        notes.add(Fact::Gpu(need), Confidence::Stated, node.line, &evidence);
    }
}

/// `V100:2`, `{V100: 2}`, or several to choose from: then the fewest, of any model. TPUs are no GPUs.
fn accelerators(node: &Node) -> Option<GpuNeed> {
    let named = |name: &str, count: &str| {
        let count = count.trim().parse::<f64>().ok().filter(|count| (0.0..1e4).contains(count))?.ceil() as u32;
        let model = Some(name.trim().to_owned()).filter(|name| !name.to_ascii_lowercase().starts_with("tpu"))?;
        Some(GpuNeed { model: Some(model), count: NonZeroU32::new(count)? })
    };
    let from_text = |text: &str| match text.split_once(':') {
        Some((name, count)) => named(name, count),
        None => named(text, "1"),
    };
    let mut all: Vec<GpuNeed> = match &node.value {
        Value::Map(entries) => {
            entries.iter().filter_map(|(name, count)| named(name, count.scalar().unwrap_or("1"))).collect()
        }
        Value::List(items) => items.iter().filter_map(Node::scalar).filter_map(from_text).collect(),
        _ => node.scalar().and_then(from_text).into_iter().collect(),
    };
    match all.len() {
        0 | 1 => all.pop(),
        _ => all.iter().map(|need| need.count).min().map(|count| GpuNeed { model: None, count }),
    }
}
