//! Steps at sites: creating resources and deleting them.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use hostler_core::journal::{Failure, StepStatus};
use hostler_core::name::SiteId;
use hostler_core::plan::{Action, PlannedResource, ResourceKind, Step};
use hostler_core::ports::{Account, CreateRequest, Created, Owned, Provider, Remedy, SiteError};
use hostler_core::ticket::{Ref, StepId, Ticket};
use tokio::sync::watch;

use super::completion::{CompletedStep, StepFuture, StepResult};
use super::runner::{JournalRun, JournalRunner};
use crate::account;
use crate::event::{Event, Performed};

/// Attempts at a call that the site asks to retry.
const ATTEMPTS: u32 = 4;
/// Longest pause before a retry. A longer one that the site requests is cut to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Pause before another attempt at an undo that failed.
const UNDO_RETRY_PAUSE: Duration = Duration::from_millis(500);
/// A create call may continue for this long after the run was cancelled. A single request to a site has ended by then. Any
/// call that continues is waiting for a lease to begin or a machine to boot. It may still send further requests, so its
/// outcome counts as unknown.
const CREATE_GRACE: Duration = Duration::from_secs(75);

impl<'a> JournalRun<'a> {
    /// Starts the work of a step.
    pub(super) fn perform(&mut self, step: &'a Step) -> StepFuture<'a> {
        match &step.action {
            Action::Create(resource) => self.create(step, resource),
            Action::WaitSsh { machine } => self.on_machine(step, machine, None),
            Action::SetUp { machine, phase } => self.on_machine(step, machine, Some(phase)),
        }
    }

    fn create(&self, step: &'a Step, resource: &'a PlannedResource) -> StepFuture<'a> {
        let runner = self.runner;
        let request = self.create_request(resource);
        let ticket = self.ticket(step);
        let mut cancel = self.cancel.subscribe();
        let mut cancel_wait = self.cancel.subscribe();
        let created = async move {
            let (site, request) = (runner.site(resource.site())?, request?);
            let create = runner.retry_unless_cancelled(&step.id, &mut cancel, || site.create(&ticket, &request));
            tokio::select! {
                created = create => created,
                () = grace_over(&mut cancel_wait) => Err(cancelled_while_waiting()),
            }
        };
        created
            .map(|created| match created {
                Ok(created) => {
                    CompletedStep::new(step, StepResult::Done { created: Some(created), how: Performed::Now })
                }
                Err(failure) => CompletedStep::new(step, StepResult::Failed(failure)),
            })
            .boxed()
    }

    fn create_request(&self, resource: &PlannedResource) -> Result<CreateRequest, Failure> {
        Ok(match resource {
            PlannedResource::Network { .. } => {
                CreateRequest::Network { machines: self.plan.machines().map(|(_, spec)| spec.name.clone()).collect() }
            }
            PlannedResource::Keypair { .. } => CreateRequest::Keypair { public_key: self.public_key.to_owned() },
            PlannedResource::Lease(spec) => CreateRequest::Lease { spec: Box::new(spec.clone()) },
            PlannedResource::Address { pool, machine, .. } => {
                CreateRequest::Address { pool: pool.clone(), machine: self.reference_if(machine.as_ref())? }
            }
            PlannedResource::Machine(spec) => CreateRequest::Machine {
                spec: spec.clone(),
                network: self.reference_if(spec.network.as_ref())?,
                lease: self.reference_if(spec.lease.as_ref())?.or_else(|| spec.existing.lease.clone()),
                keypair: self.reference_if(spec.keypair.as_ref())?.or_else(|| spec.existing.keypair.clone()),
                public_key: self.public_key.to_owned(),
            },
        })
    }

    fn reference_if(&self, step: Option<&StepId>) -> Result<Option<Ref>, Failure> {
        step.map(|step| self.reference(step)).transpose()
    }

    /// The resource that an earlier step created. The order of the plan guarantees that the step is done.
    fn reference(&self, step: &StepId) -> Result<Ref, Failure> {
        self.journal().created(step).map(|created| created.reference.clone()).ok_or_else(|| Failure {
            message: format!("the step `{step}` has created nothing"),
            remedy: Remedy::Report,
            hint: None,
        })
    }

    /// Outcome of a step's create call, as far as the journal knows.
    pub(super) fn create_outcome(&self, step: &Step) -> CreateOutcome {
        let (created, progress) = (self.journal().created(&step.id), self.journal().step_status(&step.id));
        match (created, progress) {
            (Some(_), _) => CreateOutcome::Answered,
            (None, Some(StepStatus::Failed(failure))) if matches!(failure.remedy, Remedy::Retry(_)) => {
                CreateOutcome::TimedOut
            }
            (None, Some(StepStatus::Failed(_))) => CreateOutcome::Answered,
            (None, _) => CreateOutcome::Unknown,
        }
    }

