//! The calls to a site: making what a step makes, and giving it back.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_core::journal::{Failure, Progress};
use hostler_core::name::SiteId;
use hostler_core::plan::{Action, PlannedResource, ResourceKind, Step};
use hostler_core::ports::{Account, CreateRequest, Created, Owned, Provider, Remedy, SiteError};
use hostler_core::ticket::{Ref, StepId, Ticket};
use tokio::sync::watch;

use super::{Drive, Driver, Landed, Landing, Performed};
use crate::account;
use crate::event::Event;

/// How often a call is made that a site asks to repeat.
const TRIES: u32 = 4;
/// The longest that a site is waited for before a call is made again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Between two rounds of giving a thing back.
const BETWEEN_UNDOS: Duration = Duration::from_millis(500);

/// The work of a step, cut loose from the journal, so that many go on side by side.
pub(super) type Job<'j> = BoxFuture<'j, Landed>;

impl<'a> Drive<'a> {
    /// Starts the work of a step.
    pub(super) fn perform(&mut self, step: &'a Step) -> Job<'a> {
        match &step.action {
            Action::Create(what) => self.create(step, what),
            Action::Reach { machine } => self.on_machine(step, machine, None),
            Action::SetUp { machine, phase } => self.on_machine(step, machine, Some(phase)),
        }
    }

    fn create(&self, step: &'a Step, what: &'a PlannedResource) -> Job<'a> {
        let driver = self.driver;
        let creation = self.creation(what);
        let ticket = self.ticket(step);
        let mut end = self.sessions_end.subscribe();
        let mut no_use = self.sessions_end.subscribe();
        let made = async move {
            let (site, creation) = (driver.site(what.site())?, creation?);
            let create = driver.persist_until(&step.id, &mut end, || site.create(&ticket, &creation));
            tokio::select! {
                made = create => made,
                () = long_after(&mut no_use) => Err(left_waiting()),
            }
        };
        made.map(|made| match made {
            Ok(made) => Landed::new(step, Landing::Done { made: Some(made), how: Performed::Now }),
            Err(failure) => Landed::new(step, Landing::Failed(failure)),
        })
        .boxed()
    }

    fn creation(&self, what: &PlannedResource) -> Result<CreateRequest, Failure> {
        Ok(match what {
            PlannedResource::Network { .. } => {
                CreateRequest::Network { machines: self.plan.machines().map(|(_, spec)| spec.name.clone()).collect() }
            }
            PlannedResource::Keypair { .. } => CreateRequest::Keypair { public_key: self.inputs.public_key.clone() },
            PlannedResource::Lease(spec) => CreateRequest::Lease { spec: Box::new(spec.clone()) },
            PlannedResource::Address { pool, machine, .. } => {
                CreateRequest::Address { pool: pool.clone(), machine: self.reference_if(machine.as_ref())? }
            }
            PlannedResource::Machine(spec) => CreateRequest::Machine {
                spec: spec.clone(),
                network: self.reference_if(spec.network.as_ref())?,
                lease: self.reference_if(spec.lease.as_ref())?.or_else(|| spec.uses.lease.clone()),
                keypair: self.reference_if(spec.keypair.as_ref())?.or_else(|| spec.uses.keypair.clone()),
                public_key: self.inputs.public_key.clone(),
                first_boot: self.inputs.first_boot.clone(),
            },
        })
    }

    fn reference_if(&self, step: Option<&StepId>) -> Result<Option<Ref>, Failure> {
        step.map(|step| self.reference(step)).transpose()
    }

    /// What an earlier step made. The plan's order sees to it that it is there.
    fn reference(&self, step: &StepId) -> Result<Ref, Failure> {
        self.journal().made(step).map(|made| made.reference.clone()).ok_or_else(|| Failure {
            message: format!("the step `{step}` has made nothing"),
            remedy: Remedy::Report,
            hint: None,
        })
    }

    /// What is known of a step's making before it is given back.
    pub(super) fn outcome_of(&self, step: &Step) -> CreateOutcome {
        let (made, progress) = (self.journal().made(&step.id), self.journal().progress(&step.id));
        match (made, progress) {
            (Some(_), _) => CreateOutcome::Answered,
            (None, Some(Progress::Failed(failure))) if matches!(failure.remedy, Remedy::Retry(_)) => {
                CreateOutcome::GivenUp
            }
            (None, Some(Progress::Failed(_))) => CreateOutcome::Answered,
            (None, _) => CreateOutcome::Orphaned,
        }
    }

