//! The site `ssh`: the user's own hosts, listed in a file and reached over SSH.
//!
//! Creating a machine claims a listed host, and deleting the machine releases the claim, which is a file on this computer.
//! Neither changes the host itself: whatever a set-up installed on it stays.

mod claims;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use hostler_core::calendar::Timeline;
use hostler_core::money::Money;
use hostler_core::name::SiteId;
use hostler_core::offer::{
    Availability, GpuSoftware, HostId, HostState, HostSupply, ImageFacts, KeyTerm, NetworkTerm, Offer, PriceUnit,
    Supply, Terms,
};
use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{
    CheckResult, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError,
};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

use crate::blocking::blocking;
use claims::{Claim, ClaimOutcome, ClaimStore};
pub use file::{BadHostList, HostDefaults, ListedHost, parse_host_list};

/// The listed hosts as a site.
pub struct SshSite {
    site: SiteId,
    /// The list, or the reason that it can't be read. Claimed hosts can be released without it.
    hosts: Result<Vec<ListedHost>, String>,
    claims: ClaimStore,
}

impl SshSite {
    /// The site of the hosts in a list, with a directory for the claims.
    pub fn new(site: SiteId, hosts: Result<Vec<ListedHost>, String>, claims: PathBuf) -> Self {
        Self { site, hosts, claims: ClaimStore::at(claims) }
    }

    fn hosts(&self, operation: &str) -> Result<&[ListedHost], SiteError> {
        let unreadable = |why: &String| {
            let hint = "correct the list, or set `ssh.hosts` to another one";
            self.error(operation, why.clone(), Remedy::Ask, Some(hint))
        };
        self.hosts.as_deref().map_err(unreadable)
    }

    fn error(&self, operation: &str, message: String, remedy: Remedy, hint: Option<&str>) -> SiteError {
        let (site, doing) = (self.site.clone(), operation.to_owned());
        SiteError { site, doing, message, remedy, hint: hint.map(str::to_owned) }
    }

    /// Reads or changes the claims. File locks and the disk block, so this runs on a blocking thread. Dropping the future does
    /// not undo the change: a claim is found again by its ticket.
    async fn with_claims<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&ClaimStore) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SiteError> {
        let claims = self.claims.clone();
        blocking(move || work(&claims)).await.map_err(|error| {
            let message = format!("the records of claimed hosts can't be used: {error}");
            self.error(operation, message, Remedy::Ask, Some("check the data directory's owner and free space"))
        })
    }

    /// Claims the host that the plan chose.
    async fn claim(&self, ticket: &Ticket, spec: &MachineSpec) -> Result<Created, SiteError> {
        const OPERATION: &str = "claiming the host";
        let claims = self.with_claims(OPERATION, ClaimStore::all).await?;
        if let Some(claim) = claims.iter().find(|claim| claim.ticket == *ticket) {
            return Ok(created(claim));
        }
        let planned = spec.host.as_ref().map(|host| host.0.as_str());
        let host = self.hosts(OPERATION)?.iter().find(|host| Some(host.name.as_str()) == planned).ok_or_else(|| {
            let message = format!("`{}` is no longer listed", planned.unwrap_or(&spec.node_type));
            self.error(OPERATION, message, Remedy::Replan, None)
        })?;
        let request = Claim { ticket: ticket.clone(), host: host.name.clone(), address: host.address.clone() };
        match self.with_claims(OPERATION, move |claims| claims.claim(&request)).await? {
            ClaimOutcome::Claimed(claim) => Ok(created(&claim)),
            ClaimOutcome::HeldByOther(other) => {
                let message =
                    format!("the deployment {} has claimed `{}` meanwhile", other.ticket.deployment, host.name);
                Err(self.error(OPERATION, message, Remedy::Replan, None))
            }
        }
    }

    fn offer(&self, hosts: &[&ListedHost], claims: &[Claim]) -> Offer {
        let first = hosts[0];
        let supply = |host: &&ListedHost| {
            let is_claimed = claims.iter().any(|claim| claim.address == host.address);
            let always = Window::open_ended(Timestamp::UNIX_EPOCH);
            let busy = Timeline::of(is_claimed.then_some(always));
            HostSupply { id: HostId(host.name.clone()), state: HostState::InService, busy }
        };
        let image = ImageFacts {
            name: first.image.clone(),
            arch: first.facts.arch.clone().unwrap_or_default(),
            user: first.user.clone(),
            disk: Bytes(0),
            memory: Bytes(0),
            os: None,
            gpu_software: GpuSoftware::None,
        };
        let key = first.key.as_ref().map(|key| KeyTerm::IdentityFile(key.display().to_string())).unwrap_or_default();
        Offer {
            site: self.site.clone(),
            node_type: node_type(hosts),
            facts: first.facts.clone(),
            supply: Supply::Hosts(hosts.iter().map(supply).collect()),
            availability: Availability::Free,
            price_per_hour: Some(Money::ZERO),
            unit: PriceUnit::Dollars,
            spot: false,
            images: vec![image],
            accepts_images: false,
            terms: Terms { network: NetworkTerm::SiteManaged, key, ..Terms::default() },
        }
    }
}

