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
    AcceleratorSoftware, Availability, Facts, HoldTerm, HostId, HostState, HostSupply, ImageFacts, KeyTerm,
    NetworkTerm, Offer, ReachTerm, Supply, Terms, Unit,
};
use hostler_core::plan::{Kind, LeaseSpec};
use hostler_core::ports::{
    self, Account, Address, Creation, Grant, Health, Made, Owned, Power, Provider, Remedy, Sighting, SiteError, Verdict,
};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::{Call, Kind as FaultKind, Script, die};

/// A thing at the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// The ticket on it.
    pub ticket: Ticket,
    /// What it is.
    pub kind: Kind,
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
struct Things {
    made: u64,
    things: BTreeMap<String, Thing>,
}

/// A site whose things live in a file, and whose faults are scripted.
#[derive(Debug)]
pub struct SimSite {
    id: SiteId,
    file: PathBuf,
    script: Arc<Script>,
    account: Option<Account>,
    coming: Mutex<Vec<(Ticket, Creation)>>,
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
    pub fn things(&self) -> Result<BTreeMap<String, Thing>, SiteError> {
        self.with(|things| Ok(things.things.clone()))
    }

    /// Does something to the things, alone, and writes them back.
    fn with<T>(&self, act: impl FnOnce(&mut Things) -> Result<T, SiteError>) -> Result<T, SiteError> {
        let failed = |error: std::io::Error| self.error("using the file", &error.to_string(), Remedy::Report);
        let _lock = self.locked().map_err(failed)?;
        let text = match std::fs::read_to_string(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(failed)?,
        };
        // A file that can't be read must not look like an empty site.
        let mut things: Things = match text.as_str() {
            "" => Things::default(),
            text => serde_json::from_str(text).map_err(|error| failed(error.into()))?,
        };
        let answer = act(&mut things)?;
        let text = serde_json::to_vec(&things).map_err(|error| failed(error.into()))?;
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
        act: impl FnOnce(&mut Things, Option<FaultKind>) -> Result<T, SiteError>,
    ) -> Result<T, SiteError> {
        let fault = self.script.strike(call, &ticket.step);
        match fault {
            Some(FaultKind::Refuse(remedy)) => return Err(self.error("this call", "refused by the script", remedy)),
            Some(FaultKind::DieBefore) => die(),
            _ => {}
        }
        let answer = self.with(|things| act(things, fault));
        match fault {
            Some(FaultKind::LoseAnswer) => Err(self.error("this call", "the answer was lost", Remedy::Report)),
            Some(FaultKind::DieAfter) => die(),
            _ => answer,
        }
    }

