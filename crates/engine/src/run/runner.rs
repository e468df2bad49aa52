//! The loop of a run: next steps, write-ahead, work, results.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hostler_core::journal::{Entry, Failure, Goal, Journal, LiveJournal, Next, RollBackCause, StepEvent, is_user_run};
use hostler_core::plan::{Action, Plan, Step};
use hostler_core::ports::{Power, Remedy};
use hostler_core::ticket::StepId;
use jiff::Timestamp;
use tokio::sync::watch;

use super::completion::{CompletedStep, StepFuture, StepResult};
use super::executor::Executor;
use super::interrupt::Interrupts;
use super::outcome::{FailedStep, RunOutcome};
use super::registry::{CreatedMachine, MachineRegistry};
use super::title::title;
use crate::event::{Event, Performed, Report};
use crate::sites::Sites;
use crate::store::{Record, Store, StoreError};

/// After this many interrupts a run still waits for pending calls to sites. One more leaves them to the next process, which
/// looks their resources up by ticket.
const INTERRUPTS_THAT_WAIT: u32 = 2;

/// Runs the journals of deployments.
pub struct JournalRunner<'a> {
    /// The store of the journal.
    pub store: &'a Store,
    /// The sites.
    pub sites: &'a Sites,
    /// Performs the steps on machines.
    pub executor: &'a dyn Executor,
    /// Receives the events of the run.
    pub report: &'a dyn Report,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// One run of a deployment's journal, from its current state to the next end.
///
/// The futures of steps must not use the store. The run polls them and also awaits the store: a future that holds the store
/// while the run waits for it would never be polled again.
pub(super) struct JournalRun<'a> {
    pub(super) runner: &'a JournalRunner<'a>,
    /// The deployment's public key, one line in OpenSSH's format; empty if nothing is created.
    pub(super) public_key: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) live: LiveJournal<'a>,
    pub(super) host_keys: BTreeMap<StepId, String>,
    /// The created machines; `None` after a change, until the next step asks for them.
    pub(super) registry: Option<Arc<MachineRegistry>>,
    /// The entries of the latest registry that have not changed since.
    pub(super) created_machines: BTreeMap<StepId, Arc<CreatedMachine>>,
    /// True cancels sessions with machines, and retries of create calls.
    pub(super) cancel: watch::Sender<bool>,
    record: &'a mut Record,
    unwritten: Unwritten,
    failed: Vec<FailedStep>,
}

/// Entries and host keys that are not on disk yet. All are written together, before the work starts that they announce.
#[derive(Default)]
struct Unwritten {
    entries: Vec<Entry>,
    host_keys: Vec<(StepId, String)>,
    /// Reported as soon as the entries are on disk.
    events: Vec<Event>,
}

impl JournalRunner<'_> {
    /// Runs a deployment until it is ready, down, rolled back or stuck, or the user interrupts it. `public_key` is the
    /// deployment's, one line in OpenSSH's format.
    ///
    /// The caller holds the deployment's lock, and has written the goal to the journal.
    ///
    /// # Errors
    /// If the journal cannot be written, or an entry is illegal. The run stops at once, since nothing may be done that is not
    /// written down first.
    pub async fn run(
        &self,
        record: &mut Record,
        public_key: &str,
        interrupts: &mut Interrupts,
    ) -> Result<RunOutcome, StoreError> {
        let host_keys = self.store.pinned(record.id).await?;
        let plan = record.plan.clone();
        let mut run = JournalRun {
            runner: self,
            public_key,
            plan: &plan,
            live: LiveJournal::new(&plan, record.journal().clone()),
            host_keys,
            registry: None,
            created_machines: BTreeMap::new(),
            cancel: watch::Sender::new(false),
            record,
            unwritten: Unwritten::default(),
            failed: Vec::new(),
        };
        run.run(interrupts).await
    }
}

