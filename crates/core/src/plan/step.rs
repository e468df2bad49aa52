//! The steps of a plan, and the resources that they create.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::phase::Phase;
use crate::name::{GroupName, SiteId};
use crate::offer::HostId;
use crate::shape::Shape;
use crate::ticket::{Ref, StepId};
use crate::time::Window;

/// One action and the steps that it depends on. The action determines its undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id, unique in the plan.
    pub id: StepId,
    /// The steps that it depends on. A `run` step also waits for all steps that are not `run` steps.
    pub after: Vec<StepId>,
    /// Its action.
    pub action: Action,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Creates a resource at a site. Its undo deletes the resource.
    Create(PlannedResource),
    /// Waits until a machine accepts a login, and pins its host key. Needs no undo.
    WaitSsh {
        /// The step that creates the machine.
        machine: StepId,
    },
    /// Runs a phase of the set-up on a machine. Needs no undo: it is deleted with the machine.
    SetUp {
        /// The step that creates the machine.
        machine: StepId,
        /// The phase.
        phase: Phase,
    },
}

/// A resource to create. It refers to other resources by the steps that create them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedResource {
    /// A network for the deployment's machines.
    Network {
        /// The site.
        site: SiteId,
    },
    /// A machine.
    Machine(Box<MachineSpec>),
    /// The deployment's public key, registered at a site.
    Keypair {
        /// The site.
        site: SiteId,
    },
    /// A lease of hosts for a window.
    Lease(LeaseSpec),
    /// A public address.
    Address {
        /// The site.
        site: SiteId,
        /// Name of the pool at the site that it comes from.
        pool: String,
        /// The step that creates the machine to attach it to, if any.
        machine: Option<StepId>,
    },
}

/// A lease to create. It names every host, so that the site has nothing left to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseSpec {
    /// Display name at the site, in addition to the ticket.
    pub name: String,
    /// The site.
    pub site: SiteId,
    /// Its window.
    pub window: Window,
    /// Its hosts, by the ranks of their machines.
    pub hosts: Vec<HostId>,
}

/// The kind of a resource.
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
    /// The site of the resource that it creates, if it creates one.
    pub fn site(&self) -> Option<&SiteId> {
        match self {
            Self::Create(resource) => Some(resource.site()),
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

    /// The site to create it at.
    pub fn site(&self) -> &SiteId {
        match self {
            Self::Network { site } | Self::Keypair { site } | Self::Address { site, .. } => site,
            Self::Machine(spec) => &spec.site,
            Self::Lease(spec) => &spec.site,
        }
    }
}

/// A machine to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Host name: `digits`, or `train-worker-2` if the deployment has several machines.
    pub name: String,
    /// Its group.
    pub group: GroupName,
    /// Its index among all machines of the deployment, from 0.
    pub rank: u32,
    /// The site.
    pub site: SiteId,
    /// The node type at the site.
    pub node_type: String,
    /// Its size.
    #[serde(rename = "size")]
    pub shape: Shape,
    /// The image to boot.
    pub image: String,
    /// The user to log in as.
    pub user: String,
    /// The step that creates its network, if the plan creates one.
    pub network: Option<StepId>,
    /// Name of an existing network at the site to attach it to.
    pub shared_network: Option<String>,
    /// The physical host, if the plan chooses it.
    pub host: Option<HostId>,
    /// The step that creates the lease of its host.
    pub lease: Option<StepId>,
    /// The step that registers the public key.
    pub keypair: Option<StepId>,
    /// Resources that it uses and no step creates.
    pub existing: ExistingResources,
}

/// Existing resources. They are used, and never changed or deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExistingResources {
    /// The lease that holds the host.
    pub lease: Option<Ref>,
    /// The registered key.
    pub keypair: Option<Ref>,
    /// File on this computer with the private key to log in with, unless it is the deployment's own key.
    pub identity: Option<String>,
}
