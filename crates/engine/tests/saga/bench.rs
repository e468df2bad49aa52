//! A test bench: a store and a simulated site in a directory, and the lives lived on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hostler_core::demand::{Amount, Budget, Demand, Group, LeaseRequest, Requirements, Work};
use hostler_core::journal::{Entry, Left, State, StepEvent};
use hostler_core::name::{DeploymentId, GroupName, Name, SiteId};
use hostler_core::offer::Market;
use hostler_core::plan::{Action, Plan};
use hostler_core::ports::{Power, Provider};
use hostler_core::ticket::{StepId, Ticket};
use hostler_engine::deploy::{enter_down, enter_up};
use hostler_engine::event::{Event, Report, Silent};
use hostler_engine::keep;
use hostler_engine::run::{Driver, Inputs, Outcome};
use hostler_engine::sites::Sites;
use hostler_engine::store::{Record, Store, Stored};
use hostler_engine::sweep::{self, Found};
use hostler_sim::{Fault, FaultPlan, SimSite, kill_self, tickets};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::executor::SimExecutor;
use crate::life::{Life, Order};

const NOW: fn() -> Timestamp = || Timestamp::from_second(1_790_000_000).unwrap();

/// Whether a child was killed, or came to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Killed {
    Yes,
    No,
}

pub struct Bench {
    pub plan: Plan,
    dir: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

/// Two machines on a network, each with a set-up and a run.
pub fn plan() -> Plan {
    plan_of("saga", 77, &["host-1", "host-2"])
}

/// The same, on these hosts.
fn plan_of(name: &str, id: u128, hosts: &[&str]) -> Plan {
    let name = Name::new(name).unwrap();
    let needs = Requirements { cpus: Amount::AtLeast(1), ..Requirements::default() };
    let group = Group { name: GroupName::new("node").unwrap(), count: 2.try_into().unwrap(), any_of: vec![needs] };
    let work = Work { setup: Some("make".into()), run: Some("./train".into()), ..Work::default() };
    let demand = Demand {
        name,
        groups: vec![group],
        lease: LeaseRequest::default(),
        on: vec![],
        budget: Budget::default(),
        work,
        terms: Default::default(),
    };
    let market = Market { offers: vec![hostler_sim::offer(local())], silent: BTreeMap::new() };
    let market = market.with_hosts(|_, host| hosts.contains(&host.0.as_str()));
    hostler_core::plan::plan(&demand, &market, DeploymentId::from_bits(id), NOW()).unwrap()
}

fn local() -> SiteId {
    "local".parse().unwrap()
}

/// How many entries an `up` without faults writes.
pub async fn entries_of_up() -> u64 {
    let bench = Bench::new();
    bench.live(vec![], Order::Up).await;
    bench.record().await.unwrap().entries.len() as u64
}

/// Does something when an entry of a number is on disk.
struct At<F: Fn() + Send + Sync> {
    number: u64,
    act: F,
}

impl<F: Fn() + Send + Sync> Report for At<F> {
    fn report(&self, event: &Event) {
        if matches!(event, Event::Journaled { number, .. } if *number == self.number) {
            (self.act)();
        }
    }
}

impl Bench {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { plan: plan(), dir: temporary.path().to_owned(), _temporary: Some(temporary) }
    }

    pub fn named(name: &str, id: u128, hosts: &[&str]) -> Self {
        Self { plan: plan_of(name, id, hosts), ..Self::new() }
    }

    /// The same deployment, with the store and the site of another bench.
    pub fn beside(self, other: &Self) -> Self {
        Self { dir: other.dir.clone(), _temporary: None, ..self }
    }

