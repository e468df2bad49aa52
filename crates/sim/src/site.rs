//! A site whose things live in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::calendar::Timeline;
use hostler_core::name::SiteId;
use hostler_core::offer::{
    AcceleratorSoftware, Availability, ClaimTerm, Facts, HostId, HostState, HostSupply, ImageFacts, KeyTerm,
    NetworkTerm, Offer, ReachTerm, Supply, Terms, Unit,
};
use hostler_core::plan::{LeaseSpec, ResourceKind};
use hostler_core::ports::{
    self, Account, Address, CreateRequest, Created, Grant, Health, Owned, Power, Provider, Remedy, ResourceStatus,
    SiteError, Verdict,
};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::{Call, FaultKind, Script, die};

/// A thing at the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The ticket on it.
    pub ticket: Ticket,
    /// What it is.
    pub kind: ResourceKind,
    /// What it stands on, which can't go before it.
    pub needs: Vec<Ref>,
    /// Whether it is running.
    pub on: bool,
    /// What a lease was granted.
    #[serde(default)]
    pub grant: Option<Grant>,
}

/// What lies in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Resources {
    made: u64,
    resources: BTreeMap<String, Resource>,
}

/// A site whose things live in a file, and whose faults are scripted.
#[derive(Debug)]
pub struct SimSite {
    id: SiteId,
    file: PathBuf,
    script: Arc<Script>,
    account: Option<Account>,
    coming: Mutex<Vec<(Ticket, CreateRequest)>>,
}

impl SimSite {
    /// A site over a file, which need not be there yet.
    pub fn new(id: SiteId, file: &Path, script: Arc<Script>) -> Self {
        Self { id, file: file.to_owned(), script, account: None, coming: Mutex::default() }
    }

    /// The same site, as somebody who has an account there.
    pub fn with_account(self, id: &str) -> Self {
        Self { account: Some(Account { id: id.to_owned(), name: id.to_owned() }), ..self }
    }

    /// Everything at the site, by its id there.
    pub fn resources(&self) -> Result<BTreeMap<String, Resource>, SiteError> {
        self.with(|resources| Ok(resources.resources.clone()))
    }

