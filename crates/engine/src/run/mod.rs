//! Drives a journal: asks it what comes next, writes that down, does it, and writes down what came of it.
//!
//! Nothing is decided here. A call that makes or deletes is not abandoned half-way, so that its outcome is known to this
//! process, or looked up by ticket by the next one; a session with a machine is dropped as soon as it is of no more use.

mod executor;
mod interrupt;
mod machine;
mod outcome;
mod roster;
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hostler_core::journal::{Cause, Course, Entry, Failure, Goal, Journal, Next, StepEvent, is_run};
use hostler_core::plan::{Action, Plan, PlannedResource, Step};
use hostler_core::ports::{Created, Power, Remedy};
use hostler_core::ticket::StepId;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::event::{Event, Report};
use crate::sites::Sites;
use crate::store::{Record, Store, StoreError};

use roster::{Known, Roster};

pub use crate::event::Performed;
pub use executor::{Executor, Machine};
pub use interrupt::{Interrupted, Interrupts, interrupted, never, unless_interrupted};
pub use outcome::{FailedStep, Outcome};

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
    pub executor: &'a dyn Executor,
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
        made: Option<Created>,
        how: Performed,
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
    plan: &'a Plan,
    course: Course<'a>,
    record: &'a mut Record,
    unwritten: Unwritten,
    host_keys: BTreeMap<StepId, String>,
    /// The machines as they are; absent where they have changed since they were last asked for.
    roster: Option<Arc<Roster>>,
    known: BTreeMap<StepId, Arc<Known>>,
    /// Tells sessions with machines that they are of no more use.
    sessions_end: watch::Sender<bool>,
    failed: Vec<FailedStep>,
}

/// What was entered, and is not on disk yet: it gets there all at once, before anything is done that it announces.
#[derive(Default)]
struct Unwritten {
    entries: Vec<Entry>,
    host_keys: Vec<(StepId, String)>,
    /// What is told once it is on disk.
    told: Vec<Event>,
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
        let plan = record.plan.clone();
        let mut drive = Drive {
            driver: self,
            inputs,
            plan: &plan,
            course: Course::new(&plan, record.journal()),
            record,
            unwritten: Unwritten::default(),
            host_keys,
            roster: None,
            known: BTreeMap::new(),
            sessions_end: watch::Sender::new(false),
            failed: Vec::new(),
        };
        drive.drive(interrupts).await
    }
}

impl<'a> Drive<'a> {
    async fn drive(&mut self, interrupts: &mut Interrupts) -> Result<Outcome, StoreError> {
        let mut flying: FuturesUnordered<site::Job<'a>> = FuturesUnordered::new();
        let mut heard = 0;
        loop {
            let asked = *interrupts.borrow_and_update();
            if asked > heard {
                heard = asked;
                self.interrupted();
            }
            let leaves = heard > 0 && self.stops(heard);
            if leaves && (self.course.is_idle() || heard > PATIENT_INTERRUPTS) {
                self.write().await?;
                return Ok(Outcome::Interrupted { left: self.journal().left(self.plan) });
            }
            match self.course.next() {
                Next::TurnBack => self.turn_back(Cause::Failure),
                Next::Run(steps) if !leaves => {
                    self.start(&steps);
                    self.write().await?;
                    for step in steps {
                        flying.push(self.perform(step));
                    }
                }
                Next::Undo(steps) if !leaves => {
                    let before: Vec<site::CreateOutcome> = steps.iter().map(|step| self.outcome_of(step)).collect();
                    self.start_undo(&steps);
                    self.write().await?;
                    for (step, outcome) in steps.into_iter().zip(before) {
                        flying.push(self.undo(step, outcome));
                    }
                }
                Next::Run(_) | Next::Undo(_) | Next::Wait => {
                    self.write().await?;
                    tokio::select! {
                        Some(landed) = flying.next() => self.land_all(landed, &mut flying),
                        Ok(()) = interrupts.changed() => {}
                    }
                }
                end => return self.end(end).await,
            }
        }
    }

    fn journal(&self) -> &Journal {
        self.course.journal()
    }

    /// Enters that everything is given back. Sessions with machines are of no more use from then on.
    fn turn_back(&mut self, cause: Cause) {
        self.sessions_end.send_replace(true);
        self.enter(Entry::Goal(Goal::Back(cause)));
    }

    /// Whether it ends before its goal because the user wants it so: at once where there is nothing to give back by
    /// itself, else at the second time of asking.
    fn stops(&self, times: u32) -> bool {
        times > 1 || *self.journal().goal() == Goal::Up
    }

    fn interrupted(&mut self) {
        self.sessions_end.send_replace(true);
        if *self.journal().goal() != Goal::Up {
            self.note("still giving back; interrupt once more to stop, and leave the rest");
        } else if !self.journal().may_hold_work() {
            self.note("interrupted: giving everything back");
            self.turn_back(Cause::Interrupt);
        }
    }