/// Groups interchangeable hosts into one offer each: same facts, user, key and system.
fn interchangeable(hosts: &[ListedHost]) -> Vec<Vec<&ListedHost>> {
    let mut groups: BTreeMap<String, Vec<&ListedHost>> = BTreeMap::new();
    for host in hosts {
        let key = format!("{:?}", (&host.facts, &host.user, &host.key, &host.image));
        groups.entry(key).or_default().push(host);
    }
    let mut groups: Vec<Vec<&ListedHost>> = groups.into_values().collect();
    groups.sort_by(|a, b| a[0].name.cmp(&b[0].name));
    groups
}

/// The first host's name, and the number of further hosts in its group, such as `n1+3`.
fn node_type(hosts: &[&ListedHost]) -> String {
    match hosts.len() {
        1 => hosts[0].name.clone(),
        count => format!("{}+{}", hosts[0].name, count - 1),
    }
}

fn created(claim: &Claim) -> Created {
    Created { reference: Ref(claim.address.to_string()), address: Some(claim.address.clone()) }
}

/// The names of the hosts whose key file does not exist.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
fn without_key(hosts: Vec<(String, Option<PathBuf>)>) -> Vec<String> {
    let keyless = hosts.into_iter().filter(|(_, key)| key.as_ref().is_none_or(|key| !key.is_file()));
    keyless.map(|(name, _)| name).collect()
}

#[async_trait]
impl Provider for SshSite {
    fn site(&self) -> &SiteId {
        &self.site
    }

    fn hosts_are_persistent(&self) -> bool {
        true
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        const OPERATION: &str = "listing the hosts";
        let claims = self.with_claims(OPERATION, ClaimStore::all).await?;
        Ok(interchangeable(self.hosts(OPERATION)?).iter().map(|hosts| self.offer(hosts, &claims)).collect())
    }

    async fn create(&self, ticket: &Ticket, request: &CreateRequest) -> Result<Created, SiteError> {
        match request {
            CreateRequest::Machine { spec, .. } => self.claim(ticket, spec).await,
            other => {
                let operation = format!("creating the {}", other.kind());
                let message = "this site has only listed hosts".to_owned();
                Err(self.error(&operation, message, Remedy::Report, None))
            }
        }
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        let claims = self.with_claims("reading the status of the host", ClaimStore::all).await?;
        let claim =
            claims.into_iter().find(|claim| kind == ResourceKind::Machine && claim.address.to_string() == resource.0);
        Ok(claim.map_or(ResourceStatus::Missing, |claim| ResourceStatus::Running { address: Some(claim.address) }))
    }

    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        Err(self.error("extending the lease", "this site has no leases".to_owned(), Remedy::Report, None))
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        const OPERATION: &str = "releasing the host";
        if owned.kind != ResourceKind::Machine {
            return Ok(());
        }
        let (address, ticket) = (owned.reference.0.clone(), owned.ticket.clone());
        match self.with_claims(OPERATION, move |claims| claims.release(&address, &ticket)).await? {
            true => Ok(()),
            false => {
                let message = format!("another deployment holds `{}`", owned.reference);
                Err(self.error(OPERATION, message, Remedy::Report, None))
            }
        }
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        let claims = self.with_claims("listing claimed hosts", ClaimStore::all).await?;
        let owned = |claim: Claim| Owned {
            reference: created(&claim).reference,
            kind: ResourceKind::Machine,
            ticket: claim.ticket,
        };
        Ok(claims.into_iter().map(owned).collect())
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        match power {
            Power::On => Ok(()),
            Power::Off => {
                let message = format!("`{machine}` is a listed host, which can't be started again over SSH");
                let hint = "if you want it off, log in and shut it down yourself";
                Err(self.error("stopping the machine", message, Remedy::Ask, Some(hint)))
            }
        }
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        let message = format!("`{machine}` is a listed host, whose console is not accessible over SSH");
        Err(self.error("reading the console", message, Remedy::Report, None))
    }

    async fn check(&self) -> Vec<Health> {
        let health = |verdict, finding: String, hint: Option<&str>| Health {
            result: verdict,
            finding,
            hint: hint.map(str::to_owned),
        };
        let hosts = match &self.hosts {
            Ok(hosts) => hosts,
            Err(why) => return vec![health(CheckResult::Failed, why.clone(), Some("correct the list"))],
        };
        let claims = self.claims.clone();
        let mut findings = match blocking(move || claims.all()).await {
            Ok(claims) => {
                vec![health(
                    CheckResult::Passed,
                    format!("hosts: {} listed, {} claimed", hosts.len(), claims.len()),
                    None,
                )]
            }
            Err(error) => {
                vec![health(CheckResult::Failed, format!("the records of claimed hosts can't be read: {error}"), None)]
            }
        };
        let keys: Vec<(String, Option<PathBuf>)> =
            hosts.iter().map(|host| (host.name.clone(), host.key.clone())).collect();
        let names = blocking(move || without_key(keys)).await;
        if !names.is_empty() {
            let hint = "set `key` in the list, or `ssh.key`, to a private key";
            findings.push(health(
                CheckResult::Failed,
                format!("no key to log in with: {}", names.join(", ")),
                Some(hint),
            ));
        }
        findings
    }
}
