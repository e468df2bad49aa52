//! Brings a deployment up: a new one, or another round of a live one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::demand::{Demand, Workload};
use hostler_core::plan::{Placement, Plan, ResourceKind};
use secrecy::SecretString;

use super::attempts::Attempts;
use super::resume::{Run, RunOptions};
use super::{KeyRequest, LaterStart, Mode, OperateError, Operator, PlacementRequest, Proposal, Requested, Summary};
use crate::deploy::{LocalInputs, OnFailure};
use crate::event::Notice;
use crate::run::{Interrupts, unless_interrupted};
use crate::store::Record;

/// A demand to bring up, with the options of the operation.
pub struct UpRequest {
    /// The demand, with its source on this computer.
    pub requested: Requested,
    /// The values of the demand's secrets, except those that the demand file contains.
    pub secrets: BTreeMap<String, SecretString>,
    /// The directory to copy as the source, if the demand has one; by default, the checkout of the request.
    pub source: Option<PathBuf>,
    /// Limits on the hosts.
    pub placement: PlacementRequest,
    /// The SSH key.
    pub key: KeyRequest,
    /// Limit for each machine until it can be logged in to.
    pub ssh_timeout: Duration,
    /// Treatment of a deployment that fails: roll back or hold.
    pub on_failure: OnFailure,
    /// Reaction if the planned hosts are taken meanwhile.
    pub later_start: LaterStart,
    /// The resources to create.
    pub scope: UpScope,
    /// Apply or dry run.
    pub mode: Mode,
}

/// The default limit for a machine until it can be logged in to. Bare metal takes up to 12 minutes to boot.
pub const SSH_TIMEOUT: Duration = Duration::from_secs(15 * 60);

impl UpRequest {
    /// A request with every default: everything is created, and rolled back on failure.
    pub fn new(requested: impl Into<Requested>) -> Self {
        Self {
            requested: requested.into(),
            secrets: BTreeMap::new(),
            source: None,
            placement: PlacementRequest::default(),
            key: KeyRequest::default(),
            ssh_timeout: SSH_TIMEOUT,
            on_failure: OnFailure::default(),
            later_start: LaterStart::default(),
            scope: UpScope::default(),
            mode: Mode::default(),
        }
    }

    fn demand(&self) -> &Demand {
        &self.requested.demand
    }

    fn options(&self) -> RunOptions {
        RunOptions { ssh_timeout: self.ssh_timeout, on_failure: self.on_failure }
    }

    fn local_inputs(&self) -> Result<LocalInputs, OperateError> {
        let source = self.source.as_deref().or(self.requested.checkout_dir());
        let local_inputs = local_inputs(&self.demand().workload, &self.requested, &self.secrets, source)?;
        Ok(LocalInputs { key: self.key.source.clone(), ..local_inputs })
    }
}

/// The part of a new deployment that is created. A later round does the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpScope {
    /// Everything.
    #[default]
    Everything,
    /// Only resources of these kinds.
    Only(&'static [ResourceKind]),
}

/// The result of bringing a deployment up.
#[derive(Debug)]
pub enum UpResult {
    /// It is ready.
    Ready(Box<Summary>),
    /// A dry run: the plan that would be applied.
    Planned(Box<Plan>),
}

impl Operator {
    /// Brings a deployment up: plans and creates a new one, or continues, resumes or changes the live one of this name. An
    /// interrupted deletion is finished first.
    ///
    /// # Errors
    /// If the demand cannot be met, or the deployment does not become ready: the error says what failed and what is left.
    pub async fn up(&self, request: &UpRequest, interrupts: &Interrupts) -> Result<UpResult, OperateError> {
        let name = &request.demand().name;
        if let Some(store) = self.store.existing().await?
            && let Some(record) = store.find(name).await?
        {
            return self.up_again(request, record, interrupts).await;
        }
        self.up_new(request, interrupts).await
    }

    /// A deployment of a free name. If a site refuses an offer, the demand is planned again without it.
    async fn up_new(&self, request: &UpRequest, interrupts: &Interrupts) -> Result<UpResult, OperateError> {
        let placement = self.placement(&request.placement, request.demand());
        let placement = unless_interrupted(interrupts, placement).await?;
        let mut attempts = Attempts::default();
        loop {
            let planned = self.next_plan(request, &placement, &mut attempts);
            let plan = unless_interrupted(interrupts, planned).await?;
            if request.mode == Mode::DryRun {
                return Ok(UpResult::Planned(Box::new(plan)));
            }
            match self.attempt(request, &plan, interrupts).await {
                Ok(summary) => return Ok(UpResult::Ready(Box::new(summary))),
                Err(error) => attempts.learn(self, &plan, error)?,
            }
        }
    }