    /// Deletes the resource that a step created, and every other one with the step's ticket.
    pub(super) fn undo(&self, step: &'a Step, create_outcome: CreateOutcome) -> StepFuture<'a> {
        let runner = self.runner;
        let ticket = self.ticket(step);
        let created = self.journal().created(&step.id).cloned();
        let account = step.action.site().and_then(|site| self.journal().account(site)).cloned();
        let failed_before = matches!(self.journal().step_status(&step.id), Some(StepStatus::Undoing(1..)));
        let undone = async move {
            let Action::Create(resource) = &step.action else { return Ok(()) };
            let site = runner.site(resource.site())?;
            if failed_before {
                tokio::time::sleep(UNDO_RETRY_PAUSE).await;
            }
            let target = UndoTarget { ticket: &ticket, kind: resource.kind(), created: created.as_ref() };
            let mut existed = runner.retry(&step.id, || delete(&*site, account.as_ref(), &target)).await?;
            let settle_time = site.settle_time();
            if create_outcome != CreateOutcome::Answered && !settle_time.is_zero() {
                // No process has seen the response to the create call, and the site may still act on it: check again.
                tokio::time::sleep(settle_time).await;
                existed |= runner.retry(&step.id, || delete(&*site, account.as_ref(), &target)).await?;
                if create_outcome == CreateOutcome::TimedOut && !existed {
                    runner.report.report(&Event::Note { text: may_appear_later(step, resource) });
                }
            }
            Ok(())
        };
        undone
            .map(|undone| match undone {
                Ok(()) => CompletedStep::new(step, StepResult::Undone),
                Err(failure) => CompletedStep::new(step, StepResult::UndoFailed(failure)),
            })
            .boxed()
    }

    fn ticket(&self, step: &Step) -> Ticket {
        Ticket { deployment: self.plan.deployment, step: step.id.clone() }
    }
}

impl JournalRunner<'_> {
    pub(super) fn site(&self, site: &SiteId) -> Result<Arc<dyn Provider>, Failure> {
        self.sites.get(site).cloned().ok_or_else(|| Failure {
            message: format!("the site `{site}` is not configured"),
            remedy: Remedy::Ask,
            hint: Some(format!("configure `{site}` again: this deployment has resources there")),
        })
    }

    /// Makes a call, and retries it when the site asks for that, after the pause that the site requests. The pause and the
    /// number of attempts are limited.
    pub(super) async fn retry<T, F>(&self, step: &StepId, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SiteError>>,
    {
        let (_sender, mut never) = watch::channel(false);
        self.retry_unless_cancelled(step, &mut never, call).await
    }

    /// The same, without further attempts once the run is cancelled.
    async fn retry_unless_cancelled<T, F>(
        &self,
        step: &StepId,
        cancel: &mut watch::Receiver<bool>,
        call: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SiteError>>,
    {
        for _ in 1..ATTEMPTS {
            match call().await {
                Err(error) if let Remedy::Retry(after) = error.remedy => {
                    let after = after.min(LONGEST_PAUSE);
                    let text = format!("{error}; retrying in {} s", after.as_secs_f32().ceil());
                    self.report.report(&Event::Progress { step: step.clone(), text });
                    tokio::select! {
                        () = cancelled(cancel) => return Err(failure(&error)),
                        () = tokio::time::sleep(after) => {
                            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                            tracing::debug!(target: "hostler::wait", ms, "waited before a retry");
                        }
                    }
                }
                answer => return answer.map_err(|error| failure(&error)),
            }
        }
        call().await.map_err(|error| failure(&error))
    }
}

/// Waits until the run is cancelled; forever if it never is.
pub(super) async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|cancel| *cancel).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn grace_over(cancel: &mut watch::Receiver<bool>) {
    cancelled(cancel).await;
    tokio::time::sleep(CREATE_GRACE).await;
}

/// The failure of a create call that exceeded [`CREATE_GRACE`]. `Remedy::Retry` marks its outcome as unknown.
fn cancelled_while_waiting() -> Failure {
    let message = "cancelled while the site was still working on it".to_owned();
    Failure { message, remedy: Remedy::Retry(Duration::ZERO), hint: None }
}

fn may_appear_later(step: &Step, resource: &PlannedResource) -> String {
    let (site, kind) = (resource.site(), resource.kind());
    format!(
        "`{site}` did not answer in time whether it created the {kind} of `{}`. It does not exist now; should it appear \
         later, it will be an orphaned resource",
        step.id
    )
}

/// Outcome of a create call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreateOutcome {
    /// The site created the resource, or rejected the request.
    Answered,
    /// The site did not answer in time.
    TimedOut,
    /// The process that made the call died before it wrote down the response.
    Unknown,
}

/// The resource of a step, for its undo.
struct UndoTarget<'t> {
    ticket: &'t Ticket,
    kind: ResourceKind,
    /// `None` if no response to the create call is known: the ticket is all there is to search by.
    created: Option<&'t Created>,
}

/// Deletes a resource and its duplicates. A create call that was retried after a lost response may have created two
/// resources with one ticket. Returns true if any existed.
async fn delete(site: &dyn Provider, account: Option<&Account>, target: &UndoTarget<'_>) -> Result<bool, SiteError> {
    account::check_at(site, account).await?;
    let UndoTarget { ticket, kind, created } = *target;
    let created = created.map(|created| Owned { ticket: ticket.clone(), kind, reference: created.reference.clone() });
    let tagged = site.owned_by(kind, ticket).await?;
    let mut existed = false;
    for owned in created.iter().chain(tagged.iter().filter(|owned| Some(*owned) != created.as_ref())) {
        site.delete(owned).await?;
        existed = true;
    }
    Ok(existed)
}

fn failure(error: &SiteError) -> Failure {
    Failure { message: error.to_string(), remedy: error.remedy, hint: error.hint.clone() }
}
