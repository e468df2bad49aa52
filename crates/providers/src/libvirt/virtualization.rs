//! Execution of guests' instructions: by the CPU or by emulation.

use serde::{Deserialize, Serialize};

/// Execution of guests' instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Virtualization {
    /// By the CPU, through `/dev/kvm`.
    Kvm,
    /// By QEMU, which translates each instruction: some 20 times slower.
    Emulation {
        /// Cause that rules out KVM.
        reason: String,
    },
}

impl Virtualization {
    /// Value of an offer's label `LABEL`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation { .. } => "emulation",
        }
    }

    /// A note for the user, if machines are slow.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Kvm => None,
            Self::Emulation { reason } => Some(format!("machines are emulated, which is slow: {reason}")),
        }
    }
}

/// Label of offers with the result of the test, `kvm` or `emulation`. Absent until a test has run.
pub const LABEL: &str = "virtualization";
