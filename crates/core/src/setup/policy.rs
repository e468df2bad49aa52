//! The pipeline as a table: the phases in their order, on what condition each is done, what proves that it worked, how
//! long it may take, and how often it is tried. The reference in `docs/reference/phases.md` is held against it by a test.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::near::near;

/// A phase of the set-up, as users name it. In the order in which they are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// The machine can be logged in to.
    Reach,
    /// It is what was promised.
    Verify,
    /// Base packages.
    System,
    /// The demand's own packages.
    Packages,
    /// Python and pip for everybody.
    Interpreter,
    /// conda.
    Conda,
    /// Docker.
    Docker,
    /// Drivers and toolkits of accelerators.
    Gpu,
    /// Ray is installed.
    Ray,
    /// Machines know each other by name, and may log in to each other.
    Companions,
    /// The first machine has logged in to all others.
    Meeting,
    /// Ray runs on this machine.
    RayStart,
    /// All machines are in Ray's cluster.
    RayStatus,
    /// The user's own steps.
    Custom,
    /// The code and further files.
    Source,
    /// The repository's Python environment.
    Python,
    /// The repository's container image.
    Image,
    /// The user's `setup`.
    Setup,
    /// The user's checks.
    Check,
    /// The user's `run`.
    Run,
}

/// What is known of a phase, whatever it is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Which phase.
    pub kind: PhaseKind,
    /// When it is part of a plan.
    pub wished: &'static str,
    /// What it does.
    pub action: &'static str,
    /// What proves that it worked; the same question, asked before, tells that there is nothing to do.
    pub proof: &'static str,
    /// How long it may take on one machine, unless the demand says otherwise; for ever where absent.
    pub limit: Option<Duration>,
    /// How often its action is tried where what it needs may come back: a mirror, a lock, a network.
    pub tries: u32,
}

const fn minutes(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count * 60))
}

