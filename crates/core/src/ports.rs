//! The port `Provider`: the calls that the engine makes to a site, and their errors.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::name::SiteId;
use crate::offer::{HostId, Offer};
use crate::plan::{LeaseSpec, MachineSpec, Plan, ResourceKind};
use crate::ticket::{Ref, Ticket};
use crate::time::Window;

/// One configured site, independent of its API.
///
/// Every call may be repeated. `create` with the ticket of an existing resource returns that resource; `delete` of a
/// missing resource succeeds. A contract test runs every provider through the same cases.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The site's name.
    fn site(&self) -> &SiteId;

    /// The account whose credentials are used; `None` if the site has no accounts.
    ///
    /// Resources of one account are invisible to others: read with the wrong account, they look deleted.
    async fn account(&self) -> Result<Option<Account>, SiteError> {
        Ok(None)
    }

    /// Offers for a window.
    async fn offers(&self, window: &Window) -> Result<Vec<Offer>, SiteError>;

    /// Creates a resource tagged with the ticket, or returns the one that already bears it.
    async fn create(&self, ticket: &Ticket, request: &CreateRequest) -> Result<Created, SiteError>;

    /// Current status of a resource. `Missing` if the site answers that it does not exist; an error if the site does not
    /// answer.
    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError>;

    /// Moves the end of a lease.
    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError>;

    /// Deletes a resource after checking that it bears the ticket. `Ok` if it is already missing.
    async fn delete(&self, owned: &Owned) -> Result<(), SiteError>;

    /// Every resource at the site that bears one of our tickets.
    async fn owned(&self) -> Result<Vec<Owned>, SiteError>;

    /// Every resource tagged with this ticket, including dependents such as a machine's disk, which exists before the
    /// machine does.
    ///
    /// More than one of a kind means that a retried call succeeded twice. `kind` is the kind that the ticket's step
    /// creates; a provider may use it to query less.
    async fn owned_by(&self, _kind: ResourceKind, ticket: &Ticket) -> Result<Vec<Owned>, SiteError> {
        let mut owned = self.owned().await?;
        owned.retain(|owned| owned.ticket == *ticket);
        Ok(owned)
    }

    /// Upper bound on how long the site may still act on a request whose client has died. Undo checks again once it has
    /// passed.
    fn settle_time(&self) -> Duration {
        Duration::ZERO
    }

    /// True for sites whose hosts outlive deployments, such as listed SSH hosts: their host keys stay pinned from one
    /// deployment to the next.
    fn hosts_are_persistent(&self) -> bool {
        false
    }

    /// All resources of a kind that this account can list, with or without a ticket.
    ///
    /// The default lists only those that bear a ticket.
    async fn resources(&self, kind: ResourceKind) -> Result<Vec<Resource>, SiteError> {
        let owned = self.owned().await?.into_iter().filter(|owned| owned.kind == kind);
        Ok(owned.map(Resource::from).collect())
    }

    /// Starts a machine, or shuts it down: gracefully first, then by force.
    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError>;

    /// The last part of a machine's console output.
    async fn console(&self, machine: &Ref) -> Result<String, SiteError>;

    /// Health of the site, one entry per check, each with a remedy where one is known.
    async fn check(&self) -> Vec<Health>;

    /// A plan's steps as a script for the site's own command-line client. `None` if the site has no such client.
    fn client_script(&self, _plan: &Plan) -> Option<String> {
        None
    }
}

/// A request to create one resource, with every reference resolved to the site's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateRequest {
    /// A network for the deployment's machines.
    Network {
        /// Names of the machines that will join it, so that each can be assigned its address at once.
        machines: Vec<String>,
    },
    /// A public key, registered at the site.
    Keypair {
        /// In OpenSSH's format.
        public_key: String,
    },
    /// A lease. `create` returns once the site has granted it; its window may begin later.
    Lease {
        /// The planned lease: exactly these hosts.
        spec: Box<LeaseSpec>,
    },
    /// A public address. It is attached to the machine, if one is given, when `create` returns.
    Address {
        /// Name of the pool at the site that the address comes from.
        pool: String,
        /// The machine to attach it to.
        machine: Option<Ref>,
    },
    /// A machine.
    Machine {
        /// The planned machine.
        spec: Box<MachineSpec>,
        /// Its network, if the plan creates one.
        network: Option<Ref>,
        /// The lease that claims its host, if any. The site waits until the lease has begun.
        lease: Option<Ref>,
        /// The registered key, if the plan registers one.
        keypair: Option<Ref>,
        /// The deployment's public key, in OpenSSH's format.
        public_key: String,
    },
}

impl CreateRequest {
    /// The kind of resource.
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Network { .. } => ResourceKind::Network,
            Self::Keypair { .. } => ResourceKind::Keypair,
            Self::Lease { .. } => ResourceKind::Lease,
            Self::Address { .. } => ResourceKind::Address,
            Self::Machine { .. } => ResourceKind::Machine,
        }
    }
}

/// A created resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The site's id for it.
    pub reference: Ref,
    /// The address to reach it at, if it has one already.
    pub address: Option<Address>,
}

/// Address of a machine for SSH.
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

