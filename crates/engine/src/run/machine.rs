//! Steps on created machines: the first login, and the phases of the set-up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use hostler_core::journal::Failure;
use hostler_core::plan::{Action, MachineSpec, Phase, PlannedResource, ResourceKind, Step};
use hostler_core::ports::{Address, Power, Provider, Remedy, ResourceStatus};
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::{Ref, StepId};

use super::completion::{CompletedStep, StepFuture, StepResult};
use super::executor::Machine;
use super::registry::{CreatedMachine, MachineRegistry};
use super::runner::{JournalRun, JournalRunner};
use super::site::cancelled;
use crate::event::Event;

/// Limit for a created machine until the site reports its address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(600);
/// Pauses between two queries for an address: the first one, doubled up to the longest.
const FIRST_ADDRESS_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_ADDRESS_PAUSE: Duration = Duration::from_secs(10);
/// The last lines of the console that the hint about an unreachable machine shows.
const CONSOLE_LINES: usize = 15;

impl<'a> JournalRun<'a> {
    /// Logs in to a machine for the first time if `phase` is `None`, else performs the phase. The work is dropped when the
    /// run cancels its sessions.
    pub(super) fn on_machine(&mut self, step: &'a Step, id: &'a StepId, phase: Option<&'a Phase>) -> StepFuture<'a> {
        let runner = self.runner;
        let mut cancel = self.cancel.subscribe();
        let registry = self.registry();
        let result = async move {
            let work = async {
                match phase {
                    Some(phase) => runner.set_up(step, id, &registry, phase).await,
                    None => runner.wait_for_ssh(step, registry.find(id)?).await,
                }
            };
            tokio::select! {
                biased;
                () = cancelled(&mut cancel) => Ok(StepResult::Cancelled),
                result = work => result,
            }
        };
        timed(step, result).map(|result| CompletedStep::new(step, result.unwrap_or_else(StepResult::Failed))).boxed()
    }

    /// The created machines in their current state.
    fn registry(&mut self) -> Arc<MachineRegistry> {
        if let Some(registry) = &self.registry {
            return Arc::clone(registry);
        }
        let created = self.plan.machines().filter_map(|(step, spec)| self.created_machine(step, spec)).collect();
        let registry = Arc::new(MachineRegistry::new(created));
        self.created_machines = registry.iter().map(|machine| (machine.step.clone(), Arc::clone(machine))).collect();
        self.registry = Some(Arc::clone(&registry));
        registry
    }

    fn created_machine(&self, step: &Step, spec: &MachineSpec) -> Option<Arc<CreatedMachine>> {
        if let Some(machine) = self.created_machines.get(&step.id) {
            return Some(Arc::clone(machine));
        }
        let created = self.journal().created(&step.id)?;
        Some(Arc::new(CreatedMachine {
            step: step.id.clone(),
            spec: spec.clone(),
            reference: created.reference.clone(),
            address: self.journal().address(self.plan, &step.id).cloned(),
            own_address: created.address.clone(),
            host_key: self.host_keys.get(&step.id).cloned(),
        }))
    }

    /// Drops the registry after a step has created a machine, or the address of one.
    pub(super) fn invalidate_created_by(&mut self, step: &StepId) {
        match self.plan.step(step).map(|step| &step.action) {
            Some(Action::Create(PlannedResource::Address { machine: Some(machine), .. })) => self.invalidate(machine),
            _ => self.invalidate(step),
        }
    }

    /// Drops the registry after a machine has changed.
    pub(super) fn invalidate(&mut self, machine: &StepId) {
        self.created_machines.remove(machine);
        self.registry = None;
    }
}

impl JournalRunner<'_> {
    async fn set_up(
        &self,
        step: &Step,
        id: &StepId,
        registry: &MachineRegistry,
        phase: &Phase,
    ) -> Result<StepResult, Failure> {
        let machine = self.machine(step, registry.find(id)?).await?;
        let all = match phase.kind() {
            // Earlier phases run while other machines still get their first login. Each login makes a new registry, so that
            // n machines would copy the list of all machines n times: earlier phases get only their own machine.
            kind if kind < PhaseKind::PeerNames => std::slice::from_ref(&machine),
            _ => registry.machines(|peer| self.machine(step, peer)).await?,
        };
        let how = self.executor.set_up(&step.id, &machine, all, phase, self.report).await?;
        Ok(StepResult::Done { created: None, how })
    }

