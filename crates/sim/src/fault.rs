//! Scripted faults.

use std::sync::Mutex;
use std::time::Duration;

use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;

/// A kind of call that a fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `create`, with the ticket of the step.
    Create,
    /// `delete`, with the ticket of the step.
    Delete,
    /// Reaching or setting up a machine.
    Work,
    /// `resources`, which no step asks for: by the name of their kind.
    List,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The site says no, and does nothing.
    Refuse(Remedy),
    /// The site does it, and the answer is lost.
    LoseAnswer,
    /// The site is slow: the caller hears nothing in time, and the thing comes after it was looked for once.
    Late,
    /// The site does it twice: its answer came so late that the call was made again.
    Twice,
    /// This process is killed before the site does it.
    DieBefore,
    /// This process is killed after the site did it.
    DieAfter,
}

/// A fault: on which call, what, and how often.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The kind of call.
    pub call: Call,
    /// The step that makes it.
    pub step: StepId,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many times it strikes.
    pub times: u32,
}

/// Faults to come.
#[derive(Debug, Default)]
pub struct Script(Mutex<Vec<Fault>>);

impl Script {
    /// These faults.
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    /// The fault that strikes this call, which uses it up once.
    pub fn strike(&self, call: Call, step: &StepId) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| fault.call == call && fault.step == *step && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.kind)
    }
}

/// A refusal that asks to try again at once.
pub fn retry_at_once() -> Remedy {
    Remedy::Retry(Duration::ZERO)
}

/// Kills this very process as `kill -9` does: nothing is cleaned up, nothing is flushed.
pub fn die() -> ! {
    let me = rustix::process::getpid();
    let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}
