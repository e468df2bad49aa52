//! One run of a deployment, up or down, under its lock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::journal::{Entry, Goal};
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::Plan;

use super::error::Ended;
use super::{OperateError, Operator, Summary};
use crate::deploy::{DeployError, Deployer, LocalInputs, OnFailure};
use crate::event::{Notice, Report, RunStart};
use crate::grid::Grid;
use crate::run::{FailedStep, Interrupts, RunOutcome};
use crate::store::{Lock, Record, Store};

/// The right to run the deployment of a name.
pub(super) struct Run<'a> {
    pub operator: &'a Operator,
    pub store: Arc<Store>,
    /// Held until the run ends.
    pub _lock: Lock,
}

/// Time limit and failure policy of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunOptions {
    /// Limit for each machine until it can be logged in to.
    pub ssh_timeout: Duration,
    pub on_failure: OnFailure,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { ssh_timeout: Duration::ZERO, on_failure: OnFailure::RollBack }
    }
}

impl Run<'_> {
    /// Brings a deployment up by a plan; `known` is the store's record of its name.
    pub async fn up(
        self,
        plan: &Plan,
        known: Option<&Record>,
        local_inputs: &LocalInputs,
        options: RunOptions,
        interrupts: &Interrupts,
    ) -> Result<Summary, OperateError> {
        let name = &plan.demand.name;
        let report = self.begin(plan, known, Goal::Up)?;
        let driven = self.deployer(&*report, options).up(plan, known, local_inputs, &mut interrupts.clone()).await;
        // Ends the front end's live view before anything else is reported.
        drop(report);
        let (record, outcome) = self.settled(plan.deployment, name, driven).await?;
        // Written even if the deployment is not ready: the user can inspect the machines that were reached.
        if record.closed.is_none()
            && !record.plan.has_no_machines()
            && let Err(error) = self.operator.write_ssh_config(&self.store, &record).await
        {
            // Report the outcome of the run: the next login writes the file again.
            let (deployment, reason) = (name.clone(), error.to_string());
            self.operator.notice(Notice::NoSshConfig { deployment, reason });
        }
        let summary = self.operator.summary(&self.store, &record);
        match outcome {
            RunOutcome::Ready { failed_runs } if failed_runs.is_empty() => Ok(summary),
            outcome => Err(ended(outcome, &record)),
        }
    }

    /// Brings a deployment down, from whatever state it is in.
    pub async fn down(&self, record: Record, interrupts: &Interrupts) -> Result<(), OperateError> {
        let (id, name) = (record.id, record.name.clone());
        let report = self.begin(&record.plan, Some(&record), Goal::Down)?;
        let driven = self.deployer(&*report, RunOptions::default()).down(record, &mut interrupts.clone()).await;
        drop(report);
        let (record, outcome) = self.settled(id, &name, driven).await?;
        match outcome {
            RunOutcome::Down | RunOutcome::RolledBack { .. } => Ok(()),
            outcome => Err(ended(outcome, &record)),
        }
    }

    fn begin(&self, plan: &Plan, known: Option<&Record>, goal: Goal) -> Result<Box<dyn Report>, DeployError> {
        let name = &plan.demand.name;
        let mut journal = known.map(Record::journal).cloned().unwrap_or_default();
        journal.apply(&Entry::Goal(goal)).map_err(|_| DeployError::BeingDeleted(name.clone()))?;
        Ok(self.operator.observer.begin(&RunStart { plan, journal: &journal }))
    }

    fn deployer<'d>(&'d self, report: &'d dyn Report, options: RunOptions) -> Deployer<'d> {
        let RunOptions { ssh_timeout, on_failure } = options;
        let (operator, hosts) = (self.operator, Arc::clone(&self.operator.hosts));
        let (sites, now) = (&operator.sites, operator.now);
        Deployer { store: &self.store, sites, hosts, report, now, ssh_timeout, on_failure }
    }

    /// If the journal could not be written, everything that the deployment created still exists.
    async fn settled<T>(
        &self,
        id: DeploymentId,
        name: &Name,
        driven: Result<T, DeployError>,
    ) -> Result<T, OperateError> {
        let error = match driven {
            Ok(done) => return Ok(done),
            Err(error) if error.changed_nothing() => return Err(error.into()),
            Err(error) => OperateError::from(error),
        };
        match self.store.find(name).await {
            Ok(Some(record)) if record.id == id => Err(error.leaving(&record)),
            _ => Err(error),
        }
    }
}

/// The error for a run that did not reach its goal.
fn ended(outcome: RunOutcome, record: &Record) -> OperateError {
    let journal = record.journal();
    let grid = Grid::of(&record.plan, journal);
    let failed = match &outcome {
        RunOutcome::Stuck { failed, .. } => failed.as_slice(),
        _ => &[],
    };
    let machine = |failed: &FailedStep| grid.machine_of(&failed.step).map(str::to_owned);
    let failed_machines = failed.iter().filter_map(machine).collect::<BTreeSet<_>>().len();
    OperateError::Ended(Box::new(Ended {
        name: record.name.clone(),
        left: journal.remaining(&record.plan),
        rolling_back: journal.is_rolling_back(&record.plan),
        machines: grid.count(),
        failed_machines,
        outcome,
    }))
}