    /// Does something to the things, alone, and writes them back.
    fn with<T>(&self, act: impl FnOnce(&mut Resources) -> Result<T, SiteError>) -> Result<T, SiteError> {
        let failed = |error: std::io::Error| self.error("using the file", &error.to_string(), Remedy::Report);
        let _lock = self.locked().map_err(failed)?;
        let text = match std::fs::read_to_string(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(failed)?,
        };
        // A file that can't be read must not look like an empty site.
        let mut resources: Resources = match text.as_str() {
            "" => Resources::default(),
            text => serde_json::from_str(text).map_err(|error| failed(error.into()))?,
        };
        let answer = act(&mut resources)?;
        let text = serde_json::to_vec(&resources).map_err(|error| failed(error.into()))?;
        // Replaced at once: whoever is killed in here leaves the old things or the new ones.
        let new = self.file.with_extension("new");
        std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &self.file)).map_err(failed)?;
        Ok(answer)
    }

    fn locked(&self) -> std::io::Result<File> {
        let path = self.file.with_extension("lock");
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        lock.lock()?;
        Ok(lock)
    }

    fn error(&self, doing: &str, message: &str, remedy: Remedy) -> SiteError {
        SiteError { site: self.id.clone(), doing: doing.into(), message: message.into(), remedy, hint: None }
    }

    /// Does something to the things, unless the script has it otherwise.
    fn act<T>(
        &self,
        call: Call,
        ticket: &Ticket,
        act: impl FnOnce(&mut Resources, Option<FaultKind>) -> Result<T, SiteError>,
    ) -> Result<T, SiteError> {
        let fault = self.script.strike(call, &ticket.step);
        match fault {
            Some(FaultKind::Refuse(remedy)) => return Err(self.error("this call", "refused by the script", remedy)),
            Some(FaultKind::DieBefore) => die(),
            _ => {}
        }
        let answer = self.with(|resources| act(resources, fault));
        match fault {
            Some(FaultKind::LoseAnswer) => Err(self.error("this call", "the answer was lost", Remedy::Report)),
            Some(FaultKind::DieAfter) => die(),
            _ => answer,
        }
    }

    /// What is still being made, once.
    fn come(&self) -> Vec<(Ticket, CreateRequest)> {
        std::mem::take(&mut *self.coming.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins what will be there later, unless it has begun already.
    fn delay(&self, ticket: &Ticket, what: &CreateRequest) -> SiteError {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        if !coming.iter().any(|(begun, _)| begun == ticket) {
            coming.push((ticket.clone(), what.clone()));
        }
        self.error("this call", "no answer came in time", Remedy::Retry(Duration::ZERO))
    }

    fn make(&self, resources: &mut Resources, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        let there =
            resources.resources.iter().find(|(_, resource)| resource.ticket == *ticket).map(|(id, _)| id.clone());
        let id = match there {
            Some(id) => id,
            None => self.make_new(resources, ticket, what)?,
        };
        let address = matches!(what.kind(), ResourceKind::Machine | ResourceKind::Address)
            .then(|| Address { host: format!("{id}.sim"), port: 22 });
        Ok(Created { reference: Ref(id), address })
    }

    fn make_new(&self, resources: &mut Resources, ticket: &Ticket, what: &CreateRequest) -> Result<String, SiteError> {
        let needs: Vec<Ref> = match what {
            CreateRequest::Network { .. } | CreateRequest::Keypair { .. } | CreateRequest::Lease { .. } => Vec::new(),
            CreateRequest::Machine { network, lease, keypair, .. } => {
                [network, lease, keypair].into_iter().flatten().cloned().collect()
            }
            CreateRequest::Address { machine, .. } => machine.iter().cloned().collect(),
        };
        if let Some(missing) = needs.iter().find(|needed| !resources.resources.contains_key(&needed.0)) {
            let message = format!("there is no `{missing}`");
            return Err(self.error(&format!("creating the {}", what.kind()), &message, Remedy::Report));
        }
        if let CreateRequest::Lease { spec } = what {
            self.check_free(resources, ticket, spec)?;
        }
        resources.made += 1;
        let id = format!("{}-{}", what.kind(), resources.made);
        let grant = match what {
            CreateRequest::Lease { spec } => Some(granted(spec)),
            _ => None,
        };
        let resource = Resource { ticket: ticket.clone(), kind: what.kind(), needs, on: true, grant };
        resources.resources.insert(id.clone(), resource);
        Ok(id)
    }

    /// A host is granted to one lease at a time. A call that is made twice may be granted twice, as at real sites.
    fn check_free(&self, resources: &Resources, ticket: &Ticket, spec: &LeaseSpec) -> Result<(), SiteError> {
        let others = || resources.resources.values().filter(|resource| resource.ticket != *ticket);
        let grants = || others().filter_map(|resource| resource.grant.as_ref());
        let holds = |grant: &Grant, host| grant.window.overlaps(&spec.window) && grant.hosts.contains(host);
        match spec.hosts.iter().find(|host| grants().any(|grant| holds(grant, host))) {
            Some(host) => Err(self.error("creating the lease", &format!("`{host}` is taken"), Remedy::Replan)),
            None => Ok(()),
        }
    }

    fn unmake(&self, resources: &mut Resources, owned: &Owned) -> Result<(), SiteError> {
        let Some(resource) = resources.resources.get(&owned.reference.0) else { return Ok(()) };
        if resource.ticket != owned.ticket {
            return Err(self.error("deleting", "it bears another ticket", Remedy::Report));
        }
        if let Some((other, _)) = resources.resources.iter().find(|(_, other)| other.needs.contains(&owned.reference)) {
            let doing = format!("deleting the {}", owned.kind);
            return Err(self.error(&doing, &format!("`{other}` stands on it"), Remedy::Report));
        }
        resources.resources.remove(&owned.reference.0);
        Ok(())
    }
}

#[async_trait]
impl Provider for SimSite {
    fn site(&self) -> &SiteId {
        &self.id
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        Ok(self.account.clone())
    }

    async fn offers(&self, _: &Window) -> Result<Vec<Offer>, SiteError> {
        let mut offer = offer(self.id.clone());
        if let Supply::Hosts(hosts) = &mut offer.supply {
            self.with(|resources| {
                hosts.iter_mut().for_each(|host| host.busy = busy(resources, &host.id));
                Ok(())
            })?;
        }
        Ok(vec![offer])
    }

    async fn create(&self, ticket: &Ticket, what: &CreateRequest) -> Result<Created, SiteError> {
        dawdle().await;
        self.act(Call::Create, ticket, |resources, fault| {
            if fault == Some(FaultKind::Late) {
                return Err(self.delay(ticket, what));
            }
            let made = self.make(resources, ticket, what)?;
            if fault == Some(FaultKind::Twice) {
                self.make_new(resources, ticket, what)?;
            }
            Ok(made)
        })
    }

    async fn status(&self, _: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.with(|resources| {
            let found = resources.resources.get_key_value(&resource.0);
            Ok(found.map_or(ResourceStatus::Missing, |(id, resource)| status_of(id, resource)))
        })
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        self.with(|resources| {
            let grant = resources.resources.get_mut(&lease.0).and_then(|resource| resource.grant.as_mut());
            if let Some(grant) = grant
                && let Ok(window) = Window::new(grant.window.start(), until)
            {
                grant.window = window;
            }
            Ok(())
        })
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        dawdle().await;
        self.act(Call::Delete, &owned.ticket, |resources, _| self.unmake(resources, owned))
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        let owned = |(id, resource): (&String, &Resource)| Owned {
            ticket: resource.ticket.clone(),
            kind: resource.kind,
            reference: Ref(id.clone()),
        };
        self.with(|resources| {
            let found = resources.resources.iter().map(owned).collect();
            for (ticket, what) in self.come() {
                self.make(resources, &ticket, &what)?;
            }
            Ok(found)
        })
    }

    fn settle_time(&self) -> Duration {
        Duration::from_millis(1)
    }

    async fn resources(&self, kind: ResourceKind) -> Result<Vec<ports::Resource>, SiteError> {
        let seen = |(id, resource): (&String, &Resource)| ports::Resource {
            kind,
            reference: Ref(id.clone()),
            name: format!("{} {}", resource.ticket.step, resource.ticket),
            status: Some(status_of(id, resource)),
            site_status: if resource.on { "ON" } else { "OFF" }.to_owned(),
            ticket: Some(resource.ticket.clone()),
            owner: None,
            details: resource.grant.clone().map(ports::ResourceDetails::Lease),
        };
        if let Some(FaultKind::Refuse(remedy)) = self.script.strike(Call::List, &StepId::nearest(&kind.to_string())) {
            return Err(self.error("listing", "refused by the script", remedy));
        }
        self.with(|resources| {
            Ok(resources.resources.iter().filter(|(_, resource)| resource.kind == kind).map(seen).collect())
        })
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let absent = self.error("switching the machine", "it is not there", Remedy::Report);
        self.with(|resources| {
            resources.resources.get_mut(&machine.0).map(|resource| resource.on = power == Power::On).ok_or(absent)
        })
    }

    async fn console(&self, _: &Ref) -> Result<String, SiteError> {
        Ok("login:\n".into())
    }

    async fn check(&self) -> Vec<Health> {
        vec![Health { verdict: Verdict::Good, finding: "simulated".into(), hint: None }]
    }
}

fn status_of(id: &str, resource: &Resource) -> ResourceStatus {
    match resource.on {
        true => ResourceStatus::Running { address: Some(Address { host: format!("{id}.sim"), port: 22 }) },
        false => ResourceStatus::Stopped,
    }
}

/// When leases hold a host.
fn busy(resources: &Resources, host: &HostId) -> Timeline {
    let grants = resources.resources.values().filter_map(|resource| resource.grant.as_ref());
    Timeline::of(grants.filter(|grant| grant.hosts.contains(host)).map(|grant| grant.window))
}

/// A site's calendar knows no order of hosts.
fn granted(spec: &LeaseSpec) -> Grant {
    let mut hosts = spec.hosts.clone();
    hosts.sort();
    Grant { window: spec.window, hosts }
}

/// Lets others go on: a failure of a sibling, or an interrupt, comes while a call is under way.
async fn dawdle() {
    for _ in 0..6 {
        tokio::task::yield_now().await;
    }
}

/// What every simulated site has: some hosts, which are leased and reached as on a testbed.
pub fn offer(site: SiteId) -> Offer {
    let host = |number| HostSupply {
        id: HostId(format!("host-{number}")),
        state: HostState::InService,
        busy: Timeline::default(),
    };
    Offer {
        site,
        node_type: "vm".into(),
        facts: Facts {
            cpus: Some(8),
            memory: Some(Bytes::gib(32)),
            disk: Some(Bytes::gib(100)),
            arch: Some("x86_64".into()),
            gpus: vec![],
            labels: BTreeMap::new(),
        },
        supply: Supply::Hosts((1..=8).map(host).collect()),
        availability: Availability::Free,
        price_per_hour: Some(hostler_core::money::Money::ZERO),
        spot: false,
        images: vec![ImageFacts {
            name: "debian-12".into(),
            arch: "x86_64".into(),
            user: "debian".into(),
            disk: Bytes::gib(2),
            memory: Bytes::mib(256),
            os: None,
            accelerators: AcceleratorSoftware::None,
        }],
        terms: Terms {
            claim: ClaimTerm::Lease,
            key: KeyTerm::Keypair,
            network: NetworkTerm::Own,
            reach: ReachTerm::PublicAddress("public".into()),
            unit: Unit::ServiceUnits,
        },
    }
}

/// The tickets on things, for comparison.
pub fn tickets(resources: &BTreeMap<String, Resource>) -> BTreeSet<Ticket> {
    resources.values().map(|resource| resource.ticket.clone()).collect()
}
