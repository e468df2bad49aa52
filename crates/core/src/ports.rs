//! The ports: what the engine asks of a site, and how a site says no.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::SiteId;
use crate::offer::{HostId, Offer};
use crate::plan::{Kind, LeaseSpec, MachineSpec};
use crate::ticket::{Ref, Ticket};
use crate::time::Window;

/// One configured site, whatever API it speaks.
///
/// Every call may be repeated. `create` with the ticket of a thing that is already there answers with that thing;
/// `delete` of a thing that is already gone is a success. A contract test runs every provider through the same cases.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Which site this is.
    fn site(&self) -> &SiteId;

    /// Who we are there; nothing where a site doesn't tell its users apart.
    ///
    /// What one account has made is hidden from others, which makes it look as if it were gone.
    async fn account(&self) -> Result<Option<Account>, SiteError> {
        Ok(None)
    }

    /// What can be had in a window.
    async fn offers(&self, window: &Window) -> Result<Vec<Offer>, SiteError>;

    /// Makes a thing that bears the ticket, or finds the one that already does.
    async fn create(&self, ticket: &Ticket, what: &Creation) -> Result<Made, SiteError>;

    /// What a thing is doing now.
    async fn look(&self, kind: Kind, thing: &Ref) -> Result<Sighting, SiteError>;

    /// Moves the end of a lease.
    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError>;

    /// Removes a thing, after making sure that it bears the ticket. `Ok` where it is already gone.
    async fn delete(&self, owned: &Owned) -> Result<(), SiteError>;

    /// Everything at the site that bears one of our tickets.
    async fn owned(&self) -> Result<Vec<Owned>, SiteError>;

    /// What bears the ticket of a step that makes a thing of this kind: the thing, and what belongs to it, as a machine's
    /// disk that is there before the machine. There may be several: a call that was made again when its answer did not come
    /// may have done its work twice. The kind is for those who would otherwise have to ask for all others too.
    async fn bearing(&self, _kind: Kind, ticket: &Ticket) -> Result<Vec<Owned>, SiteError> {
        let mut owned = self.owned().await?;
        owned.retain(|owned| owned.ticket == *ticket);
        Ok(owned)
    }

    /// How long a call may still be at work at the site once whoever made it is gone: what it makes comes after others have
    /// looked for it.
    fn lingers(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether its machines are hosts that were there before a deployment and stay after it, as they are: their host keys do, too.
    fn keeps_hosts(&self) -> bool {
        false
    }

    /// All things of a kind that we may look at there, ours or not, as they are now.
    ///
    /// A site that keeps nothing but what is ours need not say more than that.
    async fn things(&self, kind: Kind) -> Result<Vec<Thing>, SiteError> {
        let ours = self.owned().await?.into_iter().filter(|owned| owned.kind == kind);
        Ok(ours.map(Thing::of_ours).collect())
    }

    /// Starts a machine, or shuts it down gracefully and then by force.
    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError>;

    /// The end of a machine's console, for the user's eyes.
    async fn console(&self, machine: &Ref) -> Result<String, SiteError>;

    /// Whether the site can be used, and if not, what to do: one line a finding.
    async fn check(&self) -> Vec<Health>;
}

/// A thing to make, with all that it needs filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// A network for the deployment's machines.
    Network {
        /// The machines that will be on it, so that each can be given its address at once.
        machines: Vec<String>,
    },
    /// A public key, registered at the site.
    Keypair {
        /// In OpenSSH's format.
        public_key: String,
    },
    /// A hold on hosts for a window. It is made when the site has granted it; it may begin later.
    Lease {
        /// As planned: every host by its name, and none other.
        spec: Box<LeaseSpec>,
    },
    /// A public address. It leads to the machine, where there is one, when the call ends.
    Address {
        /// The pool that it comes from, by its name at the site.
        pool: String,
        /// The machine.
        machine: Option<Ref>,
    },
    /// A machine.
    Machine {
        /// As planned.
        spec: Box<MachineSpec>,
        /// The network it stands on, if the plan makes one.
        network: Option<Ref>,
        /// The lease that its host is held by, if the plan makes one. The site waits until it has begun.
        lease: Option<Ref>,
        /// The registered key, if the plan registers one.
        keypair: Option<Ref>,
        /// The deployment's public key, in OpenSSH's format.
        public_key: String,
        /// A shell script for its first boot, run as root; no secret may be in it.
        first_boot: String,
    },
}

