//! Drives a journal: asks it what comes next, writes that down, does it, and writes down what came of it.
//!
//! Nothing is decided here. A call that makes or deletes is not abandoned half-way, so that its outcome is known to this
//! process, or looked up by ticket by the next one; a session with a machine is dropped as soon as it is of no more use.

mod crew;
mod machine;
mod outcome;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hostler_core::journal::{Cause, Entry, Failure, Goal, Journal, Next, StepEvent, is_run};
use hostler_core::name::SiteId;
use hostler_core::plan::{Action, Plan, Step, What};
use hostler_core::ports::{Made, Power, Provider, Remedy};
use hostler_core::ticket::StepId;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::event::{Event, Report};
use crate::store::{Record, Store, StoreError};

pub use crew::{Crew, Machine, Performed};
pub use outcome::{FailedStep, Outcome};

/// The configured sites.
pub type Sites = BTreeMap<SiteId, Arc<dyn Provider>>;

/// How often the user, or the system, has asked to stop. What was asked before a drive counts too.
pub type Interrupts = watch::Receiver<u32>;

/// What a machine is made with, besides the plan.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The deployment's public key, one line in OpenSSH's format.
    pub public_key: String,
    /// A shell script for each machine's first boot; without secrets.
    pub first_boot: String,
}

/// All that driving a deployment needs.
pub struct Driver<'a> {
    /// Where the journal is kept.
    pub store: &'a Store,
    /// The sites.
    pub sites: &'a Sites,
    /// Who works on the machines.
    pub crew: &'a dyn Crew,
    /// Where events go.
    pub report: &'a dyn Report,
    /// The time.
    pub now: fn() -> Timestamp,
}

/// A step that has ended, one way or the other.
struct Landed {
    step: StepId,
    kind: Landing,
}

impl Landed {
    fn new(step: &Step, kind: Landing) -> Self {
        Self { step: step.id.clone(), kind }
    }
}

enum Landing {
    Done {
        made: Option<Made>,
        already: bool,
    },
    Reached {
        host_key: String,
        woken: bool,
    },
    /// Its session was ended, because it is of no more use.
    Dropped,
    Failed(Failure),
    Undone,
    UndoFailed(Failure),
}

/// So many interrupts wait for calls to sites that are under way; one more leaves them to the next process.
const PATIENT_INTERRUPTS: u32 = 2;

/// One run of a deployment's journal, from here to its next end.
///
/// Only the drive itself uses the store. Its jobs don't: one that holds the store would not be polled while the drive
/// waits for it.
struct Drive<'a> {
    driver: &'a Driver<'a>,
    inputs: &'a Inputs,
    plan: Plan,
    journal: Journal,
    record: &'a mut Record,
    host_keys: BTreeMap<StepId, String>,
    in_flight: BTreeSet<StepId>,
    /// Tells sessions with machines that they are of no more use.
    sessions_end: watch::Sender<bool>,
    failed: Vec<FailedStep>,
}

impl Driver<'_> {
    /// Drives a deployment until it is ready, released, rolled back or stuck, or the user has it stopped.
    ///
    /// The caller holds the deployment's lock, and has entered the goal. Fails only where the journal can't be written:
    /// then it stops at once, since nothing may be done that is not written down first.
    pub async fn drive(
        &self,
        record: &mut Record,
        inputs: &Inputs,
        interrupts: &mut Interrupts,
    ) -> Result<Outcome, StoreError> {
        let host_keys = self.store.pinned(record.id).await?;
        let mut drive = Drive {
            driver: self,
            inputs,
            plan: record.plan.clone(),
            journal: record.journal(),
            record,
            host_keys,
            in_flight: BTreeSet::new(),
            sessions_end: watch::Sender::new(false),
            failed: Vec::new(),
        };
        drive.drive(interrupts).await
    }
}

