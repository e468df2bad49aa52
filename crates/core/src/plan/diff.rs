//! Differences between two plans: they decide if a deployment can keep its machines.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Pick, Plan};
use crate::name::GroupName;

/// One difference between the plan of a deployment and a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The fact that differs.
    pub kind: ChangeKind,
    /// The group; `None` for the deployment as a whole.
    pub group: Option<GroupName>,
    /// The old value; empty if there was none.
    pub old: String,
    /// The new value; empty if there is none.
    pub new: String,
}

/// A fact that can differ between two plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A group was added or removed.
    Group,
    /// The number of machines.
    Count,
    /// The site.
    Site,
    /// The node type.
    NodeType,
    /// The size of each machine.
    Size,
    /// The image, or the user to log in as.
    Image,
    /// The price.
    Price,
    /// The requested lease.
    Lease,
    /// The work on the machines.
    Work,
}

impl ChangeKind {
    /// True if the change needs other machines. If no change does, the set-up can run again on the existing ones.
    pub fn needs_other_machines(self) -> bool {
        match self {
            Self::Group | Self::Count | Self::Site | Self::NodeType | Self::Size | Self::Image => true,
            Self::Price | Self::Lease | Self::Work => false,
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Group => "group",
            Self::Count => "count",
            Self::Site => "site",
            Self::NodeType => "node type",
            Self::Size => "size",
            Self::Image => "image",
            Self::Price => "price",
            Self::Lease => "lease",
            Self::Work => "work",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "{} of `{group}`", self.kind)?,
            None => write!(f, "{}", self.kind)?,
        }
        match (self.old.as_str(), self.new.as_str()) {
            ("", "") => f.write_str(" changes"),
            ("", new) => write!(f, ": {new} added"),
            (old, "") => write!(f, ": {old} removed"),
            (old, new) => write!(f, ": {old} becomes {new}"),
        }
    }
}

/// All differences, hardware first.
///
/// Time of planning, deployment id and rejected offers are ignored.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    for pick in &old.picks {
        match new.picks.iter().find(|other| other.group == pick.group) {
            Some(other) => changes.extend(between(pick, other)),
            None => changes.push(group(pick, count_and_type(pick), String::new())),
        }
    }
    let added = new.picks.iter().filter(|pick| old.picks.iter().all(|other| other.group != pick.group));
    changes.extend(added.map(|pick| group(pick, String::new(), count_and_type(pick))));
    // Without values: a script can be long.
    let whole = |kind| Change { kind, group: None, old: String::new(), new: String::new() };
    changes.extend((old.demand.lease != new.demand.lease).then(|| whole(ChangeKind::Lease)));
    changes.extend((old.demand.workload != new.demand.workload).then(|| whole(ChangeKind::Work)));
    changes
}

fn group(pick: &Pick, old: String, new: String) -> Change {
    Change { kind: ChangeKind::Group, group: Some(pick.group.clone()), old, new }
}

fn count_and_type(pick: &Pick) -> String {
    format!("{} × `{}`", pick.count, pick.node_type)
}

fn between(old: &Pick, new: &Pick) -> impl Iterator<Item = Change> {
    let size = |pick: &Pick| {
        let shape = &pick.shape;
        let gpus = if shape.gpus.is_empty() { String::new() } else { format!(", {}", shape.gpus.join(", ")) };
        format!("{} CPUs, {} memory, {} disk{gpus}", shape.cpus, shape.memory, shape.disk)
    };
    let price = |pick: &Pick| pick.price_per_hour.map_or_else(|| "unknown".to_owned(), |price| price.to_string());
    // Values are compared, since different sizes can print alike.
    let of = |kind, differs: bool, text: &dyn Fn(&Pick) -> String| differs.then(|| (kind, text(old), text(new)));
    let facts = [
        of(ChangeKind::Count, old.count != new.count, &|pick| pick.count.to_string()),
        of(ChangeKind::Site, old.site != new.site, &|pick| format!("`{}`", pick.site)),
        of(ChangeKind::NodeType, old.node_type != new.node_type, &|pick| format!("`{}`", pick.node_type)),
        of(ChangeKind::Size, old.shape != new.shape, &size),
        of(ChangeKind::Image, (&old.image, &old.user) != (&new.image, &new.user), &|pick| {
            format!("`{}` as `{}`", pick.image, pick.user)
        }),
        of(ChangeKind::Price, old.price_per_hour != new.price_per_hour, &price),
    ];
    let named = old.group.clone();
    let differing = facts.into_iter().flatten();
    differing.map(move |(kind, old, new)| Change { kind, group: Some(named.clone()), old, new })
}
