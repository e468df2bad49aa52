//! Another round of a deployment: the same machines, possibly other work.

use jiff::Timestamp;

use super::{Change, ChangeKind, Plan, steps};
use crate::demand::{Demand, Group, SiteSelector};

impl Plan {
    /// This plan's machines with a newer demand's work.
    ///
    /// Window and terms stay unchanged: extending the deployment moves the window, not a demand. A plan without picks keeps
    /// its steps: it creates a single resource.
    ///
    /// # Errors
    /// The differences, if the demand requires other machines than the existing ones.
    pub fn rework(&self, demand: &Demand, now: Timestamp) -> Result<Self, Vec<Change>> {
        let changes = hardware_changes(&self.demand, demand, self);
        if !changes.is_empty() {
            return Err(changes);
        }
        let (lease, terms) = (self.demand.lease.clone(), self.demand.terms.clone());
        let demand = Demand { lease, terms, ..demand.clone() };
        let steps = match self.picks.as_slice() {
            [] => self.steps.clone(),
            picks => steps::lay_out(&demand, picks, &self.window()),
        };
        Ok(Self { demand, at: now, steps, part: None, ..self.clone() })
    }
}

fn hardware_changes(old: &Demand, new: &Demand, plan: &Plan) -> Vec<Change> {
    let change =
        |kind, group: &Group, old: String, new: String| Change { kind, group: Some(group.name.clone()), old, new };
    let mut changes = Vec::new();
    for group in &old.groups {
        match new.groups.iter().find(|other| other.name == group.name) {
            None => changes.push(change(ChangeKind::Group, group, format!("`{}`", group.name), String::new())),
            Some(other) if other.count != group.count => {
                changes.push(change(ChangeKind::Count, group, group.count.to_string(), other.count.to_string()));
            }
            Some(other) if other.any_of != group.any_of => {
                changes.push(change(ChangeKind::Size, group, String::new(), String::new()));
            }
            Some(_) => {}
        }
    }
    let added = new.groups.iter().filter(|group| old.groups.iter().all(|other| other.name != group.name));
    changes.extend(added.map(|group| change(ChangeKind::Group, group, String::new(), format!("`{}`", group.name))));
    let elsewhere = |site| !SiteSelector::includes(&new.on, site);
    if let Some(pick) = plan.picks.iter().find(|pick| elsewhere(&pick.site)) {
        let allowed = new.on.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (old, new) = (format!("`{}`", pick.site), format!("`{allowed}`"));
        changes.push(Change { kind: ChangeKind::Site, group: Some(pick.group.clone()), old, new });
    }
    changes
}
