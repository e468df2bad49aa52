//! Table of the set-up phases in their order: condition, action, proof of success, timeout and number of attempts. A
//! test compares it with `docs/reference/phases.md`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::closest;

/// A set-up phase. Phases run in the order of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// Waits until SSH accepts a login.
    WaitSsh,
    /// Verifies the machine's hardware.
    Verify,
    /// Installs base packages.
    System,
    /// Installs the demand's own packages.
    Packages,
    /// Installs Python and pip system-wide.
    Interpreter,
    /// Installs conda.
    Conda,
    /// Installs Docker.
    Docker,
    /// Installs GPU drivers and toolkits.
    Gpu,
    /// Installs Ray.
    Ray,
    /// Makes the machines of the deployment known to each other by name, and authorises SSH between them.
    PeerNames,
    /// Logs in from the first machine to all others.
    PeerSsh,
    /// Starts Ray.
    RayStart,
    /// Waits until all machines have joined the Ray cluster.
    RayStatus,
    /// Runs custom steps.
    Custom,
    /// Copies the source and further files.
    Source,
    /// Creates the Python environment of the source.
    Python,
    /// Builds the container image of the source.
    Image,
    /// Runs the user's `setup` script.
    Setup,
    /// Runs the user's checks.
    Check,
    /// Runs the user's `run` script.
    Run,
}

/// Properties of a phase that do not depend on its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhasePolicy {
    /// The phase.
    pub kind: PhaseKind,
    /// Condition for including the phase in a plan.
    pub condition: &'static str,
    /// Effect of the phase.
    pub action: &'static str,
    /// Check that proves success. It also runs first, to detect that nothing has to be done.
    pub proof: &'static str,
    /// Timeout on one machine unless the demand sets one. `None` is unlimited.
    pub timeout: Option<Duration>,
    /// Maximum number of attempts if a failure may be transient (a package mirror, a lock, the network).
    pub tries: u32,
}

const fn minutes(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count * 60))
}

/// All phases in execution order.
pub const PHASES: &[PhasePolicy] = &[
    PhasePolicy {
        kind: PhaseKind::WaitSsh,
        condition: "always",
        action: "waits until SSH accepts a login, and pins the host key",
        proof: "the login succeeds",
        timeout: minutes(15),
        tries: 30,
    },
    PhasePolicy {
        kind: PhaseKind::Verify,
        condition: "the plan uses a physical host",
        action: "compares the machine with the site's description",
        proof: "CPUs, memory, disks, GPUs, operating system, names and first boot match",
        timeout: minutes(20),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::System,
        condition: "`setup_phases.system`",
        action: "installs the base packages with apt, dnf or zypper",
        proof: "the package manager lists every package",
        timeout: minutes(60),
        tries: 5,
    },
    PhasePolicy {
        kind: PhaseKind::Packages,
        condition: "`packages`",
        action: "installs the demand's packages",
        proof: "the package manager lists every package",
        timeout: minutes(60),
        tries: 5,
    },
    PhasePolicy {
        kind: PhaseKind::Interpreter,
        condition: "`setup_phases.python`",
        action: "installs Python, pip and venv, or uses uv if it is installed",
        proof: "the interpreter imports `venv`, and `pip` runs",
        timeout: minutes(60),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::Conda,
        condition: "`setup_phases.conda`",
        action: "verifies and runs the installer, creates the environment, activates it in login shells",
        proof: "`conda` runs, and the environment was created from the same settings",
        timeout: minutes(90),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::Docker,
        condition: "`setup_phases.docker`",
        action: "installs the engine and Compose, adds the user to its group, starts it now and at boot",
        proof: "`docker` runs, the user is in the group, and the daemon runs if there is an init system",
        timeout: minutes(60),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::Gpu,
        condition: "`setup_phases.gpu`; with `auto` only if the PCI bus shows a GPU",
        action: "installs driver, CUDA and cuDNN, or ROCm, according to the matrix, and restarts the machine if a new driver needs it",
        proof: "`nvidia-smi` or `rocminfo` shows every GPU of the bus, the fabric manager runs if there are NVSwitches, \
                and `nvcc` has the requested version",
        timeout: minutes(120),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::Ray,
        condition: "`setup_phases.ray`",
        action: "installs Ray in its own environment",
        proof: "the installation is complete and has the requested version",
        timeout: minutes(60),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::PeerNames,
        condition: "several machines, unless `setup_phases.peers` is false",
        action: "writes `/etc/hosts` and host files, authorises SSH between the machines",
        proof: "every name resolves to its address, and the shared key is installed",
        timeout: minutes(5),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::PeerSsh,
        condition: "several machines, unless `setup_phases.peers` is false",
        action: "logs in from the machine of rank 0 to every other, by name and with the shared key",
        proof: "every login succeeds",
        timeout: minutes(10),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::RayStart,
        condition: "`setup_phases.ray`",
        action: "starts Ray: the head on the machine of rank 0, then the workers",
        proof: "Ray runs on this machine, at the cluster's address",
        timeout: minutes(10),
        tries: 3,
    },
    PhasePolicy {
        kind: PhaseKind::RayStatus,
        condition: "`setup_phases.ray`",
        action: "waits until every machine has joined the cluster",
        proof: "`ray status` on the head shows all of them alive",
        timeout: minutes(10),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Custom,
        condition: "`setup_phases.custom`",
        action: "runs the custom step",
        proof: "the step's own check, or its last successful run used the same script",
        timeout: minutes(60),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Source,
        condition: "`source`, `workdir` or `file_mounts`",
        action: "copies what differs",
        proof: "the fingerprint of the tree matches",
        timeout: None,
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Python,
        condition: "`python`, or requirements found by the scan",
        action: "creates `.venv` in the source, and installs the requirements",
        proof: "the fingerprint of the requirements matches",
        timeout: minutes(180),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Image,
        condition: "`setup_phases.docker.build`",
        action: "builds the image from the source's Dockerfile, and names it after the deployment",
        proof: "the image exists and was built from the same source",
        timeout: minutes(180),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Setup,
        condition: "`setup`",
        action: "runs the user's script",
        proof: "its last successful run used the same script, variables, source and environment",
        timeout: minutes(360),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Check,
        condition: "`checks`",
        action: "runs the user's command, every time",
        proof: "it exits with status 0",
        timeout: minutes(60),
        tries: 1,
    },
    PhasePolicy {
        kind: PhaseKind::Run,
        condition: "`run`",
        action: "runs the user's script, every time, once all machines are ready",
        proof: "it exits with status 0",
        timeout: None,
        tries: 1,
    },
];