    /// What is still being made, once.
    fn come(&self) -> Vec<(Ticket, Creation)> {
        std::mem::take(&mut *self.coming.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins what will be there later, unless it has begun already.
    fn delay(&self, ticket: &Ticket, what: &Creation) -> SiteError {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        if !coming.iter().any(|(begun, _)| begun == ticket) {
            coming.push((ticket.clone(), what.clone()));
        }
        self.error("this call", "no answer came in time", Remedy::Retry(Duration::ZERO))
    }

    fn make(&self, things: &mut Things, ticket: &Ticket, what: &Creation) -> Result<Made, SiteError> {
        let there = things.things.iter().find(|(_, thing)| thing.ticket == *ticket).map(|(id, _)| id.clone());
        let id = match there {
            Some(id) => id,
            None => self.make_new(things, ticket, what)?,
        };
        let address = matches!(what.kind(), Kind::Machine | Kind::Address)
            .then(|| Address { host: format!("{id}.sim"), port: 22 });
        Ok(Made { reference: Ref(id), address })
    }

    fn make_new(&self, things: &mut Things, ticket: &Ticket, what: &Creation) -> Result<String, SiteError> {
        let needs: Vec<Ref> = match what {
            Creation::Network { .. } | Creation::Keypair { .. } | Creation::Lease { .. } => Vec::new(),
            Creation::Machine { network, lease, keypair, .. } => {
                [network, lease, keypair].into_iter().flatten().cloned().collect()
            }
            Creation::Address { machine, .. } => machine.iter().cloned().collect(),
        };
        if let Some(missing) = needs.iter().find(|needed| !things.things.contains_key(&needed.0)) {
            let message = format!("there is no `{missing}`");
            return Err(self.error(&format!("creating the {}", what.kind()), &message, Remedy::Report));
        }
        if let Creation::Lease { spec } = what {
            self.check_free(things, ticket, spec)?;
        }
        things.made += 1;
        let id = format!("{}-{}", what.kind(), things.made);
        let grant = match what {
            Creation::Lease { spec } => Some(granted(spec)),
            _ => None,
        };
        let thing = Thing { ticket: ticket.clone(), kind: what.kind(), needs, on: true, grant };
        things.things.insert(id.clone(), thing);
        Ok(id)
    }

    /// A host is granted to one lease at a time. A call that is made twice may be granted twice, as at real sites.
    fn check_free(&self, things: &Things, ticket: &Ticket, spec: &LeaseSpec) -> Result<(), SiteError> {
        let others = || things.things.values().filter(|thing| thing.ticket != *ticket);
        let grants = || others().filter_map(|thing| thing.grant.as_ref());
        let holds = |grant: &Grant, host| grant.window.overlaps(&spec.window) && grant.hosts.contains(host);
        match spec.hosts.iter().find(|host| grants().any(|grant| holds(grant, host))) {
            Some(host) => Err(self.error("creating the lease", &format!("`{host}` is taken"), Remedy::Replan)),
            None => Ok(()),
        }
    }

    fn unmake(&self, things: &mut Things, owned: &Owned) -> Result<(), SiteError> {
        let Some(thing) = things.things.get(&owned.reference.0) else { return Ok(()) };
        if thing.ticket != owned.ticket {
            return Err(self.error("deleting", "it bears another ticket", Remedy::Report));
        }
        if let Some((other, _)) = things.things.iter().find(|(_, other)| other.needs.contains(&owned.reference)) {
            let doing = format!("deleting the {}", owned.kind);
            return Err(self.error(&doing, &format!("`{other}` stands on it"), Remedy::Report));
        }
        things.things.remove(&owned.reference.0);
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
            self.with(|things| {
                hosts.iter_mut().for_each(|host| host.busy = busy(things, &host.id));
                Ok(())
            })?;
        }
        Ok(vec![offer])
    }

    async fn create(&self, ticket: &Ticket, what: &Creation) -> Result<Made, SiteError> {
        dawdle().await;
        self.act(Call::Create, ticket, |things, fault| {
            if fault == Some(FaultKind::Late) {
                return Err(self.delay(ticket, what));
            }
            let made = self.make(things, ticket, what)?;
            if fault == Some(FaultKind::Twice) {
                self.make_new(things, ticket, what)?;
            }
            Ok(made)
        })
    }

    async fn look(&self, _: Kind, thing: &Ref) -> Result<Sighting, SiteError> {
        self.with(|things| {
            Ok(match things.things.get(&thing.0) {
                None => Sighting::Absent,
                Some(thing) if !thing.on => Sighting::Off,
                Some(_) => Sighting::There(Some(Address { host: format!("{thing}.sim"), port: 22 })),
            })
        })
    }

    async fn extend(&self, lease: &Ref, until: Timestamp) -> Result<(), SiteError> {
        self.with(|things| {
            let grant = things.things.get_mut(&lease.0).and_then(|thing| thing.grant.as_mut());
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
        self.act(Call::Delete, &owned.ticket, |things, _| self.unmake(things, owned))
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        let owned = |(id, thing): (&String, &Thing)| Owned {
            ticket: thing.ticket.clone(),
            kind: thing.kind,
            reference: Ref(id.clone()),
        };
        self.with(|things| {
            let found = things.things.iter().map(owned).collect();
            for (ticket, what) in self.come() {
                self.make(things, &ticket, &what)?;
            }
            Ok(found)
        })
    }

    fn lingers(&self) -> Duration {
        Duration::from_millis(1)
    }

    async fn things(&self, kind: Kind) -> Result<Vec<ports::Thing>, SiteError> {
        let seen = |(id, thing): (&String, &Thing)| ports::Thing {
            kind,
            reference: Ref(id.clone()),
            name: format!("{} {}", thing.ticket.step, thing.ticket),
            state: if thing.on { "ACTIVE" } else { "SHUTOFF" }.to_owned(),
            ticket: Some(thing.ticket.clone()),
            owner: None,
            detail: thing.grant.clone().map_or(ports::Detail::Nothing, ports::Detail::Lease),
        };
        if let Some(FaultKind::Refuse(remedy)) = self.script.strike(Call::List, &StepId::nearest(&kind.to_string())) {
            return Err(self.error("listing", "refused by the script", remedy));
        }
        self.with(|things| Ok(things.things.iter().filter(|(_, thing)| thing.kind == kind).map(seen).collect()))
    }

    async fn set_power(&self, machine: &Ref, power: Power) -> Result<(), SiteError> {
        let absent = self.error("switching the machine", "it is not there", Remedy::Report);
        self.with(|things| things.things.get_mut(&machine.0).map(|thing| thing.on = power == Power::On).ok_or(absent))
    }

    async fn console(&self, _: &Ref) -> Result<String, SiteError> {
        Ok("login:\n".into())
    }

    async fn check(&self) -> Vec<Health> {
        vec![Health { verdict: Verdict::Good, finding: "simulated".into(), hint: None }]
    }
}

/// When leases hold a host.
fn busy(things: &Things, host: &HostId) -> Timeline {
    let grants = things.things.values().filter_map(|thing| thing.grant.as_ref());
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
            hold: HoldTerm::Lease,
            key: KeyTerm::Keypair,
            network: NetworkTerm::Own,
            reach: ReachTerm::PublicAddress("public".into()),
            unit: Unit::ServiceUnits,
        },
    }
}

/// The tickets on things, for comparison.
pub fn tickets(things: &BTreeMap<String, Thing>) -> BTreeSet<Ticket> {
    things.values().map(|thing| thing.ticket.clone()).collect()
}