/// The table, in the order in which phases are done.
pub const PHASES: &[Policy] = &[
    Policy {
        kind: PhaseKind::Reach,
        wished: "always",
        action: "waits until SSH lets us in, and pins the host key",
        proof: "a login",
        limit: minutes(15),
        tries: 30,
    },
    Policy {
        kind: PhaseKind::Verify,
        wished: "a physical host was chosen",
        action: "compares the machine with what was promised",
        proof: "processors, memory, disks, accelerators, system, names, first boot",
        limit: minutes(20),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::System,
        wished: "`setup_phases.system`",
        action: "installs the base packages by apt, dnf or zypper",
        proof: "the package manager lists each",
        limit: minutes(60),
        tries: 5,
    },
    Policy {
        kind: PhaseKind::Packages,
        wished: "`packages`",
        action: "installs the demand's packages",
        proof: "the package manager lists each",
        limit: minutes(60),
        tries: 5,
    },
    Policy {
        kind: PhaseKind::Interpreter,
        wished: "`setup_phases.python`",
        action: "installs Python, pip and venv, or takes uv where it is there",
        proof: "the interpreter imports `venv`, and `pip` answers",
        limit: minutes(60),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Conda,
        wished: "`setup_phases.conda`",
        action: "runs the installer once its checksum holds, makes the environment, turns it on in login shells",
        proof: "`conda` answers, and its environment was made of the same wishes",
        limit: minutes(90),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Docker,
        wished: "`setup_phases.docker`",
        action: "installs the engine and Compose, puts the user into its group, starts it now and at boot",
        proof: "`docker` answers, the group has the user, and the daemon runs where there is an init system",
        limit: minutes(60),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Gpu,
        wished: "`setup_phases.gpu`; with `auto` only where the PCI bus shows an accelerator",
        action: "installs driver, CUDA and cuDNN, or ROCm, as the matrix allows, and restarts the machine for a new driver",
        proof: "`nvidia-smi` or `rocminfo` shows every accelerator of the bus, the fabric manager runs where NVSwitches are, \
                and `nvcc` has the version",
        limit: minutes(120),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Ray,
        wished: "`setup_phases.ray`",
        action: "installs Ray into an environment of its own",
        proof: "it is there to its end, in the version",
        limit: minutes(60),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Companions,
        wished: "there are several machines, unless `setup_phases.companions` is off",
        action: "writes `/etc/hosts` and host files, lets the machines log in to each other",
        proof: "each name leads to its address, and the key between them is there",
        limit: minutes(5),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::Meeting,
        wished: "there are several machines, unless `setup_phases.companions` is off",
        action: "the machine of rank 0 logs in to every other, by its name and the key between them",
        proof: "each lets it in",
        limit: minutes(10),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::RayStart,
        wished: "`setup_phases.ray`",
        action: "starts Ray: the head on the machine of rank 0, then the workers",
        proof: "it runs on this machine, at the cluster's address",
        limit: minutes(10),
        tries: 3,
    },
    Policy {
        kind: PhaseKind::RayStatus,
        wished: "`setup_phases.ray`",
        action: "waits until every machine is in the cluster",
        proof: "`ray status` on the head shows all of them alive",
        limit: minutes(10),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Custom,
        wished: "`setup_phases.custom`",
        action: "runs the user's step",
        proof: "its own check, or that it last ran with the same words",
        limit: minutes(60),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Source,
        wished: "`source`, `workdir` or `file_mounts`",
        action: "sends what differs",
        proof: "the fingerprint of the tree",
        limit: None,
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Python,
        wished: "`python`, or requirements that the scan finds",
        action: "makes `.venv` in the source, and installs what the repository requires",
        proof: "the fingerprint of the requirements",
        limit: minutes(180),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Image,
        wished: "`setup_phases.docker.build`",
        action: "builds the image of the source's Dockerfile, and calls it as the deployment",
        proof: "the image is there, built from the same source",
        limit: minutes(180),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Setup,
        wished: "`setup`",
        action: "runs the user's script",
        proof: "it last ended well, with the same words, variables, source and environment",
        limit: minutes(360),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Check,
        wished: "`checks`",
        action: "runs the user's command, each time",
        proof: "it ends well",
        limit: minutes(60),
        tries: 1,
    },
    Policy {
        kind: PhaseKind::Run,
        wished: "`run`",
        action: "runs the user's script, each time, once every machine is ready",
        proof: "it ends well",
        limit: None,
        tries: 1,
    },
];

impl PhaseKind {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Verify => "verify",
            Self::Companions => "companions",
            Self::Meeting => "meeting",
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

    /// What the table says of it.
    pub fn policy(self) -> Policy {
        // A test holds that each stands in the table once, in the order of the type.
        PHASES[self as usize]
    }
}

impl fmt::Display for PhaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no phase of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no phase: {instead}", instead = instead(.0))]
pub struct NoPhase(String);

/// The one that was meant, or all that there are.
fn instead(text: &str) -> String {
    let names = || PHASES.iter().map(|policy| policy.kind.name());
    match near(text, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

impl FromStr for PhaseKind {
    type Err = NoPhase;

    fn from_str(text: &str) -> Result<Self, NoPhase> {
        let found = PHASES.iter().find(|policy| policy.kind.name() == text);
        found.map(|policy| policy.kind).ok_or_else(|| NoPhase(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_stands_in_the_table_where_it_is_looked_for() {
        for (number, policy) in PHASES.iter().enumerate() {
            assert_eq!(policy.kind as usize, number, "{}", policy.kind);
            assert_eq!(policy.kind.name().parse(), Ok(policy.kind));
            assert!(policy.tries > 0);
        }
        assert_eq!(PHASES.last().map(|policy| policy.kind), Some(PhaseKind::Run));
        let said = |text: &str| text.parse::<PhaseKind>().unwrap_err().to_string();
        assert_eq!(said("dokcer"), "`dokcer` is no phase: did you mean `docker`?");
        assert!(said("jq").contains("`docker`") && said("jq").contains("`ray-status`"), "{}", said("jq"));
    }
}
