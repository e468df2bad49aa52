//! Test bench: a store and a simulated site in a directory, and processes that work on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hostler_core::demand::{Amount, Budget, Demand, Group, LeaseRequest, Requirements, Workload};
use hostler_core::journal::{DeploymentState, Entry, RemainingResource, StepEvent};
use hostler_core::name::{DeploymentId, GroupName, Name, SiteId};
use hostler_core::offer::Market;
use hostler_core::plan::{Action, Plan};
use hostler_core::ports::{Power, Provider};
use hostler_core::ticket::{StepId, Ticket};
use hostler_engine::deploy::{begin_down, begin_up};
use hostler_engine::event::{DiscardEvents, Event, Report};
use hostler_engine::keep;
use hostler_engine::run::{JournalRunner, RunOutcome};
use hostler_engine::sites::Sites;
use hostler_engine::store::{Record, Store, StoredEntry};
use hostler_engine::sweep::{self, SweepFindings};
use hostler_sim::{Fault, FaultPlan, SimSite, kill_self, tickets};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::executor::SimExecutor;
use crate::life::{Life, Order};

const NOW: fn() -> Timestamp = || Timestamp::from_second(1_790_000_000).unwrap();

/// End of a child process: killed, or not.
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

/// The same plan on these hosts.
fn plan_of(name: &str, id: u128, hosts: &[&str]) -> Plan {
    let name = Name::new(name).unwrap();
    let needs = Requirements { cpus: Amount::AtLeast(1), ..Requirements::default() };
    let group = Group { name: GroupName::new("node").unwrap(), count: 2.try_into().unwrap(), any_of: vec![needs] };
    let work = Workload { setup: Some("make".into()), run: Some("./train".into()), ..Workload::default() };
    let demand = Demand {
        name,
        groups: vec![group],
        lease: LeaseRequest::default(),
        on: vec![],
        budget: Budget::default(),
        workload: work,
        terms: Default::default(),
    };
    let market = Market { offers: vec![hostler_sim::offer(local())], unreachable: BTreeMap::new() };
    let market = market.with_hosts(|_, host| hosts.contains(&host.0.as_str()));
    hostler_core::plan::plan(&demand, &market, DeploymentId::from_bits(id), NOW()).unwrap()
}

fn local() -> SiteId {
    "local".parse().unwrap()
}

/// Number of entries that an `up` without faults writes.
pub async fn entries_of_up() -> u64 {
    let bench = Bench::new();
    bench.run(vec![], Order::Up).await;
    bench.record().await.unwrap().entries.len() as u64
}

