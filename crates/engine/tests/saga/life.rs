//! Instructions for a process of the matrix, as text for its environment variables.

use std::path::PathBuf;

use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;
use hostler_sim::{CallKind, Fault, FaultKind};

/// Direction of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Up,
    Down,
}

/// A fault as text.
#[derive(Debug, Clone)]
pub struct Scripted {
    text: String,
}

impl Scripted {
    pub fn new(call: CallKind, step: &StepId, kind: FaultKind) -> Self {
        Self { text: format!("{call:?} {step} {}", name(kind)) }
    }

    fn parse(text: &str) -> Fault {
        let mut words = text.split(' ');
        let (call, step, kind) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let call = match call {
            "Create" => CallKind::Create,
            "Delete" => CallKind::Delete,
            _ => CallKind::Work,
        };
        let kind = match kind {
            "die-before" => FaultKind::CrashBefore,
            "die-after" => FaultKind::CrashAfter,
            "lose" => FaultKind::LoseResponse,
            "twice" => FaultKind::CreateTwice,
            "late" => FaultKind::CreateLate,
            _ => FaultKind::Reject(Remedy::Report),
        };
        Fault { call, step: StepId::new(step).unwrap(), kind, times: 1 }
    }
}

fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::CrashBefore => "die-before",
        FaultKind::CrashAfter => "die-after",
        FaultKind::LoseResponse => "lose",
        FaultKind::CreateTwice => "twice",
        FaultKind::CreateLate => "late",
        FaultKind::Reject(_) => "refuse",
    }
}

/// Instructions for a process.
#[derive(Debug, Clone)]
pub struct Life {
    pub order: Order,
    /// The number of the entry after which it kills itself.
    pub die_after: Option<u64>,
    pub faults: Vec<Scripted>,
}

const DIR: &str = "SAGA_DIR";
const ORDER: &str = "SAGA_ORDER";
const DIE_AFTER: &str = "SAGA_DIE_AFTER";
const FAULTS: &str = "SAGA_FAULTS";

impl Life {
    pub fn write_to(&self, dir: &std::path::Path, command: &mut std::process::Command) {
        let order = if self.order == Order::Up { "up" } else { "down" };
        let faults: Vec<&str> = self.faults.iter().map(|fault| fault.text.as_str()).collect();
        command.env(DIR, dir).env(ORDER, order).env(FAULTS, faults.join(";"));
        if let Some(number) = self.die_after {
            command.env(DIE_AFTER, number.to_string());
        }
    }

    pub fn of_this_process() -> Option<(PathBuf, Self)> {
        let dir = PathBuf::from(std::env::var_os(DIR)?);
        let order = if std::env::var(ORDER).ok()? == "up" { Order::Up } else { Order::Down };
        let die_after = std::env::var(DIE_AFTER).ok().map(|text| text.parse().unwrap());
        let faults = std::env::var(FAULTS).unwrap_or_default();
        let faults = faults.split(';').filter(|text| !text.is_empty());
        Some((dir, Self { order, die_after, faults: faults.map(|text| Scripted { text: text.into() }).collect() }))
    }

    pub fn faults(&self) -> Vec<Fault> {
        self.faults.iter().map(|fault| Scripted::parse(&fault.text)).collect()
    }
}