impl<'a> JournalRun<'a> {
    async fn run(&mut self, interrupts: &mut Interrupts) -> Result<RunOutcome, StoreError> {
        let mut in_flight: FuturesUnordered<StepFuture<'a>> = FuturesUnordered::new();
        let mut interrupts_handled = 0;
        loop {
            let interrupt_count = *interrupts.borrow_and_update();
            if interrupt_count > interrupts_handled {
                interrupts_handled = interrupt_count;
                self.interrupted()?;
            }
            let stops = interrupts_handled > 0 && self.stops_after(interrupts_handled);
            if stops && (self.live.is_idle() || interrupts_handled > INTERRUPTS_THAT_WAIT) {
                self.write().await?;
                return Ok(RunOutcome::Interrupted { left: self.journal().remaining(self.plan) });
            }
            match self.live.next() {
                Next::RollBack => self.roll_back(RollBackCause::Failure)?,
                Next::Run(steps) if !stops => {
                    self.start(&steps)?;
                    self.write().await?;
                    for step in steps {
                        in_flight.push(self.perform(step));
                    }
                }
                Next::Undo(steps) if !stops => {
                    // Read before the undo starts, which replaces the status of the step.
                    let outcomes: Vec<_> = steps.iter().map(|step| self.create_outcome(step)).collect();
                    self.start_undo(&steps)?;
                    self.write().await?;
                    for (step, outcome) in steps.into_iter().zip(outcomes) {
                        in_flight.push(self.undo(step, outcome));
                    }
                }
                Next::Run(_) | Next::Undo(_) | Next::Wait => {
                    self.write().await?;
                    tokio::select! {
                        Some(completed) = in_flight.next() => self.complete_all(completed, &mut in_flight)?,
                        Ok(()) = interrupts.changed() => {}
                    }
                }
                end => return self.end(end).await,
            }
        }
    }

    pub(super) fn journal(&self) -> &Journal {
        self.live.journal()
    }

    /// Changes the goal to deleting everything, and cancels the sessions with machines.
    fn roll_back(&mut self, cause: RollBackCause) -> Result<(), StoreError> {
        self.cancel.send_replace(true);
        self.append(Entry::Goal(Goal::RollBack(cause)))
    }

    /// True if this many interrupts stop the run before its goal. The first one stops a run that brings up, unless it rolls
    /// back; the second one stops any run.
    fn stops_after(&self, interrupts: u32) -> bool {
        interrupts > 1 || *self.journal().goal() == Goal::Up
    }

    fn interrupted(&mut self) -> Result<(), StoreError> {
        self.cancel.send_replace(true);
        if *self.journal().goal() != Goal::Up {
            self.note("still deleting resources; interrupt again to stop and keep the rest");
        } else if !self.journal().is_kept_on_interrupt() {
            self.note("interrupted: rolling back");
            self.roll_back(RollBackCause::Interrupt)?;
        }
        Ok(())
    }

    fn start(&mut self, steps: &[&Step]) -> Result<(), StoreError> {
        // User runs come last: from here on a failure rolls nothing back.
        if steps.iter().any(|step| is_user_run(step)) {
            self.append_ready()?;
        }
        for step in steps {
            self.append(Entry::Step { step: step.id.clone(), event: StepEvent::Started })?;
            self.live.begun(&step.id);
            self.report_once_written(Event::Started { step: step.id.clone(), title: title(step) });
        }
        Ok(())
    }

    /// Marks the deployment as ready. A round that leaves out phases can't.
    fn append_ready(&mut self) -> Result<(), StoreError> {
        if self.journal().is_ready() || self.plan.is_partial() {
            return Ok(());
        }
        self.append(Entry::Ready)
    }

    fn start_undo(&mut self, steps: &[&Step]) -> Result<(), StoreError> {
        for step in steps {
            self.append(Entry::Step { step: step.id.clone(), event: StepEvent::UndoStarted })?;
            self.live.begun(&step.id);
            self.report_once_written(Event::Undoing { step: step.id.clone() });
        }
        Ok(())
    }

    /// Processes a completed step, and all others that have completed meanwhile: one write covers them all.
    fn complete_all(
        &mut self,
        first: CompletedStep,
        in_flight: &mut FuturesUnordered<StepFuture<'a>>,
    ) -> Result<(), StoreError> {
        self.complete(first)?;
        while let Some(Some(completed)) = in_flight.next().now_or_never() {
            self.complete(completed)?;
        }
        Ok(())
    }

