//! The work on a machine that is there: reaching it, and setting it up.

use std::time::{Duration, Instant};

use futures::FutureExt;
use hostler_core::journal::Failure;
use hostler_core::plan::{MachineSpec, Phase, ResourceKind, Step};
use hostler_core::ports::{Address, Power, Remedy, ResourceStatus};
use hostler_core::setup::PhaseKind;
use hostler_core::ticket::{Ref, StepId};

use super::roster::{Known, Roster};
use super::site::{Job, ended};
use super::{Drive, Driver, Landed, Landing, Machine};
use crate::event::Event;

/// How long a machine may take from its creation until it has an address.
const ADDRESS_WITHIN: Duration = Duration::from_secs(600);
/// How much of a console is shown of a machine that can't be reached.
const CONSOLE_LINES: usize = 15;

impl<'a> Drive<'a> {
    /// Reaches a machine, or does a phase of its set-up, until sessions are of no more use.
    pub(super) fn on_machine(&mut self, step: &'a Step, id: &'a StepId, phase: Option<&'a Phase>) -> Job<'a> {
        let driver = self.driver;
        let mut end = self.sessions_end.subscribe();
        let roster = self.roster();
        let performed = async move {
            let work = async {
                match phase {
                    Some(phase) => driver.set_up(step, id, &roster, phase).await,
                    None => driver.wait_for_ssh(step, roster.find(id)?).await,
                }
            };
            tokio::select! {
                biased;
                () = ended(&mut end) => Ok(Landing::Dropped),
                performed = work => performed,
            }
        };
        timed(step, performed)
            .map(|performed| match performed {
                Ok(landing) => Landed::new(step, landing),
                Err(failure) => Landed::new(step, Landing::Failed(failure)),
            })
            .boxed()
    }
}

impl Driver<'_> {
    async fn set_up(&self, step: &Step, id: &StepId, roster: &Roster, phase: &Phase) -> Result<Landing, Failure> {
        let own = self.machine(step, roster.find(id)?).await?;
        let all = match phase.kind() {
            // Hundreds of machines that each hold the names of all others, while one after the other is reached, would
            // hold them hundreds of times: they are told once all can be.
            kind if kind < PhaseKind::Companions => std::slice::from_ref(&own),
            _ => roster.machines(|known| self.machine(step, known)).await?,
        };
        let how = self.executor.set_up(&step.id, &own, all, phase, self.report).await?;
        Ok(Landing::Done { made: None, how })
    }

    /// Waits until a machine can be logged in to. One that was shut down is started.
    async fn wait_for_ssh(&self, step: &Step, known: &Known) -> Result<Landing, Failure> {
        let woken = self.wake(step, known).await?;
        let machine = self.machine(step, known).await?;
        match self.executor.wait_for_ssh(&step.id, &machine, self.report).await {
            Ok(host_key) => Ok(Landing::Reached { host_key, woken }),
            Err(failure) => Err(self.with_console(failure, known).await),
        }
    }

    /// Starts a machine that is shut down; whether it was is the answer.
    async fn wake(&self, step: &Step, known: &Known) -> Result<bool, Failure> {
        let site = self.site(&known.spec.site)?;
        match self.persist(&step.id, || site.status(ResourceKind::Machine, &known.reference)).await? {
            ResourceStatus::Missing => Err(gone(&known.spec)),
            ResourceStatus::Error { message: why } => Err(broken(&known.spec, &why)),
            ResourceStatus::Pending | ResourceStatus::Running { .. } | ResourceStatus::Unknown { .. } => Ok(false),
            ResourceStatus::Stopped => {
                self.report.report(&Event::Progress { step: step.id.clone(), text: "starting the machine".into() });
                self.persist(&step.id, || site.set_power(&known.reference, Power::On)).await?;
                Ok(true)
            }
        }
    }

    async fn machine(&self, step: &Step, known: &Known) -> Result<Machine, Failure> {
        let address = match &known.address {
            Some(address) => address.clone(),
            None => self.address(step, known).await?,
        };
        let inner = known.inner.clone().unwrap_or_else(|| address.clone());
        let (spec, host_key) = (known.spec.clone(), known.host_key.clone());
        let kept = self.site(&spec.site)?.hosts_are_persistent();
        Ok(Machine { step: known.step.clone(), spec, address, inner, host_key, kept })
    }

    /// Waits for the address of a machine that had none when it was made.
    async fn address(&self, step: &Step, known: &Known) -> Result<Address, Failure> {
        let site = self.site(&known.spec.site)?;
        let look = async {
            let mut pause = Duration::from_secs(1);
            loop {
                match self.persist(&step.id, || site.status(ResourceKind::Machine, &known.reference)).await? {
                    ResourceStatus::Running { address: Some(address) } => return Ok(address),
                    ResourceStatus::Missing => return Err(gone(&known.spec)),
                    ResourceStatus::Error { message: why } => return Err(broken(&known.spec, &why)),
                    ResourceStatus::Pending
                    | ResourceStatus::Running { address: None }
                    | ResourceStatus::Stopped
                    | ResourceStatus::Unknown { .. } => {}
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        };
        let late = format!("`{}` got no address within {} s", known.spec.name, ADDRESS_WITHIN.as_secs());
        let late = Failure { message: late, remedy: Remedy::Report, hint: None };
        tokio::time::timeout(ADDRESS_WITHIN, look).await.unwrap_or(Err(late))
    }

    /// Adds the end of the console, which says more than any error of ours about a machine that doesn't answer.
    async fn with_console(&self, mut failure: Failure, known: &Known) -> Failure {
        let Ok(site) = self.site(&known.spec.site) else { return failure };
        let console = last_console(&*site, &known.reference).await;
        let hints: Vec<String> = failure.hint.take().into_iter().chain(console).collect();
        failure.hint = (!hints.is_empty()).then(|| hints.join("\n"));
        failure
    }
}

async fn last_console(site: &dyn hostler_core::ports::Provider, machine: &Ref) -> Option<String> {
    // A guest writes what it likes: what would steer the user's terminal is left out.
    let console = site.console(machine).await.ok()?;
    let console: String = console.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let lines: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Some("its console is empty: the image may not boot at all".to_owned());
    }
    let end = lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n  ");
    Some(format!("the end of its console:\n  {end}"))
}

/// The same work, with its time in the trace.
async fn timed<T>(step: &Step, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(target: "hostler::machine", step = %step.id, ms, "worked on a machine");
    done
}

fn gone(spec: &MachineSpec) -> Failure {
    let message = format!("the machine `{}` is no longer at `{}`", spec.name, spec.site);
    let hint = Some("give the rest back with `hostler down`, then start anew with `hostler up`".to_owned());
    Failure { message, remedy: Remedy::Report, hint }
}

fn broken(spec: &MachineSpec, why: &str) -> Failure {
    let message = format!("the machine `{}` at `{}` is broken: {why}", spec.name, spec.site);
    Failure { message, remedy: Remedy::Report, hint: None }
}
