//! The plan and its picks, as data.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::misfit::Rejection;
use super::phase::PhaseSelection;
use super::step::{Action, MachineSpec, PlannedResource, Step};
use crate::demand::Demand;
use crate::hash::sha256;
use crate::money::Money;
use crate::name::{DeploymentId, GroupName, SiteId};
use crate::offer::{HostId, OsRelease, PriceUnit, Terms};
use crate::shape::Shape;
use crate::ticket::StepId;
use crate::time::Window;

/// Everything that `apply` will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The deployment that it brings up.
    pub deployment: DeploymentId,
    /// The demand that it meets.
    pub demand: Demand,
    /// Time of planning.
    #[serde(rename = "planned_at")]
    pub at: Timestamp,
    /// Start of the window in which the machines are used.
    #[serde(rename = "starts_at")]
    pub start: Timestamp,
    /// End of that window; `None` if the machines stay until the deployment is brought down.
    #[serde(rename = "ends_at")]
    pub until: Option<Timestamp>,
    /// The chosen offer of each group, in the order of the groups.
    pub picks: Vec<Pick>,
    /// Price of all machines per hour, summed by `search::price`; `None` if the price of any is unknown.
    pub price_per_hour: Option<Money>,
    /// The steps. Each comes after those that it depends on.
    pub steps: Vec<Step>,
    /// The selected set-up phases, if some are left out.
    pub part: Option<PhaseSelection>,
    /// Every offer that was not chosen, with the reasons.
    pub rejections: Vec<Rejection>,
}

/// The hash of a plan's content. `apply` executes exactly the plan with this id, or reports that it is stale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Plan {
    /// The first sixteen hexadecimal digits of the SHA-256 of the plan as JSON.
    pub fn id(&self) -> PlanId {
        let text = serde_json::to_vec(self).unwrap_or_default();
        PlanId(sha256(text)[..16].to_owned())
    }

    /// The sites of the picks, each once, sorted by name.
    pub fn sites(&self) -> Vec<SiteId> {
        let sites: BTreeSet<&SiteId> = self.picks.iter().map(|pick| &pick.site).collect();
        sites.into_iter().cloned().collect()
    }

    /// Unit of its prices: that of the first pick. US dollars without picks.
    pub fn unit(&self) -> PriceUnit {
        self.picks.first().map(|pick| pick.unit).unwrap_or_default()
    }

    /// The step with this id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The window in which the machines are used. Without an end, it extends to the end of time.
    pub fn window(&self) -> Window {
        Window::new(self.start, self.until.unwrap_or(Timestamp::MAX)).unwrap_or(Window::ALWAYS)
    }

    /// The step that creates the public address of a machine, if it gets one.
    pub fn address_of(&self, machine: &StepId) -> Option<&Step> {
        let is_for = |step: &&Step| matches!(&step.action, Action::Create(PlannedResource::Address { machine: Some(of), .. }) if of == machine);
        self.steps.iter().find(is_for)
    }

    /// The machines, by rank.
    pub fn machines(&self) -> impl Iterator<Item = (&Step, &MachineSpec)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Create(PlannedResource::Machine(spec)) => Some((step, &**spec)),
            _ => None,
        })
    }
}

/// The chosen offer of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// The group.
    pub group: GroupName,
    /// Number of machines.
    pub count: u32,
    /// The site.
    pub site: SiteId,
    /// The node type at the site.
    pub node_type: String,
    /// Size of each machine.
    #[serde(rename = "size")]
    pub shape: Shape,
    /// The image to boot.
    pub image: String,
    /// Names of the next best images, best first, at most four.
    pub other_images: Vec<String>,
    /// The user to log in as.
    pub user: String,
    /// Price of one machine per hour, if known.
    pub price_per_hour: Option<Money>,
    /// Unit of the price.
    pub unit: PriceUnit,
    /// Architecture, as `uname -m` prints it.
    pub arch: Option<String>,
    /// Operating system of the image, if the site reports it.
    pub os: Option<OsRelease>,
    /// The physical hosts, one per machine, if the site lets hostler choose them.
    pub hosts: Vec<HostId>,
    /// The site's terms, with the demand's choices applied.
    pub terms: Terms,
}
