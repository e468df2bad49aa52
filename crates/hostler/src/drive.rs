//! Driving a deployment from a command: interrupts, events, and what its end means.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::journal::{Entry, Goal};
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::Plan;
use hostler_engine::deploy::{DeployError, Deployer, Material, OnFailure};
use hostler_engine::event::Report;
use hostler_engine::host::Ssh;
use hostler_engine::run::{FailedStep, Interrupts, Outcome, Sites};
use hostler_engine::store::{Lock, Record, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::access::write_ssh_config;
use crate::app::App;
use crate::error::{Details, Error, ErrorKind};
use crate::grid::Grid;
use crate::report;
use crate::summary::Summary;

/// Counts Ctrl-C and SIGTERM from now on.
///
/// A terminal that is closed (SIGHUP) is no word of the user: it ends the process as a crash would, and the next one goes
/// on from the journal.
pub fn interrupts() -> Result<Interrupts, Error> {
    let (count, interrupts) = watch::channel(0);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals =
            signal(kind).map_err(|error| Error::new(ErrorKind::System, "no signals can be heard").caused_by(&error))?;
        let count = count.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                count.send_modify(|count| *count += 1);
            }
        });
    }
    Ok(interrupts)
}

/// Waits for something that changes nothing at a site, so that it can simply be dropped when the user wants it so.
pub async fn unless_interrupted<T>(
    interrupts: &Interrupts,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut interrupts = interrupts.clone();
    tokio::select! {
        biased;
        Ok(_) = interrupts.wait_for(|count| *count > 0) => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        done = work => done,
    }
}

/// Ends when the user wants work to stop.
pub async fn interrupted(interrupts: &Interrupts) {
    if interrupts.clone().wait_for(|count| *count > 0).await.is_err() {
        // No signal can come any more.
        std::future::pending::<()>().await;
    }
}

/// The right to drive the deployment of a name.
pub struct Drive<'a> {
    /// What every command has at hand.
    pub app: &'a App,
    /// The configured sites.
    pub sites: &'a Sites,
    /// Where the journal is kept.
    pub store: &'a Store,
    /// What keeps other processes away.
    pub lock: Lock,
}

/// How a deployment is brought up.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long a machine may take until it can be logged in to.
    pub patience: Duration,
    /// What becomes of one that fails.
    pub on_failure: OnFailure,
}

impl Drive<'_> {
    /// Brings a deployment up by a plan; `known` is what the store has under its name.
    pub async fn up(
        self,
        plan: &Plan,
        known: Option<&Record>,
        material: &Material,
        manner: Manner,
        interrupts: &mut Interrupts,
    ) -> Result<Summary, Error> {
        let name = &plan.demand.name;
        let report = self.report(plan, known, Goal::Up);
        let driven = self.deployer(&*report, manner).up(plan, known, material, interrupts).await;
        // A picture of the machines is drawn for the last time before anything else is said.
        drop(report);
        let (record, outcome) = self.settled(plan.deployment, name, driven).await?;
        // Also where it is not ready: what was reached is there to be looked at.
        if record.closed.is_none()
            && !record.plan.is_without_machines()
            && let Err(error) = write_ssh_config(self.store, &record).await
        {
            // How it ended must not be lost for a file that `hostler ssh` writes anew each time.
            self.app.printer.say(&format!("warning: {}", error.in_one_line()));
        }
        let summary = self.app.summary_while(self.store, &record, false);
        match outcome {
            Outcome::Ready { failed_runs } if failed_runs.is_empty() => Ok(summary),
            outcome => Err(otherwise(name, outcome, &record)),
        }
    }

    /// Gives a deployment back, whatever state it is in.
    pub async fn down(self, record: Record, interrupts: &mut Interrupts) -> Result<(), Error> {
        let (id, name) = (record.id, record.name.clone());
        let report = self.report(&record.plan, Some(&record), Goal::Down);
        // Giving back reaches no machine.
        let manner = Manner { patience: Duration::ZERO, on_failure: OnFailure::GiveBack };
        let driven = self.deployer(&*report, manner).down(record, interrupts).await;
        drop(report);
        let (record, outcome) = self.settled(id, &name, driven).await?;
        match outcome {
            Outcome::Released | Outcome::RolledBack { .. } => Ok(()),
            outcome => Err(otherwise(&name, outcome, &record)),
        }
    }

    /// Who tells the user what happens from here to the goal.
    fn report(&self, plan: &Plan, known: Option<&Record>, goal: Goal) -> Box<dyn Report> {
        let mut journal = known.map(Record::journal).unwrap_or_default();
        journal.apply(&Entry::Goal(goal));
        report::of(self.app.events, &self.app.printer, plan, &journal, self.app.now)
    }

    fn deployer<'d>(&'d self, report: &'d dyn Report, manner: Manner) -> Deployer<'d> {
        let hosts = Arc::new(Ssh::default());
        let Manner { patience, on_failure } = manner;
        Deployer { store: self.store, sites: self.sites, hosts, report, now: self.app.now, patience, on_failure }
    }

    /// Where the journal could not be written, whatever the deployment has made is still there.
    async fn settled<T>(&self, id: DeploymentId, name: &Name, driven: Result<T, DeployError>) -> Result<T, Error> {
        let error = match driven {
            Ok(done) => return Ok(done),
            Err(error) if error.came_first() => return Err(error.into()),
            Err(error) => Error::from(error),
        };
        match self.store.find(name).await {
            Ok(Some(record)) if record.id == id => Err(still_there(&record, error)),
            _ => Err(error),
        }
    }
}

