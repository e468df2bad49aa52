//! The machines: groups, counts, and what each machine must have.

use std::num::NonZeroU32;

use super::Merge;
use crate::demand::file::Groups;
use crate::demand::origins::Origin;
use crate::demand::overrides::Flags;
use crate::demand::problem::{Place, Problem};
use crate::demand::{Amount, Group, Requirements};
use crate::name::GroupName;

/// The group's name, where a demand has one only and nobody named it.
const ONLY_GROUP: &str = "node";

/// The keys of what a machine must have.
const NEEDS: [&str; 12] = [
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
    pub(super) fn groups(&mut self, flags: &Flags) -> Vec<Group> {
        let said = self.inputs.file.map(|file| file.groups.clone());
        let mut groups = match said.unwrap_or(Groups::Alike { count: None, any_of: Vec::new() }) {
            Groups::Listed(groups) => self.listed(groups, flags),
            Groups::Alike { count, any_of } => self.alike(count, any_of, flags),
        };
        for group in &mut groups {
            for needs in &mut group.any_of {
                self.override_needs(&group.name, needs, flags);
            }
            // Alternatives that differed only in what a flag made equal are one.
            let mut seen: Vec<Requirements> = Vec::new();
            group.any_of.retain(|needs| {
                !seen.contains(needs) && {
                    seen.push(needs.clone());
                    true
                }
            });
        }
        groups
    }

    fn listed(&mut self, mut groups: Vec<Group>, flags: &Flags) -> Vec<Group> {
        for group in &groups {
            self.note_needs(&group.name, &format!("groups.{}.", group.name));
            let count = format!("groups.{}.count", group.name);
            self.note_file(&count, &count);
        }
        match (flags.count, groups.as_mut_slice()) {
            (Some(count), [only]) => {
                only.count = count;
                self.origins.add(&format!("groups.{}.count", only.name), Origin::Flag("--count"));
            }
            (Some(_), _) => {
                let message = "the demand file lists several groups: which of them is meant is not known";
                self.problems.push(Problem::error(Place::Flag("--count".to_owned()), message));
            }
            (None, _) => {}
        }
        groups
    }

    fn alike(&mut self, count: Option<NonZeroU32>, mut any_of: Vec<Requirements>, flags: &Flags) -> Vec<Group> {
        let Ok(name) = GroupName::new(ONLY_GROUP) else { return Vec::new() };
        let path = format!("groups.{name}.count");
        let scanned = self.inputs.scan.and_then(|scan| scan.count.as_ref());
        if flags.count.is_none() && count.is_some() {
            self.note_file(&path, "num_nodes");
        }
        let count = self.first(&path, ("--count", flags.count), count, scanned).unwrap_or(NonZeroU32::MIN);
        if any_of.is_empty() {
            any_of.push(Requirements::default());
        }
        self.note_needs(&name, "resources.");
        self.fill_needs(&name, &mut any_of);
        vec![Group { name, count, any_of }]
    }

    /// Notes which lines of the file a group's needs come from: its own, or those it inherits.
    fn note_needs(&mut self, group: &GroupName, own: &str) {
        for field in NEEDS {
            let file = self.inputs.file;
            let places = [format!("{own}{field}"), format!("resources.{field}")];
            if let Some(place) = places.iter().find(|place| file.is_some_and(|file| file.at(place).is_some())) {
                self.note_file(&format!("groups.{group}.{field}"), place);
            }
        }
    }

    /// Fills in from the scan what no alternative of the group says.
    fn fill_needs(&mut self, group: &GroupName, any_of: &mut [Requirements]) {
        let Some(scan) = self.inputs.scan else { return };
        let unsaid = any_of.to_vec();
        let silent = |says: fn(&Requirements) -> bool| !unsaid.iter().any(says);
        let mut fill = |field: &str, evidence: &[usize], set: &dyn Fn(&mut Requirements)| {
            any_of.iter_mut().for_each(set);
            self.origins.add(&format!("groups.{group}.{field}"), Origin::Scan(evidence.to_vec()));
        };
        // A named node type is what it is: the scan's wishes could only rule it out.
        if !silent(|needs| needs.node_type.is_some()) {
            return;
        }
        if let Some(found) = scan.cpus.as_ref().filter(|_| silent(|needs| needs.cpus != Amount::Any)) {
            fill("cpus", &found.evidence, &|needs| needs.cpus = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.memory.as_ref().filter(|_| silent(|needs| needs.memory != Amount::Any)) {
            fill("memory", &found.evidence, &|needs| needs.memory = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.disk.as_ref().filter(|_| silent(|needs| needs.disk.is_some())) {
            fill("disk_size", &found.evidence, &|needs| needs.disk = Some(found.value));
        }
        if let Some(found) = scan.gpus.as_ref().filter(|_| silent(|needs| needs.gpus.is_some())) {
            fill("accelerators", &found.evidence, &|needs| needs.gpus = Some(found.value.clone()));
        }
    }

    fn override_needs(&mut self, group: &GroupName, needs: &mut Requirements, flags: &Flags) {
        let mut put = |field: &str, flag: &'static str| {
            self.origins.replace(&format!("groups.{group}.{field}"), Origin::Flag(flag));
        };
        if let Some(cpus) = flags.cpus {
            needs.cpus = cpus;
            put("cpus", "--cpus");
        }
        if let Some(memory) = flags.memory {
            needs.memory = memory;
            put("memory", "--memory");
        }
        if let Some(disk) = flags.disk {
            needs.disk = Some(disk);
            put("disk_size", "--disk");
        }
        if let Some(gpus) = &flags.gpus {
            needs.gpus = Some(gpus.clone());
            put("accelerators", "--gpus");
        }
        if let Some(image) = &flags.image {
            needs.image = Some(image.clone());
            put("image_id", "--image");
        }
        if let Some(node_type) = &flags.node_type {
            needs.node_type = Some(node_type.clone());
            put("instance_type", "--node-type");
        }
        if flags.on.is_some() {
            needs.sites.clear();
            put("infra", "--on");
        }
        if !flags.ports.is_empty() {
            needs.ports.clone_from(&flags.ports);
            put("ports", "--port");
        }
    }
}