    fn complete(&mut self, completed: CompletedStep) -> Result<(), StoreError> {
        let CompletedStep { step, result } = completed;
        self.live.ended(&step);
        let (entry, event) = match result {
            StepResult::Done { created: made, how } => {
                if made.is_some() {
                    self.invalidate_created_by(&step);
                }
                (StepEvent::Done { created: made }, Event::Done { step: step.clone(), how })
            }
            StepResult::LoggedIn { host_key, started } => {
                self.pin(&step, host_key, started)?;
                (StepEvent::Done { created: None }, Event::Done { step: step.clone(), how: Performed::Now })
            }
            StepResult::Failed(failure) => {
                self.failed.push(FailedStep { step: step.clone(), failure: failure.clone() });
                let event = Event::Failed { step: step.clone(), error: failure.message.clone() };
                (StepEvent::Failed { failure }, event)
            }
            StepResult::Cancelled => {
                let message = "cancelled: no longer needed".to_owned();
                let event = Event::Failed { step: step.clone(), error: message.clone() };
                (StepEvent::Failed { failure: Failure { message, remedy: Remedy::Report, hint: None } }, event)
            }
            StepResult::Undone => (StepEvent::Undone, Event::Undone { step: step.clone() }),
            StepResult::UndoFailed(failure) => {
                self.failed.push(FailedStep { step: step.clone(), failure: failure.clone() });
                let event = Event::UndoFailed { step: step.clone(), error: failure.message.clone() };
                (StepEvent::UndoFailed { failure }, event)
            }
        };
        self.append(Entry::Step { step, event: entry })?;
        self.report_once_written(event);
        Ok(())
    }

    /// Pins the host key that a machine showed at login; `started` if the login had to start the machine.
    fn pin(&mut self, login: &StepId, host_key: String, started: bool) -> Result<(), StoreError> {
        let Some(Action::WaitSsh { machine }) = self.plan.step(login).map(|step| &step.action) else { return Ok(()) };
        self.unwritten.host_keys.push((machine.clone(), host_key.clone()));
        if started || self.journal().is_powered_off(machine) {
            let event = StepEvent::Power { power: Power::On };
            self.append(Entry::Step { step: machine.clone(), event })?;
        }
        self.host_keys.insert(machine.clone(), host_key);
        self.invalidate(machine);
        Ok(())
    }

    async fn end(&mut self, end: Next<'_>) -> Result<RunOutcome, StoreError> {
        if matches!(end, Next::Ready(_)) {
            self.append_ready()?;
        }
        self.write().await?;
        let failed = std::mem::take(&mut self.failed);
        match end {
            Next::Ready(_) => Ok(RunOutcome::Ready { failed_runs: failed }),
            Next::Down => {
                self.close().await?;
                Ok(RunOutcome::Down)
            }
            Next::RolledBack => {
                self.close().await?;
                let interrupted = *self.journal().goal() == Goal::RollBack(RollBackCause::Interrupt);
                Ok(RunOutcome::RolledBack { interrupted, failed })
            }
            // The loop handles every other variant: only `Stuck` is left.
            _ => Ok(RunOutcome::Stuck { failed, left: self.journal().remaining(self.plan) }),
        }
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        let at = (self.runner.now)();
        self.runner.store.close(self.record.id, at).await?;
        self.record.closed = Some(at);
        Ok(())
    }

    /// Adds an entry to the journal in memory. [`Self::write`] must follow before the work starts that the entry announces.
    ///
    /// # Errors
    /// If the entry is illegal. The run must stop, and unwritten entries are lost like in a crash: their steps run again.
    fn append(&mut self, entry: Entry) -> Result<(), StoreError> {
        let illegal = |source| StoreError::IllegalEntry { name: self.record.name.clone(), source };
        self.live.apply(&entry).map_err(illegal)?;
        self.unwritten.entries.push(entry);
        Ok(())
    }

    fn report_once_written(&mut self, event: Event) {
        self.unwritten.events.push(event);
    }

    /// Writes everything to disk. Host keys first: a crash between the two may leave a key whose login is not journaled, but
    /// never a journaled login without its key.
    async fn write(&mut self) -> Result<(), StoreError> {
        let Unwritten { entries, host_keys, events } = std::mem::take(&mut self.unwritten);
        if !host_keys.is_empty() {
            self.runner.store.pin(self.record.id, &host_keys).await?;
        }
        if !entries.is_empty() {
            let first_new = self.record.entries.len();
            self.runner.store.record_all(self.record, (self.runner.now)(), entries).await?;
            for stored in &self.record.entries[first_new..] {
                self.report(&Event::Journaled { deployment: self.record.name.clone(), number: stored.number });
            }
        }
        events.iter().for_each(|event| self.report(event));
        Ok(())
    }

    fn report(&self, event: &Event) {
        self.runner.report.report(event);
    }

    fn note(&self, text: &str) {
        self.report(&Event::Note { text: text.to_owned() });
    }
}
