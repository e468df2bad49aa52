//! `resources`, `groups` and their alternatives: from fields to what each machine must have.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::keys::Section;
use super::reader::{Fields, Reader};
use super::tree::{Node, Value};
use super::values;
use crate::demand::{GpuNeed, Group, Requirements, SiteSelector, Spot};
use crate::name::GroupName;

/// The most alternatives of one group: `any_of` times the accelerators that will do.
const MAX_ALTERNATIVES: usize = 100;

/// The groups of a file, and how it names them.
#[derive(Debug, Clone, PartialEq)]
pub enum Groups {
    /// Machines that are all alike (`num_nodes`, `resources`): how many, if it says, and what each must have.
    Alike {
        /// How many.
        count: Option<NonZeroU32>,
        /// What each must have: alternatives in order of preference, at least one.
        any_of: Vec<Requirements>,
    },
    /// The groups that `groups` lists, at least one.
    Listed(Vec<Group>),
}

/// Reads `num_nodes`, `resources` and `groups` of the task.
pub fn groups(reader: &mut Reader<'_>, task: &Fields<'_>) -> Groups {
    let outer = match task.get("resources") {
        Some(node) => reader.fields(Section::Resources, "resources.", node),
        None => Fields::new(),
    };
    match (task.get("groups"), task.get("num_nodes")) {
        (Some(groups), num_nodes) => {
            if let Some(node) = num_nodes {
                let hint = "give each group its `count` instead";
                reader.refuse_with(node.at, "`num_nodes` and `groups` exclude each other", hint);
            }
            Groups::Listed(listed(reader, groups, &outer))
        }
        (None, _) => {
            let count = reader.field(task, "num_nodes", values::count);
            Groups::Alike { count, any_of: alternatives(reader, "resources.", &outer) }
        }
    }
}

/// Reads the entries of `groups`, each over the common fields.
fn listed(reader: &mut Reader<'_>, node: &Node, outer: &Fields<'_>) -> Vec<Group> {
    let entries = reader.entries("groups", node);
    if entries.is_empty() {
        reader.refuse(node.at, "groups: is empty: name at least one group");
    }
    let mut groups = Vec::new();
    for entry in entries {
        let path = format!("groups.{}.", entry.key);
        let own = reader.fields(Section::Group, &path, &entry.node);
        let count = reader.field(&own, "count", values::count).unwrap_or(NonZeroU32::MIN);
        let any_of = alternatives(reader, &path, &over(outer, own));
        match GroupName::new(entry.key.as_str()) {
            Ok(name) => groups.push(Group { name, count, any_of }),
            Err(error) => reader.refuse(entry.key_at, error.to_string()),
        }
    }
    groups
}

/// Fields over those they inherit. Whoever names the place, or alternatives, names it afresh and in full.
fn over<'n>(outer: &Fields<'n>, own: Fields<'n>) -> Fields<'n> {
    let mut both = outer.clone();
    if own.contains_key("infra") {
        for name in ["cloud", "region", "zone"] {
            both.remove(name);
        }
    }
    if own.contains_key("cloud") {
        both.remove("infra");
    }
    if own.contains_key("any_of") || own.contains_key("ordered") {
        both.remove("any_of");
        both.remove("ordered");
    }
    both.extend(own);
    both
}

/// The alternatives of a machine: each of `any_of` or `ordered` over the common fields, times its accelerators.
fn alternatives(reader: &mut Reader<'_>, path: &str, common: &Fields<'_>) -> Vec<Requirements> {
    let mut base = common.clone();
    let listed = match (base.remove("any_of"), base.remove("ordered")) {
        (Some(_), Some(ordered)) => {
            reader.refuse(ordered.at, "`any_of` and `ordered` exclude each other");
            None
        }
        (any_of, ordered) => any_of.or(ordered),
    };
    let Some(node) = listed else { return needs(reader, &base) };
    let items: &[Node] = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        _ => {
            reader.refuse(node.at, "alternatives must be a list with at least one entry");
            &[]
        }
    };
    let mut all = Vec::new();
    for item in items {
        let own = reader.fields(Section::Alternative, path, item);
        all.extend(needs(reader, &over(&base, own)));
    }
    if all.len() > MAX_ALTERNATIVES {
        reader.refuse(node.at, format!("{} alternatives: at most {MAX_ALTERNATIVES} can be tried", all.len()));
    }
    all
}