    fn start(&mut self, steps: &[&Step]) {
        // Everything but the user's own runs is done: from here on a failure gives nothing back.
        if steps.iter().any(|step| is_run(step)) {
            self.enter_ready();
        }
        for step in steps {
            self.enter(Entry::Step { step: step.id.clone(), event: StepEvent::Started });
            self.course.begun(&step.id);
            self.tell_then(Event::Started { step: step.id.clone(), title: title(step) });
        }
    }

    /// A round that leaves phases out makes nothing ready.
    fn enter_ready(&mut self) {
        if !self.journal().is_ready() && !self.plan.is_in_part() {
            self.enter(Entry::Ready);
        }
    }

    fn start_undo(&mut self, steps: &[&Step]) {
        for step in steps {
            self.enter(Entry::Step { step: step.id.clone(), event: StepEvent::UndoStarted });
            self.course.begun(&step.id);
            self.tell_then(Event::Undoing { step: step.id.clone() });
        }
    }

    /// Takes in what has landed, and all else that has landed meanwhile.
    fn land_all(&mut self, first: Landed, flying: &mut FuturesUnordered<site::Job<'a>>) {
        self.land(first);
        while let Some(Some(landed)) = flying.next().now_or_never() {
            self.land(landed);
        }
    }

    fn land(&mut self, landed: Landed) {
        let Landed { step, kind } = landed;
        self.course.ended(&step);
        let (event, told) = match kind {
            Landing::Done { made, how } => {
                if made.is_some() {
                    self.has_made(&step);
                }
                (StepEvent::Done { made }, Event::Done { step: step.clone(), how })
            }
            Landing::Reached { host_key, woken } => {
                self.pin(&step, host_key, woken);
                (StepEvent::Done { made: None }, Event::Done { step: step.clone(), how: Performed::Now })
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
        self.enter(Entry::Step { step, event });
        self.tell_then(told);
    }

    fn pin(&mut self, reached: &StepId, host_key: String, woken: bool) {
        let Some(Action::Reach { machine }) = self.plan.step(reached).map(|step| &step.action) else { return };
        self.unwritten.host_keys.push((machine.clone(), host_key.clone()));
        if woken || self.journal().is_off(machine) {
            let event = StepEvent::Power { power: Power::On };
            self.enter(Entry::Step { step: machine.clone(), event });
        }
        self.host_keys.insert(machine.clone(), host_key);
        self.has_changed(machine);
    }

    async fn end(&mut self, end: Next<'_>) -> Result<Outcome, StoreError> {
        if matches!(end, Next::Ready(_)) {
            self.enter_ready();
        }
        self.write().await?;
        let failed = std::mem::take(&mut self.failed);
        match end {
            Next::Ready(_) => Ok(Outcome::Ready { failed_runs: failed }),
            Next::Released => {
                self.close().await?;
                Ok(Outcome::Released)
            }
            Next::RolledBack => {
                self.close().await?;
                let interrupted = *self.journal().goal() == Goal::Back(Cause::Interrupt);
                Ok(Outcome::RolledBack { interrupted, failed })
            }
            // The caller only hands ends over, and of those only this one is left.
            _ => Ok(Outcome::Stuck { failed, left: self.journal().left(self.plan) }),
        }
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        let at = (self.driver.now)();
        self.driver.store.close(self.record.id, at).await?;
        self.record.closed = Some(at);
        Ok(())
    }

    /// Takes an entry in. Nothing that it announces is done before it was written.
    fn enter(&mut self, entry: Entry) {
        self.course.apply(&entry);
        self.unwritten.entries.push(entry);
    }

    /// Tells something once what was entered before it is on disk.
    fn tell_then(&mut self, event: Event) {
        self.unwritten.told.push(event);
    }

    /// Writes all that was entered to the disk: host keys first, since a machine that was reached has one.
    async fn write(&mut self) -> Result<(), StoreError> {
        let Unwritten { entries, host_keys, told } = std::mem::take(&mut self.unwritten);
        if !host_keys.is_empty() {
            self.driver.store.pin(self.record.id, &host_keys).await?;
        }
        if !entries.is_empty() {
            let known = self.record.entries.len();
            self.driver.store.record_all(self.record, (self.driver.now)(), entries).await?;
            for stored in &self.record.entries[known..] {
                self.tell(&Event::Journaled { deployment: self.record.name.clone(), number: stored.number });
            }
        }
        told.iter().for_each(|event| self.tell(event));
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
            PlannedResource::Network { site } => format!("make a network at {site}"),
            PlannedResource::Keypair { site } => format!("register the public key at {site}"),
            PlannedResource::Lease(spec) => format!("lease {} at {}", hosts(spec.hosts.len()), spec.site),
            PlannedResource::Machine(spec) => format!("launch {} at {}", spec.name, spec.site),
            PlannedResource::Address { site, machine: Some(machine), .. } => {
                format!("give {} an address at {site}", machine_name(machine))
            }
            PlannedResource::Address { site, machine: None, .. } => format!("take an address at {site}"),
        },
        Action::Reach { machine } => format!("reach {}", machine_name(machine)),
        Action::SetUp { machine, phase } => format!("{} on {}", phase.title(), machine_name(machine)),
    }
}

fn machine_name(step: &StepId) -> &str {
    step.as_str().strip_prefix("machine-").unwrap_or(step.as_str())
}

fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}
