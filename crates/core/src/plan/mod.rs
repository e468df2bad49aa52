//! The plan: everything decided, nothing touched.
//!
//! A plan is an immutable value. The same demand, market, id and time give the same plan, byte for byte, and the
//! executor has nothing left to choose.

mod advice;
mod budget;
mod diff;
mod drivers;
mod exclude;
mod existing_lease;
mod fit;
mod gpu;
mod images;
mod matching;
mod measure;
mod misfit;
mod part;
mod phase;
mod placement;
mod planner;
mod rejections;
mod relax;
mod rework;
mod score;
mod search;
mod stale;
mod steps;
mod trial;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use diff::{Change, ChangeKind, diff};
pub use drivers::UnsupportedDrivers;
pub use exclude::Exclusions;
pub use existing_lease::ExistingLease;
pub use images::{ImageCandidate, ImageChoice, ImageOutcome, choose_image, images_of};
pub use matching::{could_match, matching_offers};
pub use measure::best_images;
pub use misfit::{Misfit, MisfitKind, Rejection};
pub use part::PhaseSelection;
pub use phase::Phase;
pub use placement::Placement;
pub use planner::{NoPlan, plan};
pub use stale::Staleness;

use crate::demand::Demand;
use crate::hash::sha256;
use crate::money::Money;
use crate::name::{DeploymentId, GroupName, SiteId};
use crate::offer::{HostId, OsRelease, Terms};
use crate::shape::Shape;
use crate::ticket::{Ref, StepId};
use crate::time::Window;

/// Everything that `apply` will do, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The deployment that it makes.
    pub deployment: DeploymentId,
    /// What was asked.
    pub demand: Demand,
    /// When it was made.
    pub at: Timestamp,
    /// From when on the machines are held.
    pub start: Timestamp,
    /// Until when; until given back where absent.
    pub until: Option<Timestamp>,
    /// What was chosen, group by group.
    pub picks: Vec<Pick>,
    /// What it costs an hour, all machines together; unknown where a pick's price is.
    pub price_per_hour: Option<Money>,
    /// What is done, in an order in which each step stands behind those it needs.
    pub steps: Vec<Step>,
    /// Which phases of the set-up are among the steps, where some are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PhaseSelection>,
    /// The offers that were not chosen, and why.
    pub rejections: Vec<Rejection>,
}

/// The hash of a plan's content: `apply` executes exactly that plan, or says that it is stale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Plan {
    /// The id: sixteen hexadecimal digits of the SHA-256 of the plan as JSON.
    pub fn id(&self) -> PlanId {
        let text = serde_json::to_vec(self).unwrap_or_default();
        PlanId(sha256(text)[..16].to_owned())
    }

    /// The sites of the choices, each once, in order of their names.
    pub fn sites(&self) -> Vec<SiteId> {
        let sites: BTreeSet<&SiteId> = self.picks.iter().map(|pick| &pick.site).collect();
        sites.into_iter().cloned().collect()
    }

    /// A step by its id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// For how long the machines are held: to the end of all time where they are kept until given back.
    pub fn window(&self) -> Window {
        Window::new(self.start, self.until.unwrap_or(Timestamp::MAX)).unwrap_or(Window::ALWAYS)
    }

    /// The step that makes the public address of a machine, where there is one.
    pub fn address_of(&self, machine: &StepId) -> Option<&Step> {
        let makes = |step: &&Step| matches!(&step.action, Action::Create(PlannedResource::Address { machine: Some(of), .. }) if of == machine);
        self.steps.iter().find(makes)
    }

    /// The machines, in the order of their ranks.
    pub fn machines(&self) -> impl Iterator<Item = (&Step, &MachineSpec)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Create(PlannedResource::Machine(spec)) => Some((step, &**spec)),
            _ => None,
        })
    }
}

/// The chosen offer for a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// The group.
    pub group: GroupName,
    /// How many machines.
    pub count: u32,
    /// Where.
    pub site: SiteId,
    /// The node type there.
    pub node_type: String,
    /// What each machine will have.
    pub shape: Shape,
    /// The image they boot.
    pub image: String,
    /// The images that would have done as well, the best first, and no more than a few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_images: Vec<String>,
    /// The user to log in as.
    pub user: String,
    /// What one costs an hour, where known.
    pub price_per_hour: Option<Money>,
    /// Architecture, as `uname -m` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// What runs on it, where the image says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<OsRelease>,
    /// The physical hosts, one a machine, where the site lets them be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostId>,
    /// What the site asks for beside the machines.
    #[serde(default, skip_serializing_if = "is_default")]
    pub terms: Terms,
}

