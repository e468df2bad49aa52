//! Hosts of the user's own: listed in a file, reached over SSH, never made and never removed.
//!
//! To make a machine is to take a listed host, and to delete it is to give it back: a note on this computer says who has
//! which. Nothing is done to the host itself, neither then nor before; what its set-up installs stays on it.

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
    AcceleratorSoftware, Availability, HostId, HostState, HostSupply, ImageFacts, KeyTerm, NetworkTerm, Offer, Supply,
    Terms,
};
use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{
    CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError, Verdict,
};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

use claims::{Claim, Claims, Taken};
pub use file::{BadList, Defaults, ListedHost, read_list};

/// The listed hosts as a site.
pub struct Listed {
    site: SiteId,
    /// The list, or why it can't be read: what was taken before is given back all the same.
    hosts: Result<Vec<ListedHost>, String>,
    claims: Claims,
}

impl Listed {
    /// The site, with its list and the directory of the notes on who has which host.
    pub fn new(site: SiteId, hosts: Result<Vec<ListedHost>, String>, claims: PathBuf) -> Self {
        Self { site, hosts, claims: Claims::at(claims) }
    }

    fn hosts(&self, doing: &str) -> Result<&[ListedHost], SiteError> {
        let unreadable = |why: &String| {
            self.error(doing, why.clone(), Remedy::Ask, Some("correct the list, or name another as `ssh.hosts`"))
        };
        self.hosts.as_deref().map_err(unreadable)
    }

    fn error(&self, doing: &str, message: String, remedy: Remedy, hint: Option<&str>) -> SiteError {
        SiteError { site: self.site.clone(), doing: doing.to_owned(), message, remedy, hint: hint.map(str::to_owned) }
    }

    fn file_error(&self, doing: &'static str) -> impl Fn(io::Error) -> SiteError + '_ {
        move |error| {
            let message = format!("the notes on who has which host can't be used: {error}");
            self.error(doing, message, Remedy::Ask, Some("check the data directory's owner and free space"))
        }
    }

    /// Takes the host that the plan chose.
    fn take(&self, ticket: &Ticket, spec: &MachineSpec) -> Result<Created, SiteError> {
        const DOING: &str = "taking the host";
        let held = self.claims.all().map_err(self.file_error(DOING))?;
        if let Some(held) = held.iter().find(|held| held.ticket == *ticket) {
            return Ok(made(held));
        }
        let wanted = spec.host.as_ref().map(|host| host.0.as_str());
        let host = self.hosts(DOING)?.iter().find(|host| Some(host.name.as_str()) == wanted).ok_or_else(|| {
            let message = format!("`{}` is no longer listed", wanted.unwrap_or(&spec.node_type));
            self.error(DOING, message, Remedy::Replan, None)
        })?;
        let wish = Claim { ticket: ticket.clone(), host: host.name.clone(), address: host.address.clone() };
        match self.claims.take(&wish).map_err(self.file_error(DOING))? {
            Taken::Ours(claim) => Ok(made(&claim)),
            Taken::Theirs(claim) => {
                let message = format!("`{}` was taken by deployment {} meanwhile", host.name, claim.ticket.deployment);
                Err(self.error(DOING, message, Remedy::Replan, None))
            }
        }
    }

    fn offer(&self, hosts: &[&ListedHost], taken: &[Claim]) -> Offer {
        let first = hosts[0];
        let supply = |host: &&ListedHost| {
            let is_taken = taken.iter().any(|claim| claim.address == host.address);
            let always = Window::open_ended(Timestamp::UNIX_EPOCH);
            let busy = Timeline::of(is_taken.then_some(always));
            HostSupply { id: HostId(host.name.clone()), state: HostState::InService, busy }
        };
        let image = ImageFacts {
            name: first.image.clone(),
            arch: first.facts.arch.clone().unwrap_or_default(),
            user: first.user.clone(),
            disk: Bytes(0),
            memory: Bytes(0),
            os: None,
            accelerators: AcceleratorSoftware::None,
        };
        let key = first.key.as_ref().map(|key| KeyTerm::Present(key.display().to_string())).unwrap_or_default();
        Offer {
            site: self.site.clone(),
            node_type: name_of(hosts),
            facts: first.facts.clone(),
            supply: Supply::Hosts(hosts.iter().map(supply).collect()),
            availability: Availability::Free,
            price_per_hour: Some(Money::ZERO),
            spot: false,
            images: vec![image],
            terms: Terms { network: NetworkTerm::Given, key, ..Terms::default() },
        }
    }
}

/// Hosts that are alike are one offer, as machines of one group are alike: of the same facts, user, key and system.
fn alike(hosts: &[ListedHost]) -> Vec<Vec<&ListedHost>> {
    let mut groups: BTreeMap<String, Vec<&ListedHost>> = BTreeMap::new();
    for host in hosts {
        let key = format!("{:?}", (&host.facts, &host.user, &host.key, &host.image));
        groups.entry(key).or_default().push(host);
    }
    let mut groups: Vec<Vec<&ListedHost>> = groups.into_values().collect();
    groups.sort_by(|a, b| a[0].name.cmp(&b[0].name));
    groups
}

/// The first host's name, and how many more there are of its kind.
fn name_of(hosts: &[&ListedHost]) -> String {
    match hosts.len() {
        1 => hosts[0].name.clone(),
        count => format!("{}+{}", hosts[0].name, count - 1),
    }
}

fn made(claim: &Claim) -> Created {
    Created { reference: Ref(claim.address.to_string()), address: Some(claim.address.clone()) }
}

#[async_trait]
impl Provider for Listed {
    fn site(&self) -> &SiteId {
        &self.site
    }