/// Status of a resource, the same for every provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceStatus {
    /// The site answers that it does not exist.
    Missing,
    /// Being created, or waiting for its window.
    Pending,
    /// Running; a lease is active; a resource without states of its own exists.
    Running {
        /// The address to reach it at, if it has one.
        address: Option<Address>,
    },
    /// A machine that is shut down.
    Stopped,
    /// Failed at the site.
    Error {
        /// The site's explanation.
        message: String,
    },
    /// The site reports a status that this version does not know.
    Unknown {
        /// The site's own term.
        reported: String,
    },
}

/// Requested power state of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Running.
    On,
    /// Shut down; disks are kept.
    Off,
}

/// An account at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The site's own id, which distinguishes accounts.
    pub id: String,
    /// The display name.
    pub name: String,
}

impl Account {
    /// True if both are the same account, under whatever display name.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// A resource that bears one of our tickets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owned {
    /// Its ticket.
    pub ticket: Ticket,
    /// Its kind.
    pub kind: ResourceKind,
    /// The site's id for it.
    pub reference: Ref,
}

/// A resource as a site lists it, with or without a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Its kind.
    pub kind: ResourceKind,
    /// The site's id for it.
    pub reference: Ref,
    /// The display name.
    pub name: String,
    /// Its status; `None` if the listing does not report one.
    #[serde(flatten, serialize_with = "status_keys")]
    pub status: Option<ResourceStatus>,
    /// The site's own term for the status; empty if it has none.
    pub site_status: String,
    /// Its ticket, if it bears one.
    pub ticket: Option<Ticket>,
    /// Its owner as the site names it, if the site reports one.
    pub owner: Option<String>,
    /// Details of its kind, if the site reports them.
    pub details: Option<ResourceDetails>,
}

/// The keys of a status in JSON, which are the same for every status. The term of an unknown one is in `site_status`.
fn status_keys<S: Serializer>(status: &Option<ResourceStatus>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct StatusKeys<'a> {
        status: Option<&'static str>,
        address: Option<&'a Address>,
        message: Option<&'a str>,
    }
    let address = status.as_ref().and_then(ResourceStatus::address);
    let message = match status {
        Some(ResourceStatus::Error { message }) => Some(message.as_str()),
        _ => None,
    };
    StatusKeys { status: status.as_ref().map(ResourceStatus::name), address, message }.serialize(serializer)
}

impl ResourceStatus {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Pending => "pending",
            Self::Running { .. } => "running",
            Self::Stopped => "stopped",
            Self::Error { .. } => "error",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The address of a running resource, if it has one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Running { address } => address.as_ref(),
            _ => None,
        }
    }
}

/// Details that only resources of one kind have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceDetails {
    /// Of a lease.
    Lease(Grant),
    /// Of a registered key.
    Keypair {
        /// In OpenSSH's format.
        public_key: String,
    },
    /// Of a network.
    Network {
        /// True if every project may use it.
        shared: bool,
        /// True if public addresses come from it.
        external: bool,
    },
    /// Of a public address.
    Address {
        /// The address.
        address: String,
        /// True if it is attached to a machine.
        in_use: bool,
    },
}

/// The hosts and window that a site granted to a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The granted window.
    pub window: Window,
    /// The hosts, sorted by id, exactly as the site's calendar lists them.
    pub hosts: Vec<HostId>,
}

impl From<Owned> for Resource {
    fn from(Owned { ticket, kind, reference }: Owned) -> Self {
        let (name, site_status) = (ticket.step.to_string(), String::new());
        Self { kind, reference, name, status: None, site_status, ticket: Some(ticket), owner: None, details: None }
    }
}

impl Resource {
    /// The grant, if this is a lease whose site reports one.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.details {
            Some(ResourceDetails::Lease(grant)) => Some(grant),
            _ => None,
        }
    }

    /// True if the site reports it as running.
    pub fn is_running(&self) -> bool {
        matches!(self.status, Some(ResourceStatus::Running { .. }))
    }

    /// The address of a running machine, if it has one.
    pub fn address(&self) -> Option<&Address> {
        self.status.as_ref().and_then(ResourceStatus::address)
    }
}

/// One finding of [`Provider::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Its severity.
    pub result: CheckResult,
    /// The check and its result.
    pub finding: String,
    /// The remedy, if one is known.
    pub hint: Option<String>,
}

/// Severity of a finding, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// Works as intended.
    Passed,
    /// Works, with a limitation.
    Warning,
    /// Unusable.
    Failed,
}

/// A failed call to a site, classified by what the caller does next.
#[derive(Debug, thiserror::Error)]
#[error("{doing} at `{site}` failed: {message}")]
pub struct SiteError {
    /// The site.
    pub site: SiteId,
    /// The failed operation, such as `creating the machine`.
    pub doing: String,
    /// The site's message, as a lower-case fragment.
    pub message: String,
    /// The caller's next action.
    pub remedy: Remedy,
    /// Advice for the user.
    pub hint: Option<String>,
}

/// The next action after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Retry the same call after this delay.
    Retry(#[serde(with = "delay")] Duration),
    /// Plan again without this offer: it is full, or over a quota.
    Replan,
    /// Ask the user: credentials, permission, configuration.
    Ask,
    /// Report it: an answer that this version does not know.
    Report,
}

/// The delay of a retry in JSON: `{"after_seconds": 5}`.
mod delay {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Delay {
        #[serde(with = "crate::seconds")]
        after_seconds: Duration,
    }

    pub(super) fn serialize<S: Serializer>(delay: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        Delay { after_seconds: *delay }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Delay::deserialize(deserializer).map(|delay| delay.after_seconds)
    }
}