/// What one machine must have: one for each kind of accelerator that will do.
fn needs(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Requirements> {
    let spot = match reader.field(fields, "use_spot", values::yes) {
        Some(true) => Spot::Only,
        Some(false) | None => Spot::Never,
    };
    let one = Requirements {
        cpus: reader.field(fields, "cpus", values::cpus).unwrap_or_default(),
        memory: reader.field(fields, "memory", values::memory).unwrap_or_default(),
        disk: reader.field(fields, "disk_size", values::disk),
        gpus: None,
        arch: reader.field(fields, "arch", values::words),
        image: image(reader, fields),
        node_type: reader.field(fields, "instance_type", values::words),
        sites: sites(reader, fields),
        spot,
        labels: node_labels(reader, fields),
        ports: reader.list(fields, "ports", values::ports).into_iter().flatten().collect(),
    };
    let gpus = fields.get("accelerators").map(|node| accelerators(reader, node)).unwrap_or_default();
    if gpus.is_empty() {
        return vec![one];
    }
    gpus.into_iter().map(|gpus| Requirements { gpus: Some(gpus), ..one.clone() }).collect()
}

/// Accelerators that will do: `V100:2`, `[A100:1, V100:1]`, `{V100: 2}`, or YAML's set, `{A100:1, V100:1}`.
fn accelerators(reader: &mut Reader<'_>, node: &Node) -> Vec<GpuNeed> {
    const WHAT: &str = "accelerators";
    if !matches!(node.value, Value::Map(_)) {
        let items = reader.one_or_many(WHAT, node);
        return items.into_iter().filter_map(|item| reader.value(WHAT, item, values::gpus)).collect();
    }
    let mut found = Vec::new();
    for entry in reader.entries(WHAT, node) {
        let need = match &entry.node.value {
            Value::Null => values::gpus(&entry.key),
            _ => match reader.text(WHAT, &entry.node) {
                Some(number) => values::gpu(entry.key.trim(), number.trim()),
                None => continue,
            },
        };
        match need {
            Ok(need) => found.push(need),
            Err(error) => reader.refuse(entry.key_at, format!("{WHAT}: {error}")),
        }
    }
    found
}

fn image(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
    let node = fields.get("image_id")?;
    if matches!(node.value, Value::Map(_)) {
        let hint = "write one alternative under `any_of` for each region, with its `infra` and `image_id`";
        reader.refuse_with(node.at, "image_id: an image for each region is not served", hint);
        return None;
    }
    reader.value("image_id", node, values::image)
}

/// The place: `infra`, or `cloud` with `region` and `zone`.
fn sites(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<SiteSelector> {
    let mut part = |name: &'static str| {
        let node = fields.get(name)?;
        Some((reader.text(name, node)?, node.at))
    };
    let (infra, cloud, region, zone) = (part("infra"), part("cloud"), part("region"), part("zone"));
    let (at, cloud, region, zone) = match (infra, cloud) {
        (Some((_, at)), Some(_)) => {
            reader.refuse(at, "`infra` and `cloud` say the same: use one of them");
            return Vec::new();
        }
        (Some((text, at)), None) => {
            let (cloud, own_region, own_zone) = values::infra(text);
            (at, cloud, own_region.or(region.map(|part| part.0)), own_zone.map(|zone| (zone, at)).or(zone))
        }
        (None, Some((cloud, at))) => (at, cloud, region.map(|part| part.0), zone),
        (None, None) => {
            if let Some((_, at)) = region.or(zone) {
                reader.refuse_with(at, "a region or zone of no cloud", "use `infra`, as `aws/us-east-1`");
            }
            return Vec::new();
        }
    };
    if let Some((zone, at)) = zone {
        reader.warn(at, format!("the zone `{zone}` has no effect"), "any zone of the region will do");
    }
    let wish = values::cloud(cloud, region).map_err(|error| reader.refuse(at, error));
    wish.into_iter().flatten().collect()
}

fn node_labels(reader: &mut Reader<'_>, fields: &Fields<'_>) -> BTreeMap<String, String> {
    let Some(node) = fields.get("node_labels") else { return BTreeMap::new() };
    let entries = reader.entries("node_labels", node);
    let pairs = entries.iter().map(|entry| (entry.key.clone(), reader.text("node_labels", &entry.node)));
    pairs.filter_map(|(key, value)| Some((key, value?.to_owned()))).collect()
}