    /// Gives back what a step made, and whatever else bears its ticket.
    pub(super) fn undo(&self, step: &'a Step, creating: CreateOutcome) -> Job<'a> {
        let driver = self.driver;
        let ticket = self.ticket(step);
        let made = self.journal().made(&step.id).cloned();
        let account = step.action.site().and_then(|site| self.journal().account(site)).cloned();
        let again = matches!(self.journal().progress(&step.id), Some(Progress::UndoFailed(..)));
        let undone = async move {
            let Action::Create(what) = &step.action else { return Ok(()) };
            let site = driver.site(what.site())?;
            if again {
                tokio::time::sleep(BETWEEN_UNDOS).await;
            }
            let resource = Resource { ticket: &ticket, kind: what.kind(), made: made.as_ref() };
            let mut was_there = driver.persist(&step.id, || remove(&*site, account.as_ref(), &resource)).await?;
            let settle_time = site.settle_time();
            if creating != CreateOutcome::Answered && !settle_time.is_zero() {
                // Whoever began it has heard nothing; the site may still be at work on it.
                tokio::time::sleep(settle_time).await;
                was_there |= driver.persist(&step.id, || remove(&*site, account.as_ref(), &resource)).await?;
                if creating == CreateOutcome::GivenUp && !was_there {
                    driver.report.report(&Event::Note { text: unheard(step, what) });
                }
            }
            Ok(())
        };
        undone
            .map(|undone| match undone {
                Ok(()) => Landed::new(step, Landing::Undone),
                Err(failure) => Landed::new(step, Landing::UndoFailed(failure)),
            })
            .boxed()
    }

    fn ticket(&self, step: &Step) -> Ticket {
        Ticket { deployment: self.plan.deployment, step: step.id.clone() }
    }
}

impl Driver<'_> {
    pub(super) fn site(&self, site: &SiteId) -> Result<Arc<dyn Provider>, Failure> {
        self.sites.get(site).cloned().ok_or_else(|| Failure {
            message: format!("the site `{site}` is not configured"),
            remedy: Remedy::Ask,
            hint: Some(format!("configure `{site}` again: this deployment has things there")),
        })
    }

    /// Makes a call, and makes it again as often and as late as the site asks, within reason.
    pub(super) async fn persist<T, F>(&self, step: &StepId, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SiteError>>,
    {
        let (_never, mut end) = watch::channel(false);
        self.persist_until(step, &mut end, call).await
    }

    /// The same, but not once more after the deployment has turned back.
    async fn persist_until<T, F>(
        &self,
        step: &StepId,
        end: &mut watch::Receiver<bool>,
        call: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SiteError>>,
    {
        for _ in 1..TRIES {
            match call().await {
                Err(error) if let Remedy::Retry(after) = error.remedy => {
                    let after = after.min(LONGEST_PAUSE);
                    let text = format!("{error}; trying again in {} s", after.as_secs_f32().ceil());
                    self.report.report(&Event::Progress { step: step.clone(), text });
                    tokio::select! {
                        () = ended(end) => return Err(failure(&error)),
                        () = tokio::time::sleep(after) => {
                            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                            tracing::debug!(target: "hostler::wait", ms, "waited as asked");
                        }
                    }
                }
                answer => return answer.map_err(|error| failure(&error)),
            }
        }
        call().await.map_err(|error| failure(&error))
    }
}

/// Waits until the deployment turns back; for ever where it never does.
pub(super) async fn ended(end: &mut watch::Receiver<bool>) {
    if end.wait_for(|end| *end).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A request that was on its way when nobody wanted its outcome any more has ended so long after, one way or the other. What
/// goes on then is waiting, for a lease to begin or a machine to run; it may be followed by requests of its own, so it counts as
/// not answered.
const GRACE: Duration = Duration::from_secs(75);

async fn long_after(end: &mut watch::Receiver<bool>) {
    ended(end).await;
    tokio::time::sleep(GRACE).await;
}

fn left_waiting() -> Failure {
    let message = "stopped: it was still waiting, and of no more use".to_owned();
    Failure { message, remedy: Remedy::Retry(Duration::ZERO), hint: None }
}

fn unheard(step: &Step, what: &PlannedResource) -> String {
    let (site, kind) = (what.site(), what.kind());
    format!(
        "`{site}` did not say in time whether it made the {kind} of `{}`: it is not there now; should it come yet, \
         `hostler sweep` finds it",
        step.id
    )
}

/// Whether the call that makes a thing was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreateOutcome {
    /// With the thing, or with a refusal.
    Answered,
    /// No answer came in time.
    GivenUp,
    /// The process that made the call is gone, or what was known of it is: nobody heard.
    Orphaned,
}

/// What a step made, as far as is known.
struct Resource<'t> {
    ticket: &'t Ticket,
    kind: ResourceKind,
    made: Option<&'t Created>,
}

/// Removes what was made, and its twins: a call that was made again, because its answer did not come in time, may have
/// made two things under one ticket. Of a step whose outcome was never known the ticket is all there is.
/// Answers whether there was anything.
async fn remove(site: &dyn Provider, account: Option<&Account>, resource: &Resource<'_>) -> Result<bool, SiteError> {
    account::check_at(site, account).await?;
    let Resource { ticket, kind, made } = *resource;
    let made = made.map(|made| Owned { ticket: ticket.clone(), kind, reference: made.reference.clone() });
    let twins = site.owned_by(kind, ticket).await?;
    let mut was_there = false;
    for owned in made.iter().chain(twins.iter().filter(|twin| Some(*twin) != made.as_ref())) {
        site.delete(owned).await?;
        was_there = true;
    }
    Ok(was_there)
}

fn failure(error: &SiteError) -> Failure {
    Failure { message: error.to_string(), remedy: error.remedy, hint: error.hint.clone() }
}