impl Drive<'_> {
    async fn drive(&mut self, interrupts: &mut Interrupts) -> Result<Outcome, StoreError> {
        let plan = self.plan.clone();
        let mut flying: FuturesUnordered<site::Job<'_>> = FuturesUnordered::new();
        let mut heard = 0;
        loop {
            let asked = *interrupts.borrow_and_update();
            if asked > heard {
                heard = asked;
                self.interrupted().await?;
            }
            let leaves = heard > 0 && self.stops(heard);
            if leaves && (self.in_flight.is_empty() || heard > PATIENT_INTERRUPTS) {
                return Ok(Outcome::Interrupted { left: self.journal.left(&plan) });
            }
            match self.journal.next(&plan, &self.in_flight) {
                Next::TurnBack => self.turn_back(Cause::Failure).await?,
                Next::Run(steps) if !leaves => {
                    self.ready_before_runs(&steps).await?;
                    for step in steps {
                        self.start(step).await?;
                        flying.push(self.perform(step));
                    }
                }
                Next::Undo(steps) if !leaves => {
                    for step in steps {
                        self.start_undo(step).await?;
                        flying.push(self.undo(step));
                    }
                }
                Next::Run(_) | Next::Undo(_) | Next::Wait => {
                    tokio::select! {
                        Some(landed) = flying.next() => self.land(landed).await?,
                        Ok(()) = interrupts.changed() => {}
                    }
                }
                end => return self.end(end).await,
            }
        }
    }

    /// Everything but the user's own runs is done: from here on a failure gives nothing back.
    async fn ready_before_runs(&mut self, steps: &[&Step]) -> Result<(), StoreError> {
        if steps.iter().any(|step| is_run(step)) && !self.journal.is_ready() {
            self.write(Entry::Ready).await?;
        }
        Ok(())
    }

    /// Enters that everything is given back. Sessions with machines are of no more use from then on.
    async fn turn_back(&mut self, cause: Cause) -> Result<(), StoreError> {
        self.sessions_end.send_replace(true);
        self.write(Entry::Goal(Goal::Back(cause))).await
    }

    /// Whether it ends before its goal because the user wants it so: at once where there is nothing to give back by
    /// itself, else at the second time of asking.
    fn stops(&self, times: u32) -> bool {
        times > 1 || *self.journal.goal() == Goal::Up
    }

    async fn interrupted(&mut self) -> Result<(), StoreError> {
        self.sessions_end.send_replace(true);
        if *self.journal.goal() != Goal::Up {
            self.note("still giving back; interrupt once more to stop, and leave the rest");
            return Ok(());
        }
        if self.journal.was_ready() || self.journal.held() {
            return Ok(());
        }
        self.note("interrupted: giving everything back");
        self.turn_back(Cause::Interrupt).await
    }

    async fn start(&mut self, step: &Step) -> Result<(), StoreError> {
        self.write(Entry::Step { step: step.id.clone(), event: StepEvent::Started }).await?;
        self.in_flight.insert(step.id.clone());
        self.tell(&Event::Started { step: step.id.clone(), title: title(step) });
        Ok(())
    }

    async fn start_undo(&mut self, step: &Step) -> Result<(), StoreError> {
        self.write(Entry::Step { step: step.id.clone(), event: StepEvent::UndoStarted }).await?;
        self.in_flight.insert(step.id.clone());
        self.tell(&Event::Undoing { step: step.id.clone() });
        Ok(())
    }

    async fn land(&mut self, landed: Landed) -> Result<(), StoreError> {
        let Landed { step, kind } = landed;
        self.in_flight.remove(&step);
        let (event, told) = match kind {
            Landing::Done { made, already } => (StepEvent::Done { made }, Event::Done { step: step.clone(), already }),
            Landing::Reached { host_key, woken } => {
                self.pin(&step, host_key, woken).await?;
                (StepEvent::Done { made: None }, Event::Done { step: step.clone(), already: false })
            }
            Landing::Failed(failure) => {
                self.failed.push(FailedStep { step: step.clone(), failure: failure.clone() });
                let told = Event::Failed { step: step.clone(), error: failure.message.clone() };
                (StepEvent::Failed { failure }, told)
            }
            Landing::Dropped => {
                let message = "stopped: it was of no more use".to_owned();
                let told = Event::Failed { step: step.clone(), error: message.clone() };
                (StepEvent::Failed { failure: Failure { message, remedy: Remedy::Report, hint: None } }, told)
            }
            Landing::Undone => (StepEvent::Undone, Event::Undone { step: step.clone() }),
            Landing::UndoFailed(failure) => {
                self.failed.push(FailedStep { step: step.clone(), failure: failure.clone() });
                let told = Event::UndoFailed { step: step.clone(), error: failure.message.clone() };
                (StepEvent::UndoFailed { failure }, told)
            }
        };
        self.write(Entry::Step { step, event }).await?;
        self.tell(&told);
        Ok(())
    }

    async fn pin(&mut self, reached: &StepId, host_key: String, woken: bool) -> Result<(), StoreError> {
        let Some(Action::Reach { machine }) = self.plan.step(reached).map(|step| step.action.clone()) else {
            return Ok(());
        };
        self.driver.store.pin(self.record.id, &machine, &host_key).await?;
        if woken || self.journal.is_off(&machine) {
            let event = StepEvent::Power { power: Power::On };
            self.write(Entry::Step { step: machine.clone(), event }).await?;
        }
        self.host_keys.insert(machine, host_key);
        Ok(())
    }

    async fn end(&mut self, end: Next<'_>) -> Result<Outcome, StoreError> {
        let failed = std::mem::take(&mut self.failed);
        match end {
            Next::Ready(_) => {
                if !self.journal.is_ready() {
                    self.write(Entry::Ready).await?;
                }
                Ok(Outcome::Ready { failed_runs: failed })
            }
            Next::Released => {
                self.close().await?;
                Ok(Outcome::Released)
            }
            Next::RolledBack => {
                self.close().await?;
                let interrupted = *self.journal.goal() == Goal::Back(Cause::Interrupt);
                Ok(Outcome::RolledBack { interrupted, failed })
            }
            // The caller only hands ends over, and of those only this one is left.
            _ => Ok(Outcome::Stuck { failed, left: self.journal.left(&self.plan) }),
        }
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        let at = (self.driver.now)();
        self.driver.store.close(self.record.id, at).await?;
        self.record.closed = Some(at);
        Ok(())
    }

    /// Writes an entry to the disk, then takes it in.
    async fn write(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.journal.apply(&entry);
        self.driver.store.record(self.record, (self.driver.now)(), entry).await?;
        let number = self.record.entries.last().map_or(0, |stored| stored.number);
        self.tell(&Event::Journaled { deployment: self.record.name.clone(), number });
        Ok(())
    }

    fn tell(&self, event: &Event) {
        self.driver.report.report(event);
    }

    fn note(&self, text: &str) {
        self.tell(&Event::Note { text: text.to_owned() });
    }
}

/// What a step does, for the user's eyes.
pub fn title(step: &Step) -> String {
    match &step.action {
        Action::Create(what) => match what {
            What::Network { site } => format!("make a network at {site}"),
            What::Keypair { site } => format!("register the public key at {site}"),
            What::Lease(spec) => format!("lease {} at {}", hosts(spec.hosts.len()), spec.site),
            What::Machine(spec) => format!("launch {} at {}", spec.name, spec.site),
            What::Address { site, machine: Some(machine), .. } => {
                format!("give {} an address at {site}", machine_name(machine))
            }
            What::Address { site, machine: None, .. } => format!("take an address at {site}"),
        },
        Action::Reach { machine } => format!("reach {}", machine_name(machine)),
        Action::SetUp { machine, phase } => format!("{} on {}", phase.name(), machine_name(machine)),
    }
}

fn machine_name(step: &StepId) -> &str {
    step.as_str().strip_prefix("machine-").unwrap_or(step.as_str())
}

fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}