    fn hosts_are_persistent(&self) -> bool {
        true
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        const DOING: &str = "listing the hosts";
        let taken = self.claims.all().map_err(self.file_error(DOING))?;
        Ok(alike(self.hosts(DOING)?).iter().map(|hosts| self.offer(hosts, &taken)).collect())
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        match what {
            CreateRequest::Machine { spec, .. } => self.take(ticket, spec),
            other => {
                let doing = format!("making the {}", other.kind());
                Err(self.error(&doing, "listed hosts have none".to_owned(), Remedy::Report, None))
            }
        }
    }

    async fn status(&self, kind: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        let claims = self.claims.all().map_err(self.file_error("looking at the host"))?;
        let held =
            claims.into_iter().find(|claim| kind == ResourceKind::Machine && claim.address.to_string() == resource.0);
        Ok(held.map_or(ResourceStatus::Missing, |claim| ResourceStatus::Running { address: Some(claim.address) }))
    }

    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        Err(self.error("extending the lease", "listed hosts have none".to_owned(), Remedy::Report, None))
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        const DOING: &str = "giving the host back";
        if owned.kind != ResourceKind::Machine {
            return Ok(());
        }
        match self.claims.give_back(&owned.reference.0, &owned.ticket).map_err(self.file_error(DOING))? {
            true => Ok(()),
            false => {
                let message = format!("another deployment has `{}`", owned.reference);
                Err(self.error(DOING, message, Remedy::Report, None))
            }
        }
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        let claims = self.claims.all().map_err(self.file_error("listing what is taken"))?;
        let owned = |claim: Claim| Owned {
            reference: made(&claim).reference,
            kind: ResourceKind::Machine,
            ticket: claim.ticket,
        };
        Ok(claims.into_iter().map(owned).collect())
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        match power {
            Power::On => Ok(()),
            Power::Off => {
                let message = format!("`{machine}` is a host of your own: nobody here could start it again");
                Err(self.error("shutting down", message, Remedy::Ask, Some("shut it down there, if you want it so")))
            }
        }
    }

    async fn console(&self, machine: &Ref) -> Result<String, SiteError> {
        let message = format!("`{machine}` is a host of your own: its console is not within reach");
        Err(self.error("reading the console", message, Remedy::Report, None))
    }

    async fn check(&self) -> Vec<Health> {
        let health =
            |verdict, finding: String, hint: Option<&str>| Health { verdict, finding, hint: hint.map(str::to_owned) };
        let hosts = match &self.hosts {
            Ok(hosts) => hosts,
            Err(why) => return vec![health(Verdict::Bad, why.clone(), Some("correct the list"))],
        };
        let mut found = match self.claims.all() {
            Ok(taken) => {
                vec![health(
                    Verdict::Good,
                    format!("{} hosts are listed, {} are taken", hosts.len(), taken.len()),
                    None,
                )]
            }
            Err(error) => vec![health(Verdict::Bad, format!("who has which host can't be told: {error}"), None)],
        };
        let keyless = hosts.iter().filter(|host| host.key.as_ref().is_none_or(|key| !key.is_file()));
        let names: Vec<&str> = keyless.map(|host| host.name.as_str()).collect();
        if !names.is_empty() {
            let hint = "name a private key in the list, or as `ssh.key`";
            found.push(health(Verdict::Bad, format!("no key to log in with: {}", names.join(", ")), Some(hint)));
        }
        found
    }
}
