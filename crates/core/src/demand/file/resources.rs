//! `resources`, `groups` and their alternatives: from fields to requirements.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::keys::DemandSection;
use super::reader::{FieldReader, Fields};
use super::tree::{YamlNode, YamlValue};
use super::values;
use crate::demand::{GpuRequirement, Group, Requirements, SiteSelector, Spot};
use crate::name::GroupName;

/// Maximum number of alternatives of one group: entries of `any_of` times acceptable GPUs.
const MAX_ALTERNATIVES: usize = 100;

/// Groups of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Groups {
    /// One unnamed group (`num_nodes` and `resources`).
    Single {
        /// Number of machines, if set.
        count: Option<NonZeroU32>,
        /// Alternatives in order of preference; at least one.
        any_of: Vec<Requirements>,
    },
    /// Groups listed under `groups`; at least one.
    Named(Vec<Group>),
}

/// Reads `num_nodes`, `resources` and `groups`.
pub fn groups(reader: &mut FieldReader<'_>, task: &Fields<'_>) -> Groups {
    let outer = match task.get("resources") {
        Some(node) => reader.fields(DemandSection::Resources, "resources.", node),
        None => Fields::new(),
    };
    match (task.get("groups"), task.get("num_nodes")) {
        (Some(groups), num_nodes) => {
            if let Some(node) = num_nodes {
                let hint = "set `count` in each group";
                reader.error_with_hint(node.at, "`num_nodes` and `groups` can't be combined", hint);
            }
            Groups::Named(listed(reader, groups, &outer))
        }
        (None, _) => {
            let count = reader.field(task, "num_nodes", values::count);
            Groups::Single { count, any_of: alternatives(reader, "resources.", &outer) }
        }
    }
}

/// Reads the entries of `groups`. Each inherits the fields of `resources`.
fn listed(reader: &mut FieldReader<'_>, node: &YamlNode, outer: &Fields<'_>) -> Vec<Group> {
    let entries = reader.entries("groups", node);
    if entries.is_empty() {
        reader.error(node.at, "groups: expected at least one group");
    }
    let mut groups = Vec::new();
    for entry in entries {
        let path = format!("groups.{}.", entry.key);
        let own = reader.fields(DemandSection::Group, &path, &entry.node);
        let count = reader.field(&own, "count", values::count).unwrap_or(NonZeroU32::MIN);
        let any_of = alternatives(reader, &path, &over(outer, own));
        match GroupName::new(entry.key.as_str()) {
            Ok(name) => groups.push(Group { name, count, any_of }),
            Err(error) => reader.error(entry.key_at, error.to_string()),
        }
    }
    groups
}

/// Merges fields over inherited ones. A site or a list of alternatives replaces the inherited one as a whole.
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

/// Alternatives of a machine: every entry of `any_of` or `ordered`, merged over the common fields, times its
/// acceptable GPUs.
fn alternatives(reader: &mut FieldReader<'_>, path: &str, common: &Fields<'_>) -> Vec<Requirements> {
    let mut base = common.clone();
    let listed = match (base.remove("any_of"), base.remove("ordered")) {
        (Some(_), Some(ordered)) => {
            reader.error(ordered.at, "`any_of` and `ordered` can't be combined");
            None
        }
        (any_of, ordered) => any_of.or(ordered),
    };
    let Some(node) = listed else { return requirements(reader, &base) };
    let items: &[YamlNode] = match &node.value {
        YamlValue::List(items) if !items.is_empty() => items,
        _ => {
            reader.error(node.at, "expected a list with at least one alternative");
            &[]
        }
    };
    let mut all = Vec::new();
    for item in items {
        let own = reader.fields(DemandSection::Alternative, path, item);
        all.extend(requirements(reader, &over(&base, own)));
    }
    if all.len() > MAX_ALTERNATIVES {
        reader.error(node.at, format!("too many alternatives: {}, the maximum is {MAX_ALTERNATIVES}", all.len()));
    }
    all
}