impl Creation {
    /// The kind of thing.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Network { .. } => Kind::Network,
            Self::Keypair { .. } => Kind::Keypair,
            Self::Lease { .. } => Kind::Lease,
            Self::Address { .. } => Kind::Address,
            Self::Machine { .. } => Kind::Machine,
        }
    }
}

/// What a site made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The site's id for it.
    pub reference: Ref,
    /// The address to reach it at, where it has one already.
    pub address: Option<Address>,
}

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// A host name or an IP address.
    pub host: String,
    /// The SSH port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == 22 { f.pad(&self.host) } else { f.pad(&format!("{}:{}", self.host, self.port)) }
    }
}

/// What a thing was seen doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// Not there (any more).
    Absent,
    /// On its way.
    Coming,
    /// There; a machine is running. Its address, where it has one.
    There(Option<Address>),
    /// A machine that is shut down.
    Off,
    /// Broken, in the site's words.
    Broken(String),
}

/// A machine's power, as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Running.
    On,
    /// Shut down; disks are kept.
    Off,
}

/// Who we are at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The site's own id for it, which tells one from another.
    pub id: String,
    /// What people call it.
    pub name: String,
}

impl Account {
    /// Whether both are the same, whatever they are called now.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// A thing that bears our ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owned {
    /// The ticket on it.
    pub ticket: Ticket,
    /// What it is.
    pub kind: Kind,
    /// The site's id for it.
    pub reference: Ref,
}

/// A thing at a site, ours or not, as the site tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// The site's id for it.
    pub reference: Ref,
    /// What people call it.
    pub name: String,
    /// What it is doing, in the site's own word; empty where it does nothing.
    pub state: String,
    /// The ticket on it, where it bears one.
    pub ticket: Option<Ticket>,
    /// Whose it is, in the site's own words, where it says so.
    pub owner: Option<String>,
    /// What is told of its kind only.
    pub detail: Detail,
}

/// What is told of things of one kind only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Nothing.
    #[default]
    Nothing,
    /// Of a lease.
    Lease(Grant),
    /// Of a registered key.
    Keypair {
        /// In OpenSSH's format.
        public_key: String,
    },
    /// Of a network.
    Network {
        /// Whether all projects may use it.
        shared: bool,
        /// Whether public addresses come from it.
        external: bool,
    },
    /// Of a machine.
    Machine {
        /// Where it is reached, where it has an address.
        address: Option<Address>,
    },
    /// Of a public address.
    Address {
        /// The address.
        address: String,
        /// Whether it leads to a machine.
        in_use: bool,
    },
}

/// What a lease was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// From when until when.
    pub window: Window,
    /// The hosts, in the order of their names, exactly as the site's calendar has them.
    pub hosts: Vec<HostId>,
}

impl Thing {
    fn of_ours(owned: Owned) -> Self {
        let Owned { ticket, kind, reference } = owned;
        let (name, state) = (ticket.step.to_string(), String::new());
        Self { kind, reference, name, state, ticket: Some(ticket), owner: None, detail: Detail::Nothing }
    }

    /// What it was granted, where it is a lease whose site says so.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.detail {
            Detail::Lease(grant) => Some(grant),
            _ => None,
        }
    }
}

/// A finding of [`Provider::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How bad it is.
    pub verdict: Verdict,
    /// What was looked at, and what was found.
    pub finding: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, but not at its best.
    Note,
    /// It can't be used.
    Bad,
}

/// A site's no. Split by what the caller does next.
#[derive(Debug, thiserror::Error)]
#[error("{doing} at `{site}` failed: {message}")]
pub struct SiteError {
    /// Which site.
    pub site: SiteId,
    /// What was being done, as `creating the machine`.
    pub doing: String,
    /// What the site said, as a lower-case fragment.
    pub message: String,
    /// What to do next.
    pub remedy: Remedy,
    /// What to tell the user to do.
    pub hint: Option<String>,
}

/// What the caller of a failed call does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Try the same again, after so long.
    Retry(Duration),
    /// Look for another offer: full, or over a quota.
    Replan,
    /// Ask the user: credentials, permission, configuration.
    Ask,
    /// Report it: an answer that we don't know.
    Report,
}