impl PhaseKind {
    /// Name of the phase for users.
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitSsh => "wait-ssh",
            Self::Verify => "verify",
            Self::PeerNames => "peer-names",
            Self::PeerSsh => "peer-ssh",
            Self::System => "system",
            Self::Packages => "packages",
            Self::Interpreter => "interpreter",
            Self::Conda => "conda",
            Self::Docker => "docker",
            Self::Gpu => "gpu",
            Self::Ray => "ray",
            Self::RayStart => "ray-start",
            Self::RayStatus => "ray-status",
            Self::Custom => "custom",
            Self::Source => "source",
            Self::Python => "python",
            Self::Image => "image",
            Self::Setup => "setup",
            Self::Check => "check",
            Self::Run => "run",
        }
    }

    /// Row of the phase in [`PHASES`].
    pub fn policy(self) -> PhasePolicy {
        // A test ensures that the table has one row per phase, in the order of the enum.
        PHASES[self as usize]
    }
}

impl fmt::Display for PhaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Error for an unknown phase name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown phase `{0}`: {instead}", instead = instead(.0))]
pub struct UnknownPhase(String);

/// The most similar phase name, or a list of all names.
fn instead(text: &str) -> String {
    let names = || PHASES.iter().map(|policy| policy.kind.name());
    match closest(text, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the phases are {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

impl FromStr for PhaseKind {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        let found = PHASES.iter().find(|policy| policy.kind.name() == text);
        found.map(|policy| policy.kind).ok_or_else(|| UnknownPhase(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_one_row_per_phase_in_enum_order() {
        for (number, policy) in PHASES.iter().enumerate() {
            assert_eq!(policy.kind as usize, number, "{}", policy.kind);
            assert_eq!(policy.kind.name().parse(), Ok(policy.kind));
            assert!(policy.tries > 0);
        }
        assert_eq!(PHASES.last().map(|policy| policy.kind), Some(PhaseKind::Run));
        let message = |text: &str| text.parse::<PhaseKind>().unwrap_err().to_string();
        assert_eq!(message("dokcer"), "unknown phase `dokcer`: did you mean `docker`?");
        assert!(message("jq").contains("`docker`") && message("jq").contains("`ray-status`"), "{}", message("jq"));
    }
}