    async fn next_plan(
        &self,
        request: &UpRequest,
        placement: &Placement,
        attempts: &mut Attempts,
    ) -> Result<Plan, OperateError> {
        let plan = self.plan_without(request.demand(), placement, &attempts.refused).await?;
        let plan = match request.scope {
            UpScope::Everything => plan,
            UpScope::Only(kinds) => plan.with_only(kinds),
        };
        attempts.admit(&plan, request.later_start)?;
        self.check_key(&request.key, &plan).await?;
        Ok(plan)
    }

    async fn attempt(
        &self,
        request: &UpRequest,
        plan: &Plan,
        interrupts: &Interrupts,
    ) -> Result<Summary, OperateError> {
        let local_inputs = request.local_inputs()?;
        self.agree(&Proposal::Plan(plan), interrupts).await?;
        request.key.create_directory().await?;
        let store = self.store.open().await?;
        let lock = store.lock(&plan.demand.name).await?;
        let run = Run { operator: self, store: store.clone(), _lock: lock };
        let summary = run.up(plan, None, &local_inputs, request.options(), interrupts).await?;
        if let Some(record) = store.find(&plan.demand.name).await? {
            request.key.write_copy(&store, &record).await?;
        }
        Ok(summary)
    }

    /// Another round of a deployment whose name is taken.
    async fn up_again(
        &self,
        request: &UpRequest,
        record: Record,
        interrupts: &Interrupts,
    ) -> Result<UpResult, OperateError> {
        let name = record.name.clone();
        if request.mode == Mode::DryRun {
            return self.rework(request, &record).map(|plan| UpResult::Planned(Box::new(plan)));
        }
        let store = self.store.open().await?;
        let lock = store.lock(&name).await?;
        let run = Run { operator: self, store: store.clone(), _lock: lock };
        // Read again: another process may have changed it before this one got the lock.
        match store.find(&name).await? {
            Some(record) if record.journal().is_rolling_back(&record.plan) => {
                self.notice(Notice::FinishingDown { deployment: name });
                run.down(record, interrupts).await?;
            }
            Some(record) => return self.resume(run, request, &record, interrupts).await,
            None => {}
        }
        drop(run);
        self.up_new(request, interrupts).await
    }

    async fn resume(
        &self,
        run: Run<'_>,
        request: &UpRequest,
        record: &Record,
        interrupts: &Interrupts,
    ) -> Result<UpResult, OperateError> {
        let plan = self.rework(request, record)?;
        if request.demand().lease.duration != record.plan.demand.lease.duration {
            self.notice(Notice::EndUnchanged { deployment: record.name.clone() });
        }
        let summary = run.up(&plan, Some(record), &request.local_inputs()?, request.options(), interrupts).await?;
        Ok(UpResult::Ready(Box::new(summary)))
    }

    /// The plan of the next round: the same machines, with the work of the request. A request for only some kinds of resources
    /// keeps the current plan.
    fn rework(&self, request: &UpRequest, record: &Record) -> Result<Plan, OperateError> {
        let now = (self.now)();
        let plan = record
            .plan
            .rework(request.demand(), now)
            .map_err(|changes| OperateError::NeedsOtherMachines { deployment: record.name.clone(), changes })?;
        let plan = match request.scope {
            UpScope::Everything => plan,
            UpScope::Only(_) => Plan { at: now, ..record.plan.clone() },
        };
        plan.check_drivers()?;
        Ok(plan)
    }
}

/// Local inputs of the work. A secret's value in the demand file takes precedence over the front end's.
pub(super) fn local_inputs(
    work: &Workload,
    requested: &Requested,
    secrets: &BTreeMap<String, SecretString>,
    source: Option<&Path>,
) -> Result<LocalInputs, OperateError> {
    let value = |name: &String| {
        let in_file = requested.secrets.reveal(name).map(|value| SecretString::from(value.to_owned()));
        let value = in_file.or_else(|| secrets.get(name).cloned());
        let value = value.ok_or_else(|| OperateError::MissingSecret { name: name.clone() })?;
        Ok((name.clone(), value))
    };
    Ok(LocalInputs {
        source: source.map(Path::to_owned),
        secrets: work.secrets.iter().map(value).collect::<Result<_, OperateError>>()?,
        key: Default::default(),
    })
}