    /// Waits until SSH accepts a login. Starts the machine first if it is shut down.
    async fn wait_for_ssh(&self, step: &Step, created: &CreatedMachine) -> Result<StepResult, Failure> {
        let started = self.start_if_stopped(step, created).await?;
        let machine = self.machine(step, created).await?;
        match self.executor.wait_for_ssh(&step.id, &machine, self.report).await {
            Ok(host_key) => Ok(StepResult::LoggedIn { host_key, started }),
            Err(failure) => Err(self.with_console(failure, created).await),
        }
    }

    /// Starts a machine that is shut down. Returns true if it was.
    async fn start_if_stopped(&self, step: &Step, created: &CreatedMachine) -> Result<bool, Failure> {
        let site = self.site(&created.spec.site)?;
        match self.retry(&step.id, || site.status(ResourceKind::Machine, &created.reference)).await? {
            ResourceStatus::Missing => Err(missing(&created.spec)),
            ResourceStatus::Error { message } => Err(in_error(&created.spec, &message)),
            ResourceStatus::Pending | ResourceStatus::Running { .. } | ResourceStatus::Unknown { .. } => Ok(false),
            ResourceStatus::Stopped => {
                self.report.report(&Event::Progress { step: step.id.clone(), text: "starting the machine".into() });
                self.retry(&step.id, || site.set_power(&created.reference, Power::On)).await?;
                Ok(true)
            }
        }
    }

    async fn machine(&self, step: &Step, created: &CreatedMachine) -> Result<Machine, Failure> {
        let address = match &created.address {
            Some(address) => address.clone(),
            None => self.address(step, created).await?,
        };
        let peer_address = created.own_address.clone().unwrap_or_else(|| address.clone());
        let (spec, host_key) = (created.spec.clone(), created.host_key.clone());
        let host_is_persistent = self.site(&spec.site)?.hosts_are_persistent();
        Ok(Machine { step: created.step.clone(), spec, address, peer_address, host_key, host_is_persistent })
    }

    /// Waits until the site reports the address of a machine that was created without one.
    async fn address(&self, step: &Step, created: &CreatedMachine) -> Result<Address, Failure> {
        let site = self.site(&created.spec.site)?;
        let poll = async {
            let mut pause = FIRST_ADDRESS_PAUSE;
            loop {
                match self.retry(&step.id, || site.status(ResourceKind::Machine, &created.reference)).await? {
                    ResourceStatus::Running { address: Some(address) } => return Ok(address),
                    ResourceStatus::Missing => return Err(missing(&created.spec)),
                    ResourceStatus::Error { message } => return Err(in_error(&created.spec, &message)),
                    ResourceStatus::Pending
                    | ResourceStatus::Running { address: None }
                    | ResourceStatus::Stopped
                    | ResourceStatus::Unknown { .. } => {}
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_ADDRESS_PAUSE);
            }
        };
        let message = format!("`{}` got no address within {} s", created.spec.name, ADDRESS_TIMEOUT.as_secs());
        let timed_out = Failure { message, remedy: Remedy::Report, hint: None };
        tokio::time::timeout(ADDRESS_TIMEOUT, poll).await.unwrap_or(Err(timed_out))
    }

    /// Adds the end of the console to the hint: it shows why a machine did not boot, which an SSH error cannot.
    async fn with_console(&self, mut failure: Failure, created: &CreatedMachine) -> Failure {
        let Ok(site) = self.site(&created.spec.site) else { return failure };
        let console = console_hint(&*site, &created.reference).await;
        let hints: Vec<String> = failure.hint.take().into_iter().chain(console).collect();
        failure.hint = (!hints.is_empty()).then(|| hints.join("\n"));
        failure
    }
}

async fn console_hint(site: &dyn Provider, machine: &Ref) -> Option<String> {
    // The guest chooses this text: drop control characters, which could steer the user's terminal.
    let console = site.console(machine).await.ok()?;
    let console: String = console.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let lines: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Some("the console is empty: the image may not boot at all".to_owned());
    }
    let end = lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n  ");
    Some(format!("the end of the console:\n  {end}"))
}

/// The same work, with its duration in the trace.
async fn timed<T>(step: &Step, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(target: "hostler::machine", step = %step.id, ms, "step on a machine ended");
    result
}

fn missing(spec: &MachineSpec) -> Failure {
    let message = format!("the machine `{}` no longer exists at `{}`", spec.name, spec.site);
    let hint = Some("bring the deployment down, then up again".to_owned());
    Failure { message, remedy: Remedy::Report, hint }
}

fn in_error(spec: &MachineSpec, reason: &str) -> Failure {
    let message = format!("the machine `{}` at `{}` is in an error state: {reason}", spec.name, spec.site);
    Failure { message, remedy: Remedy::Report, hint: None }
}
