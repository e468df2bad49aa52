//! A site whose resources are stored in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hostler_core::calendar::Timeline;
use hostler_core::name::SiteId;
use hostler_core::offer::{
    Availability, ClaimTerm, Facts, GpuSoftware, HostId, HostState, HostSupply, ImageFacts, KeyTerm, NetworkTerm,
    Offer, PriceUnit, ReachTerm, Supply, Terms,
};
use hostler_core::plan::{LeaseSpec, ResourceKind};
use hostler_core::ports::{
    self, Account, Address, CheckResult, CreateRequest, Created, Grant, Health, Owned, Power, Provider, Remedy,
    ResourceStatus, SiteError,
};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::{CallKind, FaultKind, FaultPlan, kill_self};

/// A resource at the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimResource {
    /// Its ticket.
    pub ticket: Ticket,
    /// Its kind.
    pub kind: ResourceKind,
    /// The resources that it uses, which can't be deleted before it.
    pub needs: Vec<Ref>,
    /// True if it is running.
    pub on: bool,
    /// The grant of a lease.
    #[serde(default)]
    pub grant: Option<Grant>,
}

/// Content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SimState {
    created: u64,
    resources: BTreeMap<String, SimResource>,
}

/// A site whose resources are stored in a file, and whose faults are planned.
#[derive(Debug)]
pub struct SimSite {
    id: SiteId,
    file: PathBuf,
    faults: Arc<FaultPlan>,
    account: Option<Account>,
    delayed: Mutex<Vec<(Ticket, CreateRequest)>>,
}

impl SimSite {
    /// A site over a file, which need not exist yet.
    pub fn new(id: SiteId, file: &Path, faults: Arc<FaultPlan>) -> Self {
        Self { id, file: file.to_owned(), faults, account: None, delayed: Mutex::default() }
    }

    /// The same site, used with an account.
    pub fn with_account(self, id: &str) -> Self {
        Self { account: Some(Account { id: id.to_owned(), name: id.to_owned() }), ..self }
    }

    /// All resources of the site, by the site's ids.
    pub fn resources(&self) -> Result<BTreeMap<String, SimResource>, SiteError> {
        self.with(|state| Ok(state.resources.clone()))
    }