/// What fails, or is interrupted, after something was made, leaves it there: it is told with what is left.
pub fn still_there(record: &Record, error: Error) -> Error {
    let (name, left) = (&record.name, record.journal().left(&record.plan));
    if left.is_empty() {
        return error;
    }
    let kind = if error.kind == ErrorKind::Interrupted { ErrorKind::Halted } else { ErrorKind::Stuck };
    Error { kind, ..error }
        .hinted(format!("look at it with `hostler status {name}`, or give it back with `hostler down {name}`"))
        .detailed(Details::Remains { failed: Vec::new(), left })
}

/// What it means that a deployment ended otherwise than it was to.
fn otherwise(name: &Name, outcome: Outcome, record: &Record) -> Error {
    // There is no way forward from where it turned back.
    let next = match record.journal().turns_back(&record.plan) {
        true => format!("give the rest back with `hostler down {name}`"),
        false => format!("go on with `hostler up {name}`, or give it back with `hostler down {name}`"),
    };
    match outcome {
        Outcome::Ready { failed_runs } => {
            Error::new(ErrorKind::RunFailed, format!("`{name}` is ready, but its run failed"))
                .hinted(format!("see all that it wrote: `hostler logs {name}`; look around: `hostler ssh {name}`"))
                .hinted(format!("run it again with `hostler up {name}`, or give it back with `hostler down {name}`"))
                .detailed(Details::Remains { failed: failed_runs, left: record.journal().left(&record.plan) })
        }
        Outcome::RolledBack { interrupted: true, .. } => {
            Error::new(ErrorKind::Interrupted, format!("`{name}` was interrupted; everything was given back"))
        }
        Outcome::RolledBack { interrupted: false, failed } => {
            Error::new(ErrorKind::RolledBack, format!("`{name}` could not be had; everything was given back"))
                .detailed(Details::Remains { failed, left: Vec::new() })
        }
        Outcome::Stuck { failed, left } => Error::new(ErrorKind::Stuck, stuck(name, &failed, record))
            .hinted(next)
            .detailed(Details::Remains { failed, left }),
        Outcome::Interrupted { left } => Error::new(ErrorKind::Halted, format!("`{name}` was stopped half-way"))
            .hinted(next)
            .detailed(Details::Remains { failed: Vec::new(), left }),
        Outcome::Released => Error::new(ErrorKind::InvalidState, format!("`{name}` was given back")),
    }
}

/// That it can't go on, and on how many of several machines something failed.
fn stuck(name: &Name, failed: &[FailedStep], record: &Record) -> String {
    let grid = Grid::of(&record.plan, &record.journal());
    let machines = failed.iter().filter_map(|failed| grid.machine_of(&failed.step)).collect::<BTreeSet<_>>().len();
    if grid.count() > 1 && machines > 0 {
        format!("`{name}` can't go on by itself: something failed on {machines} of {} machines", grid.count())
    } else {
        format!("`{name}` can't go on by itself")
    }
}