/// Requirements of one machine, once for each acceptable kind of GPU.
fn requirements(reader: &mut FieldReader<'_>, fields: &Fields<'_>) -> Vec<Requirements> {
    let spot = match reader.field(fields, "use_spot", values::boolean) {
        Some(true) => Spot::Only,
        Some(false) | None => Spot::Never,
    };
    let one = Requirements {
        cpus: reader.field(fields, "cpus", values::cpus).unwrap_or_default(),
        memory: reader.field(fields, "memory", values::memory).unwrap_or_default(),
        disk: reader.field(fields, "disk_size", values::disk),
        gpus: None,
        arch: reader.field(fields, "arch", values::non_empty),
        image: image(reader, fields),
        node_type: reader.field(fields, "instance_type", values::non_empty),
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

/// Acceptable GPUs: `V100:2`, `[A100:1, V100:1]`, `{V100: 2}`, or YAML's set, `{A100:1, V100:1}`.
fn accelerators(reader: &mut FieldReader<'_>, node: &YamlNode) -> Vec<GpuRequirement> {
    const WHAT: &str = "accelerators";
    if !matches!(node.value, YamlValue::Map(_)) {
        let items = reader.one_or_many(WHAT, node);
        return items.into_iter().filter_map(|item| reader.value(WHAT, item, values::gpus)).collect();
    }
    let mut found = Vec::new();
    for entry in reader.entries(WHAT, node) {
        let requirement = match &entry.node.value {
            YamlValue::Null => values::gpus(&entry.key),
            _ => match reader.text(WHAT, &entry.node) {
                Some(number) => values::gpu(entry.key.trim(), number.trim()),
                None => continue,
            },
        };
        match requirement {
            Ok(requirement) => found.push(requirement),
            Err(error) => reader.error(entry.key_at, format!("{WHAT}: {error}")),
        }
    }
    found
}

fn image(reader: &mut FieldReader<'_>, fields: &Fields<'_>) -> Option<String> {
    let node = fields.get("image_id")?;
    if matches!(node.value, YamlValue::Map(_)) {
        let hint = "use one alternative of `any_of` for each region, with its `infra` and `image_id`";
        reader.error_with_hint(node.at, "image_id: a map of regions to images is not supported", hint);
        return None;
    }
    reader.value("image_id", node, values::image)
}

/// Reads `infra`, or `cloud` with `region` and `zone`.
fn sites(reader: &mut FieldReader<'_>, fields: &Fields<'_>) -> Vec<SiteSelector> {
    let mut part = |name: &'static str| {
        let node = fields.get(name)?;
        Some((reader.text(name, node)?, node.at))
    };
    let (infra, cloud, region, zone) = (part("infra"), part("cloud"), part("region"), part("zone"));
    let (at, cloud, region, zone) = match (infra, cloud) {
        (Some((_, at)), Some(_)) => {
            reader.error(at, "`infra` and `cloud` can't be combined: use one of them");
            return Vec::new();
        }
        (Some((text, at)), None) => {
            let (cloud, own_region, own_zone) = values::infra(text);
            (at, cloud, own_region.or(region.map(|part| part.0)), own_zone.map(|zone| (zone, at)).or(zone))
        }
        (None, Some((cloud, at))) => (at, cloud, region.map(|part| part.0), zone),
        (None, None) => {
            if let Some((_, at)) = region.or(zone) {
                reader.error_with_hint(at, "a region or zone without a cloud", "use `infra: CLOUD/REGION`");
            }
            return Vec::new();
        }
    };
    if let Some((zone, at)) = zone {
        reader.warn(at, format!("the zone `{zone}` has no effect"), "every zone of the region is used");
    }
    let request = values::cloud(cloud, region).map_err(|error| reader.error(at, error));
    request.into_iter().flatten().collect()
}

fn node_labels(reader: &mut FieldReader<'_>, fields: &Fields<'_>) -> BTreeMap<String, String> {
    let Some(node) = fields.get("node_labels") else { return BTreeMap::new() };
    let entries = reader.entries("node_labels", node);
    let pairs = entries.iter().map(|entry| (entry.key.clone(), reader.text("node_labels", &entry.node)));
    pairs.filter_map(|(key, value)| Some((key, value?.to_owned()))).collect()
}