fn is_default(terms: &Terms) -> bool {
    *terms == Terms::default()
}

/// One action, with its place in the order. Its undo is known from the action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id, unique in the plan.
    pub id: StepId,
    /// The steps that must be done first. A `run` also waits until every step that is none is done.
    pub after: Vec<StepId>,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes a thing at a site. Undone by deleting it.
    Create(PlannedResource),
    /// Waits until a machine can be logged in to, and pins its host key. Nothing to undo.
    WaitSsh {
        /// The machine's step.
        machine: StepId,
    },
    /// Does a part of the set-up on a machine. Nothing to undo: it goes with the machine.
    SetUp {
        /// The machine's step.
        machine: StepId,
        /// Which part.
        phase: Phase,
    },
}

/// A thing at a site, as planned: it refers to others by their steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedResource {
    /// A network for the deployment's machines.
    Network {
        /// Where.
        site: SiteId,
    },
    /// A machine.
    Machine(Box<MachineSpec>),
    /// The deployment's public key, registered at a site.
    Keypair {
        /// Where.
        site: SiteId,
    },
    /// A hold on hosts for a window.
    Lease(LeaseSpec),
    /// A public address.
    Address {
        /// Where.
        site: SiteId,
        /// The pool that it comes from, by its name at the site.
        pool: String,
        /// The step of the machine that it leads to, if it leads to one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<StepId>,
    },
}

/// A lease as planned: every host is named, so that nothing is left for the site to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSpec {
    /// What it is called, beside its ticket.
    pub name: String,
    /// Where.
    pub site: SiteId,
    /// For how long the hosts are held.
    pub window: Window,
    /// The hosts, in the order of their machines' ranks.
    pub hosts: Vec<HostId>,
}

/// The kind of a thing at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A public key registered at the site.
    Keypair,
    /// A hold on hosts for a window.
    Lease,
    /// A network.
    Network,
    /// A machine.
    Machine,
    /// A public address.
    Address,
    /// A disk or seed that belongs to a machine.
    Volume,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keypair => "keypair",
            Self::Lease => "lease",
            Self::Network => "network",
            Self::Machine => "machine",
            Self::Address => "address",
            Self::Volume => "volume",
        })
    }
}

impl Action {
    /// Where it makes something, if it does.
    pub fn site(&self) -> Option<&SiteId> {
        match self {
            Self::Create(what) => Some(what.site()),
            Self::WaitSsh { .. } | Self::SetUp { .. } => None,
        }
    }
}

impl PlannedResource {
    /// Its kind.
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Network { .. } => ResourceKind::Network,
            Self::Machine(_) => ResourceKind::Machine,
            Self::Keypair { .. } => ResourceKind::Keypair,
            Self::Lease(_) => ResourceKind::Lease,
            Self::Address { .. } => ResourceKind::Address,
        }
    }

    /// Where it is made.
    pub fn site(&self) -> &SiteId {
        match self {
            Self::Network { site } | Self::Keypair { site } | Self::Address { site, .. } => site,
            Self::Machine(spec) => &spec.site,
            Self::Lease(spec) => &spec.site,
        }
    }
}

/// A machine as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Its host name: `digits`, or `train-worker-2` where there are several.
    pub name: String,
    /// Its group.
    pub group: GroupName,
    /// Its place among all machines of the deployment, from 0.
    pub rank: u32,
    /// Where.
    pub site: SiteId,
    /// The node type there.
    pub node_type: String,
    /// Its size.
    pub shape: Shape,
    /// The image that it boots.
    pub image: String,
    /// The user to log in as.
    pub user: String,
    /// The step that makes its network.
    pub network: Option<StepId>,
    /// The network that is there already, by its name at the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_network: Option<String>,
    /// The physical host, where it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// The step that makes the lease on its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<StepId>,
    /// The step that registers the public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keypair: Option<StepId>,
    /// What no step makes.
    #[serde(default, skip_serializing_if = "ExistingResources::is_empty")]
    pub existing: ExistingResources,
}

/// Things that are there already: they are used, and stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExistingResources {
    /// The lease that holds the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Ref>,
    /// The registered key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keypair: Option<Ref>,
    /// The file on this computer with the private key that lets us in, where that is not the deployment's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl ExistingResources {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How often each kind of misfit refused an offer: the summary behind "no offer".
pub type Tally = BTreeMap<MisfitKind, usize>;

#[cfg(test)]
pub(crate) mod tests;
