//! Faults to inject into calls.

use std::sync::Mutex;
use std::time::Duration;

use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;

/// Kind of call that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// `create`, with the ticket of the step.
    Create,
    /// `delete`, with the ticket of the step.
    Delete,
    /// Work on a machine over SSH.
    Work,
    /// `resources`, which belongs to no step: the name of the resource kind stands in for a step.
    List,
}

/// Effect of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The site rejects the call, and does nothing.
    Reject(Remedy),
    /// The site carries out the call, but its response is lost.
    LoseResponse,
    /// The call times out, and the site creates the resource after the caller has searched for it once.
    CreateLate,
    /// The site creates the resource twice, as if the call had been retried after a late response.
    CreateTwice,
    /// This process is killed before the site carries out the call.
    CrashBefore,
    /// This process is killed after the site has carried out the call.
    CrashAfter,
}

/// A fault of one call.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The kind of call.
    pub call: CallKind,
    /// The step that makes the call.
    pub step: StepId,
    /// The effect.
    pub kind: FaultKind,
    /// Number of calls that it affects.
    pub times: u32,
}

/// Faults that will occur.
#[derive(Debug, Default)]
pub struct FaultPlan(Mutex<Vec<Fault>>);

impl FaultPlan {
    /// A plan of these faults.
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    /// The fault of this call, if any, which counts as one occurrence.
    pub fn next_fault(&self, call: CallKind, step: &StepId) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| fault.call == call && fault.step == *step && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.kind)
    }
}

/// The remedy of a rejection that may be retried at once.
pub fn retry_immediately() -> Remedy {
    Remedy::Retry(Duration::ZERO)
}

/// Kills this process as `kill -9` does: nothing is cleaned up or flushed.
pub fn kill_self() -> ! {
    let me = rustix::process::getpid();
    let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}
