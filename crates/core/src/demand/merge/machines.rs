//! Groups of machines: counts and requirements.

use std::num::NonZeroU32;

use super::Merge;
use crate::demand::diagnostic::{Diagnostic, Location};
use crate::demand::file::Groups;
use crate::demand::origins::ValueOrigin;
use crate::demand::override_key::OverrideKey;
use crate::demand::overrides::ParsedOverrides;
use crate::demand::{Amount, Group, Requirements};
use crate::name::GroupName;

/// Name of the group if the demand has only one and does not name it.
const ONLY_GROUP_NAME: &str = "node";

/// Keys of the requirements of a machine.
const REQUIREMENT_KEYS: [&str; 12] = [
    "cpus",
    "memory",
    "disk_size",
    "accelerators",
    "arch",
    "image_id",
    "instance_type",
    "infra",
    "cloud",
    "use_spot",
    "ports",
    "node_labels",
];

impl Merge<'_> {
    pub(super) fn groups(&mut self, overrides: &ParsedOverrides) -> Vec<Group> {
        let file_groups = self.inputs.file.map(|file| file.groups.clone());
        let mut groups = match file_groups.unwrap_or(Groups::Single { count: None, any_of: Vec::new() }) {
            Groups::Named(groups) => self.named(groups, overrides),
            Groups::Single { count, any_of } => self.single(count, any_of, overrides),
        };
        for group in &mut groups {
            for requirements in &mut group.any_of {
                self.override_requirements(&group.name, requirements, overrides);
            }
            // Alternatives that an override made equal are merged.
            let mut seen: Vec<Requirements> = Vec::new();
            group.any_of.retain(|requirements| {
                !seen.contains(requirements) && {
                    seen.push(requirements.clone());
                    true
                }
            });
        }
        groups
    }

    fn named(&mut self, mut groups: Vec<Group>, overrides: &ParsedOverrides) -> Vec<Group> {
        for group in &groups {
            self.note_requirements(&group.name, &format!("groups.{}.", group.name));
            let count = format!("groups.{}.count", group.name);
            self.note_file(&count, &count);
        }
        match (overrides.count, groups.as_mut_slice()) {
            (Some(count), [only]) => {
                only.count = count;
                self.origins.add(&format!("groups.{}.count", only.name), ValueOrigin::Override(OverrideKey::Count));
            }
            (Some(_), _) => {
                let message = "the demand file has several groups, so a single count is ambiguous";
                self.problems.push(Diagnostic::error(Location::Override(OverrideKey::Count), message));
            }
            (None, _) => {}
        }
        groups
    }

    fn single(
        &mut self,
        count: Option<NonZeroU32>,
        mut any_of: Vec<Requirements>,
        overrides: &ParsedOverrides,
    ) -> Vec<Group> {
        let Ok(name) = GroupName::new(ONLY_GROUP_NAME) else { return Vec::new() };
        let path = format!("groups.{name}.count");
        let scanned = self.inputs.scan.and_then(|scan| scan.count.as_ref());
        if overrides.count.is_none() && count.is_some() {
            self.note_file(&path, "num_nodes");
        }
        let count = self.first(&path, (OverrideKey::Count, overrides.count), count, scanned).unwrap_or(NonZeroU32::MIN);
        if any_of.is_empty() {
            any_of.push(Requirements::default());
        }
        self.note_requirements(&name, "resources.");
        self.fill_requirements(&name, &mut any_of);
        vec![Group { name, count, any_of }]
    }

    /// Records which lines of the file set a group's requirements: its own fields or inherited ones.
    fn note_requirements(&mut self, group: &GroupName, own: &str) {
        for field in REQUIREMENT_KEYS {
            let file = self.inputs.file;
            let places = [format!("{own}{field}"), format!("resources.{field}")];
            if let Some(place) = places.iter().find(|place| file.is_some_and(|file| file.position(place).is_some())) {
                self.note_file(&format!("groups.{group}.{field}"), place);
            }
        }
    }

    /// Fills requirements from the scan that no alternative of the group sets.
    fn fill_requirements(&mut self, group: &GroupName, any_of: &mut [Requirements]) {
        let Some(scan) = self.inputs.scan else { return };
        let unsaid = any_of.to_vec();
        let silent = |says: fn(&Requirements) -> bool| !unsaid.iter().any(says);
        let mut fill = |field: &str, evidence: &[usize], set: &dyn Fn(&mut Requirements)| {
            any_of.iter_mut().for_each(set);
            self.origins.add(&format!("groups.{group}.{field}"), ValueOrigin::Scan(evidence.to_vec()));
        };
        // A node type fixes its own properties, so requirements from the scan could only exclude it.
        if !silent(|requirements| requirements.node_type.is_some()) {
            return;
        }
        if let Some(found) = scan.cpus.as_ref().filter(|_| silent(|requirements| requirements.cpus != Amount::Any)) {
            fill("cpus", &found.evidence, &|requirements| requirements.cpus = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.memory.as_ref().filter(|_| silent(|requirements| requirements.memory != Amount::Any))
        {
            fill("memory", &found.evidence, &|requirements| requirements.memory = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.disk.as_ref().filter(|_| silent(|requirements| requirements.disk.is_some())) {
            fill("disk_size", &found.evidence, &|requirements| requirements.disk = Some(found.value));
        }
        if let Some(found) = scan.gpus.as_ref().filter(|_| silent(|requirements| requirements.gpus.is_some())) {
            fill("accelerators", &found.evidence, &|requirements| requirements.gpus = Some(found.value.clone()));
        }
    }

    fn override_requirements(
        &mut self,
        group: &GroupName,
        requirements: &mut Requirements,
        overrides: &ParsedOverrides,
    ) {
        let mut put = |field: &str, key: OverrideKey| {
            self.origins.replace(&format!("groups.{group}.{field}"), ValueOrigin::Override(key));
        };
        if let Some(cpus) = overrides.cpus {
            requirements.cpus = cpus;
            put("cpus", OverrideKey::Cpus);
        }
        if let Some(memory) = overrides.memory {
            requirements.memory = memory;
            put("memory", OverrideKey::Memory);
        }
        if let Some(disk) = overrides.disk {
            requirements.disk = Some(disk);
            put("disk_size", OverrideKey::Disk);
        }
        if let Some(gpus) = &overrides.gpus {
            requirements.gpus = Some(gpus.clone());
            put("accelerators", OverrideKey::Gpus);
        }
        if let Some(image) = &overrides.image {
            requirements.image = Some(image.clone());
            put("image_id", OverrideKey::Image);
        }
        if let Some(node_type) = &overrides.node_type {
            requirements.node_type = Some(node_type.clone());
            put("instance_type", OverrideKey::NodeType);
        }
        if overrides.on.is_some() {
            requirements.sites.clear();
            put("infra", OverrideKey::On);
        }
        if !overrides.ports.is_empty() {
            requirements.ports.clone_from(&overrides.ports);
            put("ports", OverrideKey::Port);
        }
    }
}
