//! Overhead of a run: a site that creates machines at once, and phases that take some milliseconds.
//!
//!   cargo bench -p hostler-engine --bench drive [-- MACHINES…]
//!
//! Prints, for each number of machines, the duration of a whole `up` with a journal on this disk: in total, per step and per
//! machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that fails says where, and its output is its result"
)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hostler_core::demand::{Amount, Budget, Demand, Group, LeaseRequest, Requirements, Workload};
use hostler_core::journal::Failure;
use hostler_core::name::{DeploymentId, GroupName, Name, SiteId};
use hostler_core::offer::{Market, Offer, Supply, Terms};
use hostler_core::plan::{Phase, Plan, ResourceKind, plan};
use hostler_core::ports::{
    Address, CreateRequest, Created, Health, Owned, Power, Provider, Resource, ResourceStatus, SiteError,
};
use hostler_core::setup::{CustomStep, InterpreterRequest, RunAs, SetupRequest, SystemRequest};
use hostler_core::ticket::{Ref, StepId, Ticket};
use hostler_core::time::Window;
use hostler_engine::deploy::begin_up;
use hostler_engine::event::{DiscardEvents, Report};
use hostler_engine::run::{Executor, JournalRunner, Machine, Performed, RunOutcome};
use hostler_engine::sites::Sites;
use hostler_engine::store::Store;
use jiff::Timestamp;
use tokio::sync::watch;

const NOW: fn() -> Timestamp = || Timestamp::from_second(1_790_000_000).unwrap();

/// A site that answers every call at once.
struct InstantSite {
    id: SiteId,
    created: AtomicU64,
}

fn address() -> Address {
    Address { host: "198.51.100.7".to_owned(), port: 22 }
}

#[async_trait]
impl Provider for InstantSite {
    fn site(&self) -> &SiteId {
        &self.id
    }

    async fn offers(&self, _: &Window) -> Result<Vec<Offer>, SiteError> {
        Ok(vec![offer(&self.id)])
    }

    async fn create(&self, _: &Ticket, _: &CreateRequest) -> Result<Created, SiteError> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        Ok(Created { reference: Ref(format!("resource-{number}")), address: Some(address()) })
    }

    async fn status(&self, _: ResourceKind, _: &Ref) -> Result<ResourceStatus, SiteError> {
        Ok(ResourceStatus::Running { address: Some(address()) })
    }

    async fn extend(&self, _: &Ref, _: Timestamp) -> Result<(), SiteError> {
        Ok(())
    }

    async fn delete(&self, _: &Owned) -> Result<(), SiteError> {
        Ok(())
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        Ok(Vec::new())
    }

    async fn resources(&self, _: ResourceKind) -> Result<Vec<Resource>, SiteError> {
        Ok(Vec::new())
    }

    async fn set_power(&self, _: &Ref, _: Power) -> Result<(), SiteError> {
        Ok(())
    }

    async fn console(&self, _: &Ref) -> Result<String, SiteError> {
        Ok(String::new())
    }

    async fn check(&self) -> Vec<Health> {
        Vec::new()
    }
}

/// Machines that take 1 to 50 ms for each step, always the same time for the same step.
struct QuickExecutor;

async fn work(step: &StepId) {
    let mut hasher = DefaultHasher::new();
    step.hash(&mut hasher);
    tokio::time::sleep(Duration::from_millis(1 + hasher.finish() % 50)).await;
}

#[async_trait]
impl Executor for QuickExecutor {
    async fn wait_for_ssh(&self, step: &StepId, machine: &Machine, _: &dyn Report) -> Result<String, Failure> {
        work(step).await;
        Ok(format!("ssh-ed25519 {}", machine.spec.name))
    }

    async fn set_up(
        &self,
        step: &StepId,
        _: &Machine,
        _: &[Machine],
        _: &Phase,
        _: &dyn Report,
    ) -> Result<Performed, Failure> {
        work(step).await;
        Ok(Performed::Now)
    }
}

fn offer(site: &SiteId) -> Offer {
    Offer { supply: Supply::Unlimited, terms: Terms::default(), ..hostler_sim::offer(site.clone()) }
}

/// Eight phases per machine, including the first login.
fn plan_of(machines: u32, site: &SiteId) -> Plan {
    let needs = Requirements { cpus: Amount::AtLeast(1), ..Requirements::default() };
    let custom = CustomStep {
        name: "data".to_owned(),
        run: "true".to_owned(),
        check: None,
        timeout: None,
        tries: 1.try_into().unwrap(),
        user: RunAs::User,
    };
    let phases = SetupRequest {
        system: Some(SystemRequest::default()),
        interpreter: Some(InterpreterRequest::default()),
        custom: vec![custom],
        ..SetupRequest::default()
    };
    let work = Workload {
        phases,
        packages: ["jq".to_owned()].into_iter().collect(),
        setup: Some("make".to_owned()),
        checks: vec!["true".to_owned()],
        ..Workload::default()
    };
    let demand = Demand {
        name: Name::new("wide").unwrap(),
        groups: vec![Group {
            name: GroupName::new("node").unwrap(),
            count: machines.try_into().unwrap(),
            any_of: vec![needs],
        }],
        lease: LeaseRequest::default(),
        on: Vec::new(),
        budget: Budget::default(),
        workload: work,
        terms: Default::default(),
    };
    let market = Market { offers: vec![offer(site)], unreachable: BTreeMap::new() };
    plan(&demand, &market, DeploymentId::from_bits(7), NOW()).unwrap()
}

async fn up(machines: u32) {
    let site: SiteId = "aws/us-east-1".parse().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let plan = plan_of(machines, &site);
    let sites = Sites::from([(
        site.clone(),
        Arc::new(InstantSite { id: site, created: AtomicU64::new(0) }) as Arc<dyn Provider>,
    )]);
    let runner =
        JournalRunner { store: &store, sites: &sites, executor: &QuickExecutor, report: &DiscardEvents, now: NOW };
    let mut record = begin_up(&store, &plan, None, NOW()).await.unwrap();
    let (_never, mut interrupts) = watch::channel(0);
    let start = Instant::now();
    let outcome = runner.run(&mut record, "ssh-ed25519 AAAA", &mut interrupts).await.unwrap();
    let took = start.elapsed();
    assert!(matches!(outcome, RunOutcome::Ready { .. }), "{outcome:?}");
    let steps = plan.steps.len();
    println!(
        "{machines:5} machines, {steps:6} steps: {:7.2} s, {:7.3} ms per step, {:.2} ms per machine",
        took.as_secs_f64(),
        took.as_secs_f64() * 1000.0 / steps as f64,
        took.as_secs_f64() * 1000.0 / f64::from(machines),
    );
}

#[tokio::main]
async fn main() {
    let requested: Vec<u32> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if requested.is_empty() { vec![50, 200, 1_000] } else { requested };
    for machines in sizes {
        up(machines).await;
    }
}