    /// Runs an operation on the content of the file, exclusively, and writes the result back.
    fn with<T>(&self, act: impl FnOnce(&mut SimState) -> Result<T, SiteError>) -> Result<T, SiteError> {
        let failed = |error: std::io::Error| self.error("using the file", &error.to_string(), Remedy::Report);
        let _lock = self.locked().map_err(failed)?;
        let text = match std::fs::read_to_string(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(failed)?,
        };
        // A file that can't be read must not look like an empty site.
        let mut state: SimState = match text.as_str() {
            "" => SimState::default(),
            text => serde_json::from_str(text).map_err(|error| failed(error.into()))?,
        };
        let answer = act(&mut state)?;
        let text = serde_json::to_vec(&state).map_err(|error| failed(error.into()))?;
        // Replaced atomically: a process that is killed here leaves either the old content or the new one.
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

    /// Runs an operation, with the fault that is planned for this call.
    fn act<T>(
        &self,
        call: CallKind,
        ticket: &Ticket,
        act: impl FnOnce(&mut SimState, Option<FaultKind>) -> Result<T, SiteError>,
    ) -> Result<T, SiteError> {
        let fault = self.faults.next_fault(call, &ticket.step);
        match fault {
            Some(FaultKind::Reject(remedy)) => return Err(self.error("this call", "rejected as planned", remedy)),
            Some(FaultKind::CrashBefore) => kill_self(),
            _ => {}
        }
        let answer = self.with(|state| act(state, fault));
        match fault {
            Some(FaultKind::LoseResponse) => Err(self.error("this call", "the answer was lost", Remedy::Report)),
            Some(FaultKind::CrashAfter) => kill_self(),
            _ => answer,
        }
    }

    /// Takes the creations that were delayed.
    fn take_delayed(&self) -> Vec<(Ticket, CreateRequest)> {
        std::mem::take(&mut *self.delayed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Delays a creation, unless it is delayed already.
    fn delay(&self, ticket: &Ticket, request: &CreateRequest) -> SiteError {
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        if !delayed.iter().any(|(other, _)| other == ticket) {
            delayed.push((ticket.clone(), request.clone()));
        }
        self.error("this call", "no answer came in time", Remedy::Retry(Duration::ZERO))
    }

    fn create_or_find(
        &self,
        state: &mut SimState,
        ticket: &Ticket,
        request: &CreateRequest,
    ) -> Result<Created, SiteError> {
        let existing =
            state.resources.iter().find(|(_, resource)| resource.ticket == *ticket).map(|(id, _)| id.clone());
        let id = match existing {
            Some(id) => id,
            None => self.create_new(state, ticket, request)?,
        };
        let address = matches!(request.kind(), ResourceKind::Machine | ResourceKind::Address)
            .then(|| Address { host: format!("{id}.sim"), port: 22 });
        Ok(Created { reference: Ref(id), address })
    }

    fn create_new(&self, state: &mut SimState, ticket: &Ticket, request: &CreateRequest) -> Result<String, SiteError> {
        let needs: Vec<Ref> = match request {
            CreateRequest::Network { .. } | CreateRequest::Keypair { .. } | CreateRequest::Lease { .. } => Vec::new(),
            CreateRequest::Machine { network, lease, keypair, .. } => {
                [network, lease, keypair].into_iter().flatten().cloned().collect()
            }
            CreateRequest::Address { machine, .. } => machine.iter().cloned().collect(),
        };
        if let Some(missing) = needs.iter().find(|needed| !state.resources.contains_key(&needed.0)) {
            let message = format!("there is no `{missing}`");
            return Err(self.error(&format!("creating the {}", request.kind()), &message, Remedy::Report));
        }
        if let CreateRequest::Lease { spec } = request {
            self.check_free(state, ticket, spec)?;
        }
        state.created += 1;
        let id = format!("{}-{}", request.kind(), state.created);
        let grant = match request {
            CreateRequest::Lease { spec } => Some(granted(spec)),
            _ => None,
        };
        let resource = SimResource { ticket: ticket.clone(), kind: request.kind(), needs, on: true, grant };
        state.resources.insert(id.clone(), resource);
        Ok(id)
    }

    /// Checks that no lease of another ticket holds the hosts. As at real sites, a repeated call of the same ticket may be
    /// granted twice.
    fn check_free(&self, state: &SimState, ticket: &Ticket, spec: &LeaseSpec) -> Result<(), SiteError> {
        let others = || state.resources.values().filter(|resource| resource.ticket != *ticket);
        let grants = || others().filter_map(|resource| resource.grant.as_ref());
        let holds = |grant: &Grant, host| grant.window.overlaps(&spec.window) && grant.hosts.contains(host);
        match spec.hosts.iter().find(|host| grants().any(|grant| holds(grant, host))) {
            Some(host) => Err(self.error("creating the lease", &format!("`{host}` is taken"), Remedy::Replan)),
            None => Ok(()),
        }
    }

    fn delete_resource(&self, state: &mut SimState, owned: &Owned) -> Result<(), SiteError> {
        let Some(resource) = state.resources.get(&owned.reference.0) else { return Ok(()) };
        if resource.ticket != owned.ticket {
            return Err(self.error("deleting", "it bears another ticket", Remedy::Report));
        }
        if let Some((other, _)) = state.resources.iter().find(|(_, other)| other.needs.contains(&owned.reference)) {
            let doing = format!("deleting the {}", owned.kind);
            return Err(self.error(&doing, &format!("`{other}` uses it"), Remedy::Report));
        }
        state.resources.remove(&owned.reference.0);
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
            self.with(|state| {
                hosts.iter_mut().for_each(|host| host.busy = busy(state, &host.id));
                Ok(())
            })?;
        }
        Ok(vec![offer])
    }

    async fn create(&self, ticket: &Ticket, request: &CreateRequest) -> Result<Created, SiteError> {
        yield_to_others().await;
        self.act(CallKind::Create, ticket, |state, fault| {
            if fault == Some(FaultKind::CreateLate) {
                return Err(self.delay(ticket, request));
            }
            let created = self.create_or_find(state, ticket, request)?;
            if fault == Some(FaultKind::CreateTwice) {
                self.create_new(state, ticket, request)?;
            }
            Ok(created)
        })
    }

    async fn status(&self, _: ResourceKind, resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.with(|state| {
            let found = state.resources.get_key_value(&resource.0);
            Ok(found.map_or(ResourceStatus::Missing, |(id, resource)| status_of(id, resource)))
        })
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        self.with(|state| {
            let grant = state.resources.get_mut(&lease.0).and_then(|resource| resource.grant.as_mut());
            if let Some(grant) = grant
                && let Ok(window) = Window::new(grant.window.start(), until)
            {
                grant.window = window;
            }
            Ok(())
        })
    }

    async fn delete(&self, owned: &Owned) -> Result<(), SiteError> {
        yield_to_others().await;
        self.act(CallKind::Delete, &owned.ticket, |state, _| self.delete_resource(state, owned))
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        let owned = |(id, resource): (&String, &SimResource)| Owned {
            ticket: resource.ticket.clone(),
            kind: resource.kind,
            reference: Ref(id.clone()),
        };
        self.with(|state| {
            let found = state.resources.iter().map(owned).collect();
            for (ticket, request) in self.take_delayed() {
                self.create_or_find(state, &ticket, &request)?;
            }
            Ok(found)
        })
    }

    fn settle_time(&self) -> Duration {
        Duration::from_millis(1)
    }

    async fn resources(&self, kind: ResourceKind) -> Result<Vec<ports::Resource>, SiteError> {
        let listed = |(id, resource): (&String, &SimResource)| ports::Resource {
            kind,
            reference: Ref(id.clone()),
            name: format!("{} {}", resource.ticket.step, resource.ticket),
            status: Some(status_of(id, resource)),
            site_status: if resource.on { "ON" } else { "OFF" }.to_owned(),
            ticket: Some(resource.ticket.clone()),
            owner: None,
            details: resource.grant.clone().map(ports::ResourceDetails::Lease),
        };
        if let Some(FaultKind::Reject(remedy)) =
            self.faults.next_fault(CallKind::List, &StepId::nearest(&kind.to_string()))
        {
            return Err(self.error("listing", "rejected as planned", remedy));
        }
        self.with(|state| {
            Ok(state.resources.iter().filter(|(_, resource)| resource.kind == kind).map(listed).collect())
        })
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let missing = self.error("switching the machine", "it does not exist", Remedy::Report);
        self.with(|state| {
            state.resources.get_mut(&machine.0).map(|resource| resource.on = power == Power::On).ok_or(missing)
        })
    }

    async fn console(&self, _: &Ref) -> Result<String, SiteError> {
        Ok("login:\n".into())
    }

    async fn check(&self) -> Vec<Health> {
        vec![Health { result: CheckResult::Passed, finding: "simulated".into(), hint: None }]
    }
}

fn status_of(id: &str, resource: &SimResource) -> ResourceStatus {
    match resource.on {
        true => ResourceStatus::Running { address: Some(Address { host: format!("{id}.sim"), port: 22 }) },
        false => ResourceStatus::Stopped,
    }
}

/// The windows in which leases hold a host.
fn busy(state: &SimState, host: &HostId) -> Timeline {
    let grants = state.resources.values().filter_map(|resource| resource.grant.as_ref());
    Timeline::of(grants.filter(|grant| grant.hosts.contains(host)).map(|grant| grant.window))
}

/// The grant of a planned lease. Hosts are sorted, as in the calendar of a real site.
fn granted(spec: &LeaseSpec) -> Grant {
    let mut hosts = spec.hosts.clone();
    hosts.sort();
    Grant { window: spec.window, hosts }
}

/// Lets other tasks run, so that the failure of a sibling or an interrupt can occur during a call.
async fn yield_to_others() {
    for _ in 0..6 {
        tokio::task::yield_now().await;
    }
}

/// The offer of every simulated site: eight hosts, leased and reached as on a testbed.
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
            emulated: None,
        },
        supply: Supply::Hosts((1..=8).map(host).collect()),
        availability: Availability::Free,
        price_per_hour: Some(hostler_core::money::Money::ZERO),
        unit: PriceUnit::ServiceUnits,
        spot: false,
        images: vec![ImageFacts {
            name: "debian-12".into(),
            arch: "x86_64".into(),
            user: "debian".into(),
            disk: Bytes::gib(2),
            memory: Bytes::mib(256),
            os: None,
            gpu_software: GpuSoftware::None,
        }],
        terms: Terms {
            claim: ClaimTerm::Lease,
            key: KeyTerm::Keypair,
            network: NetworkTerm::Own,
            reach: ReachTerm::PublicAddress("public".into()),
        },
        accepts_images: false,
    }
}

/// The tickets of some resources, for comparisons.
pub fn tickets(resources: &BTreeMap<String, SimResource>) -> BTreeSet<Ticket> {
    resources.values().map(|resource| resource.ticket.clone()).collect()
}
