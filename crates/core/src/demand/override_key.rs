//! Names of overrides, which each front end spells in its own way.

use std::fmt;

use serde::{Serialize, Serializer};

/// An override of a front end. A command line spells it as a flag, an API as a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverrideKey {
    /// Repository or directory to deploy.
    Source,
    /// Name of the deployment.
    Name,
    /// Acceptable sites.
    On,
    /// Number of machines.
    Count,
    /// CPUs of each machine.
    Cpus,
    /// Memory of each machine.
    Memory,
    /// Minimum disk size of each machine.
    Disk,
    /// GPUs of each machine.
    Gpus,
    /// Image to boot.
    Image,
    /// Node type.
    NodeType,
    /// TCP ports to open.
    Port,
    /// Length of the lease.
    Duration,
    /// Start of the lease.
    Start,
    /// Longest acceptable delay of the start.
    Within,
    /// Budget per hour.
    BudgetPerHour,
    /// Budget in total.
    Budget,
    /// Environment variable.
    Env,
    /// Name of a secret environment variable.
    Secret,
    /// System package.
    Package,
    /// Python version.
    Python,
    /// Set-up phase.
    Phase,
    /// Script that prepares the machines.
    Setup,
    /// Script that does the work.
    Run,
    /// Registered public key.
    KeyName,
    /// Network to attach.
    Network,
    /// Name of the lease.
    LeaseName,
}

impl OverrideKey {
    /// Name in lower case with `_` between words, such as `node_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Name => "name",
            Self::On => "on",
            Self::Count => "count",
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpus => "gpus",
            Self::Image => "image",
            Self::NodeType => "node_type",
            Self::Port => "port",
            Self::Duration => "duration",
            Self::Start => "start",
            Self::Within => "within",
            Self::BudgetPerHour => "budget_per_hour",
            Self::Budget => "budget",
            Self::Env => "env",
            Self::Secret => "secret",
            Self::Package => "package",
            Self::Python => "python",
            Self::Phase => "phase",
            Self::Setup => "setup",
            Self::Run => "run",
            Self::KeyName => "key_name",
            Self::Network => "network",
            Self::LeaseName => "lease_name",
        }
    }
}

impl fmt::Display for OverrideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for OverrideKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