/// Acts when the entry of a number is on disk.
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
    pub fn sharing(self, other: &Self) -> Self {
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

    /// A run, started as the operations start it.
    pub async fn run(&self, faults: Vec<Fault>, order: Order) -> RunOutcome {
        let (_sender, receiver) = watch::channel(0);
        self.run_with(faults, order, &DiscardEvents, receiver).await
    }

    /// A run that is interrupted after an entry.
    pub async fn run_interrupted(&self, order: Order, number: u64) -> RunOutcome {
        self.run_interrupted_times(order, number, 1).await
    }

    /// A run that is interrupted several times after an entry.
    pub async fn run_interrupted_times(&self, order: Order, number: u64, by: u32) -> RunOutcome {
        let (sender, receiver) = watch::channel(0);
        let report = At { number, act: move || sender.send_modify(|times| *times += by) };
        self.run_with(vec![], order, &report, receiver).await
    }

    /// The run of a child process, which kills itself as scripted.
    pub async fn run_scripted(&self, life: &Life) -> RunOutcome {
        let (_sender, receiver) = watch::channel(0);
        let report = At { number: life.die_after.unwrap_or(u64::MAX), act: || kill_self() };
        self.run_with(life.faults(), life.order, &report, receiver).await
    }

    async fn run_with(
        &self,
        faults: Vec<Fault>,
        order: Order,
        report: &dyn Report,
        mut interrupts: watch::Receiver<u32>,
    ) -> RunOutcome {
        let script = Arc::new(FaultPlan::new(faults));
        let store = self.store().await;
        let name = &self.plan.demand.name;
        let _lock = store.lock_blocking(name).unwrap();
        let site: Arc<dyn Provider> = Arc::new(self.site(script.clone()));
        let sites = Sites::from([(local(), site)]);
        let executor = SimExecutor(script);
        let runner = JournalRunner { store: &store, sites: &sites, executor: &executor, report, now: NOW };
        let Some(mut record) = self.begin(&store, order, report).await else { return RunOutcome::Down };
        runner.run(&mut record, "ssh-ed25519 AAAA", &mut interrupts).await.unwrap()
    }

    /// Journals the goal, as the operations do.
    async fn begin(&self, store: &Store, order: Order, report: &dyn Report) -> Option<Record> {
        let name = &self.plan.demand.name;
        let known = store.find(name).await.unwrap();
        let record = match (order, known) {
            (Order::Down, None) => return None,
            (Order::Down, Some(mut record)) => {
                begin_down(store, &mut record, NOW()).await.unwrap();
                record
            }
            // As the operation does: an interrupted deletion is finished first.
            (Order::Up, Some(record)) if record.journal().is_rolling_back(&record.plan) => record,
            (Order::Up, known) => begin_up(store, &self.plan, known.as_ref(), NOW()).await.unwrap(),
        };
        let number = record.entries.last().map_or(0, |stored| stored.number);
        report.report(&Event::Journaled { deployment: name.clone(), number });
        Some(record)
    }

    /// Runs in another process, which may kill itself with SIGKILL.
    pub fn child(&self, life: &Life) -> Killed {
        use std::os::unix::process::ExitStatusExt;
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
        life.write_to(&self.dir, &mut command);
        let output = command.output().unwrap();
        match output.status.signal() {
            Some(9) => Killed::Yes,
            None if output.status.success() => Killed::No,
            _ => panic!("the child failed:\n{}", String::from_utf8_lossy(&output.stdout)),
        }
    }

    /// Stops or starts the machines, as the operations do.
    pub async fn set_power(&self, power: Power) {
        let site: Arc<dyn Provider> = Arc::new(self.site(Arc::default()));
        let (store, mut record) = (self.store().await, self.record().await.unwrap());
        let changed = keep::set_power(&store, &Sites::from([(local(), site)]), &mut record, power, NOW()).await;
        assert_eq!(changed.unwrap(), 2);
    }

    /// Holds the deployment or ends that, as the operations do.
    pub async fn hold(&self, held: bool) {
        let (store, mut record) = (self.store().await, self.record().await.unwrap());
        keep::hold(&store, &mut record, held, NOW()).await.unwrap();
    }

    /// A sweep finds a deployment abandoned before its first login, and stuck after that until it is ready.
    pub async fn assert_swept_unless_reached(&self, what: &str) {
        let (found, record) = (self.sweep().await, self.record().await.unwrap());
        let is_login =
            |step: &StepId| self.plan.step(step).is_some_and(|step| matches!(step.action, Action::WaitSsh { .. }));
        let is_reached = |stored: &StoredEntry| matches!(&stored.entry, Entry::Step { step, event: StepEvent::Done { .. } } if is_login(step));
        let reached = record.entries.iter().any(is_reached);
        let listed = |names: &[Name]| names.contains(&record.name);
        let expected = (!reached, reached && record.state() != DeploymentState::Ready);
        assert_eq!((listed(&found.abandoned), listed(&found.stuck)), expected, "{what}");
    }

    pub async fn sweep(&self) -> SweepFindings {
        let site: Arc<dyn Provider> = Arc::new(self.site(Arc::default()));
        sweep::find(Some(&self.store().await), &Sites::from([(local(), site)]), NOW()).await.unwrap()
    }

    /// The tickets of this deployment's resources at the site.
    fn at_site(&self) -> BTreeSet<Ticket> {
        let resources = self.site(Arc::default()).resources().unwrap();
        let tickets = tickets(&resources);
        assert_eq!(tickets.len(), resources.len(), "two resources with one ticket: {resources:?}");
        tickets.into_iter().filter(|ticket| ticket.deployment == self.plan.deployment).collect()
    }

    pub fn assert_empty(&self, what: &str) {
        assert!(self.at_site().is_empty(), "{what}: left behind {:?}", self.at_site());
    }

    /// Every resource exists exactly once.
    pub fn assert_complete(&self, what: &str) {
        let steps: BTreeSet<_> = self.at_site().into_iter().map(|ticket| ticket.step).collect();
        assert_eq!(steps, crate::creates(&self.plan).into_iter().map(|step| step.id.clone()).collect(), "{what}");
    }

    /// Every resource at the site is listed, and every listed one with an id exists. One without an id comes from a call of
    /// unknown outcome: it may exist.
    pub fn assert_left(&self, left: &[RemainingResource], what: &str) {
        let listed: BTreeSet<_> = left.iter().map(|left| left.step.clone()).collect();
        let existing: BTreeSet<_> = self.at_site().into_iter().map(|ticket| ticket.step).collect();
        assert!(existing.is_subset(&listed), "{what}: {existing:?} exist, {listed:?} are listed");
        assert!(!listed.is_empty(), "{what}: stuck, but no resource remains");
        for left in left.iter().filter(|left| left.reference.is_some()) {
            // An undo whose response was lost may have succeeded.
            let lost = what.contains("LoseAnswer");
            assert!(lost || existing.contains(&left.step), "{what}: {} is listed but does not exist", left.step);
        }
    }

    pub async fn assert_down_deletes_all(&self, what: &str) {
        let outcome = self.run(vec![], Order::Down).await;
        assert_eq!(outcome, RunOutcome::Down, "{what}");
        self.assert_empty(what);
        assert!(self.record().await.is_none(), "{what}: the name is not free");
    }
}