    pub fn at(dir: &Path) -> Self {
        Self { plan: plan(), dir: dir.to_owned(), _temporary: None }
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.dir.join("data")).await.unwrap()
    }

    pub async fn record(&self) -> Option<Record> {
        self.store().await.find(&self.plan.demand.name).await.unwrap()
    }

    fn site(&self, script: Arc<FaultPlan>) -> SimSite {
        SimSite::new(local(), &self.dir.join("site.json"), script)
    }

    /// A whole life of a process, as the user's command begins it.
    pub async fn live(&self, faults: Vec<Fault>, order: Order) -> Outcome {
        let (_sender, receiver) = watch::channel(0);
        self.drive(faults, order, &Silent, receiver).await
    }

    /// A life that is interrupted after an entry.
    pub async fn live_interrupted(&self, order: Order, number: u64) -> Outcome {
        self.live_interrupted_times(order, number, 1).await
    }

    /// A life that is interrupted so many times after an entry.
    pub async fn live_interrupted_times(&self, order: Order, number: u64, by: u32) -> Outcome {
        let (sender, receiver) = watch::channel(0);
        let report = At { number, act: move || sender.send_modify(|times| *times += by) };
        self.drive(vec![], order, &report, receiver).await
    }

    /// The life of a child: it kills itself when told so.
    pub async fn live_as_told(&self, life: &Life) -> Outcome {
        let (_sender, receiver) = watch::channel(0);
        let report = At { number: life.die_after.unwrap_or(u64::MAX), act: || kill_self() };
        self.drive(life.faults(), life.order, &report, receiver).await
    }

    async fn drive(
        &self,
        faults: Vec<Fault>,
        order: Order,
        report: &dyn Report,
        mut interrupts: watch::Receiver<u32>,
    ) -> Outcome {
        let script = Arc::new(FaultPlan::new(faults));
        let store = self.store().await;
        let name = &self.plan.demand.name;
        let _lock = store.lock_blocking(name).unwrap();
        let site: Arc<dyn Provider> = Arc::new(self.site(script.clone()));
        let sites = Sites::from([(local(), site)]);
        let executor = SimExecutor(script);
        let driver = Driver { store: &store, sites: &sites, executor: &executor, report, now: NOW };
        let Some(mut record) = self.begin(&store, order, report).await else { return Outcome::Released };
        driver.drive(&mut record, &Inputs::default(), &mut interrupts).await.unwrap()
    }

    /// Enters the goal, as the verbs do.
    async fn begin(&self, store: &Store, order: Order, report: &dyn Report) -> Option<Record> {
        let name = &self.plan.demand.name;
        let known = store.find(name).await.unwrap();
        let record = match (order, known) {
            (Order::Down, None) => return None,
            (Order::Down, Some(mut record)) => {
                enter_down(store, &mut record, NOW()).await.unwrap();
                record
            }
            // As the verb does: what was on its way back is given back first.
            (Order::Up, Some(record)) if record.journal().turns_back(&record.plan) => record,
            (Order::Up, known) => enter_up(store, &self.plan, known.as_ref(), NOW()).await.unwrap(),
        };
        let number = record.entries.last().map_or(0, |stored| stored.number);
        report.report(&Event::Journaled { deployment: name.clone(), number });
        Some(record)
    }

    /// Lives a life in another process, which is killed as a real one would be.
    pub fn child(&self, life: &Life) -> Killed {
        use std::os::unix::process::ExitStatusExt;
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
        life.tell(&self.dir, &mut command);
        let output = command.output().unwrap();
        match output.status.signal() {
            Some(9) => Killed::Yes,
            None if output.status.success() => Killed::No,
            _ => panic!("the child failed:\n{}", String::from_utf8_lossy(&output.stdout)),
        }
    }

    /// Shuts the machines down, or starts them, as the verbs do.
    pub async fn set_power(&self, power: Power) {
        let site: Arc<dyn Provider> = Arc::new(self.site(Arc::default()));
        let (store, mut record) = (self.store().await, self.record().await.unwrap());
        let changed = keep::set_power(&store, &Sites::from([(local(), site)]), &mut record, power, NOW()).await;
        assert_eq!(changed.unwrap(), 2);
    }

    /// What somebody could log in to is not swept, and told to be kept until it is ready.
    pub async fn assert_swept_unless_reached(&self, what: &str) {
        let (found, record) = (self.sweep().await, self.record().await.unwrap());
        let is_login =
            |step: &StepId| self.plan.step(step).is_some_and(|step| matches!(step.action, Action::Reach { .. }));
        let is_reached = |stored: &Stored| matches!(&stored.entry, Entry::Step { step, event: StepEvent::Done { .. } } if is_login(step));
        let reached = record.entries.iter().any(is_reached);
        let listed = |names: &[Name]| names.contains(&record.name);
        let expected = (!reached, reached && record.state() != State::Ready);
        assert_eq!((listed(&found.forsaken), listed(&found.stuck)), expected, "{what}");
    }

    pub async fn sweep(&self) -> Found {
        let site: Arc<dyn Provider> = Arc::new(self.site(Arc::default()));
        sweep::find(Some(&self.store().await), &Sites::from([(local(), site)]), NOW()).await.unwrap()
    }

    /// The tickets on this deployment's things.
    fn at_site(&self) -> BTreeSet<Ticket> {
        let resources = self.site(Arc::default()).resources().unwrap();
        let tickets = tickets(&resources);
        assert_eq!(tickets.len(), resources.len(), "two resources with one ticket: {resources:?}");
        tickets.into_iter().filter(|ticket| ticket.deployment == self.plan.deployment).collect()
    }

    pub fn assert_empty(&self, what: &str) {
        assert!(self.at_site().is_empty(), "{what}: left behind {:?}", self.at_site());
    }

    /// Every thing is there exactly once.
    pub fn assert_whole(&self, what: &str) {
        let steps: BTreeSet<_> = self.at_site().into_iter().map(|ticket| ticket.step).collect();
        assert_eq!(steps, crate::creates(&self.plan).into_iter().map(|step| step.id.clone()).collect(), "{what}");
    }

    /// Everything at the site is listed, and everything listed with an id there is at the site. What is listed without an
    /// id is of unknown outcome: it may be there.
    pub fn assert_left(&self, left: &[Left], what: &str) {
        let listed: BTreeSet<_> = left.iter().map(|left| left.step.clone()).collect();
        let there: BTreeSet<_> = self.at_site().into_iter().map(|ticket| ticket.step).collect();
        assert!(there.is_subset(&listed), "{what}: {there:?} are there, listed are {listed:?}");
        assert!(!listed.is_empty(), "{what}: stuck, and nothing is left");
        for left in left.iter().filter(|left| left.reference.is_some()) {
            // An undo whose answer was lost may have succeeded.
            let lost = what.contains("LoseAnswer");
            assert!(lost || there.contains(&left.step), "{what}: {} is listed and not there", left.step);
        }
    }

    pub async fn assert_gone_after_down(&self, what: &str) {
        let outcome = self.live(vec![], Order::Down).await;
        assert_eq!(outcome, Outcome::Released, "{what}");
        self.assert_empty(what);
        assert!(self.record().await.is_none(), "{what}: the name is not free");
    }
}
