//! Whether a machine is what was promised: the plan's promise, what was seen on the machine, and the differences.

mod model;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use model::pci_ids;

use crate::offer::OsRelease;
use crate::shape::Shape;
use crate::size::Bytes;

/// What a machine was promised to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMachine {
    /// Its size.
    pub shape: Shape,
    /// Its architecture, as `uname -m` says it.
    pub arch: Option<String>,
    /// What runs on it, where its image says.
    pub os: Option<OsRelease>,
}

/// What was seen on a machine. What could not be seen is absent, and never counts as a difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedMachine {
    /// Processors that are online.
    pub cpus: Option<u32>,
    /// Memory, as the kernel counts it: less than what is built in.
    pub memory: Option<Bytes>,
    /// All disks together.
    pub disk: Option<Bytes>,
    /// Models of the accelerators, or their PCI ids where no driver tells the model.
    pub gpus: Option<Vec<String>>,
    /// `uname -m`.
    pub arch: Option<String>,
    /// Of `/etc/os-release`.
    pub os: Option<OsRelease>,
    /// Whether a server that looks up names answers: not whether it knows a certain one, for a site may have no way out.
    pub names_resolve: Option<bool>,
    /// What cloud-init says of itself, as `done` or `error`.
    pub cloud_init: Option<String>,
}

/// One thing that is not as promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactDifference {
    /// Which.
    pub fact: CheckedFact,
    /// As promised.
    pub promised: String,
    /// As seen.
    pub seen: String,
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedFact {
    /// Processors.
    Cpus,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// Accelerators.
    Gpus,
    /// Architecture.
    Arch,
    /// Operating system.
    Os,
    /// Name resolution.
    Names,
    /// First boot.
    CloudInit,
}

impl fmt::Display for CheckedFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpus => "processors",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpus => "accelerators",
            Self::Arch => "architecture",
            Self::Os => "operating system",
            Self::Names => "name resolution",
            Self::CloudInit => "cloud-init",
        })
    }
}

impl fmt::Display for FactDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: promised {}, found {}", self.fact, self.promised, self.seen)
    }
}

/// Firmware and kernel keep memory for themselves, and inventories round: so many hundredths of it must be there.
const MEMORY_PERCENT: u64 = 90;
/// Disks are sold in powers of ten and partitioned: so many hundredths of what is promised must be there.
const DISK_PERCENT: u64 = 85;

/// Everything that is less than, or other than, promised. More is no difference.
pub fn differences(promise: &ExpectedMachine, seen: &ObservedMachine) -> Vec<FactDifference> {
    let ExpectedMachine { shape, arch, os } = promise;
    let mut found = Vec::new();
    let mut note = |fact, promised: String, seen: String| found.push(FactDifference { fact, promised, seen });
    if let Some(cpus) = seen.cpus.filter(|cpus| *cpus < shape.cpus) {
        note(CheckedFact::Cpus, shape.cpus.to_string(), cpus.to_string());
    }
    for (fact, promised, seen, percent) in [
        (CheckedFact::Memory, shape.memory, seen.memory, MEMORY_PERCENT),
        (CheckedFact::Disk, shape.disk, seen.disk, DISK_PERCENT),
    ] {
        if let Some(seen) = seen.filter(|seen| seen.0 < promised.0 / 100 * percent) {
            note(fact, promised.to_string(), seen.to_string());
        }
    }
    if let Some(gpus) = seen.gpus.as_ref().filter(|gpus| model::missing(&shape.gpus, gpus) > 0) {
        note(CheckedFact::Gpus, listed(&shape.gpus), listed(gpus));
    }
    if let (Some(arch), Some(seen)) = (arch, &seen.arch)
        && arch != seen
    {
        note(CheckedFact::Arch, arch.clone(), seen.clone());
    }
    if let (Some(os), Some(seen)) = (os, &seen.os)
        && !seen.is(os)
    {
        note(CheckedFact::Os, os.to_string(), seen.to_string());
    }
    if seen.names_resolve == Some(false) {
        note(CheckedFact::Names, "working".into(), "not working".into());
    }
    if let Some(state) = seen.cloud_init.as_ref().filter(|state| *state == "error") {
        note(CheckedFact::CloudInit, "done".into(), state.clone());
    }
    found
}

fn listed(gpus: &[String]) -> String {
    match gpus {
        [] => "none".to_owned(),
        [first, ..] if gpus.iter().all(|gpu| gpu == first) => format!("{} × {first}", gpus.len()),
        _ => gpus.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise() -> ExpectedMachine {
        let gpus = vec!["V100".to_owned(); 2];
        let shape = Shape { cpus: 48, memory: Bytes::gib(192), disk: Bytes::gib(200), gpus };
        let os = OsRelease { id: "ubuntu".into(), version: Some("22.04".into()) };
        ExpectedMachine { shape, arch: Some("x86_64".into()), os: Some(os) }
    }

    fn seen() -> ObservedMachine {
        ObservedMachine {
            cpus: Some(48),
            memory: Some(Bytes::gib(188)),
            disk: Some(Bytes(200_000_000_000)),
            gpus: Some(vec!["10de:1db4".into(); 2]),
            arch: Some("x86_64".into()),
            os: Some(OsRelease { id: "ubuntu".into(), version: Some("22.04".into()) }),
            names_resolve: Some(true),
            cloud_init: Some("done".into()),
        }
    }

    fn differing(change: impl FnOnce(&mut ObservedMachine)) -> Vec<String> {
        let mut seen = seen();
        change(&mut seen);
        differences(&promise(), &seen).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_machine_may_have_a_little_less_memory_and_disk_and_more_of_everything() {
        assert_eq!(differing(|_| {}), Vec::<String>::new());
        assert_eq!(
            differing(|seen| (seen.cpus, seen.memory) = (Some(96), Some(Bytes::gib(400)))),
            Vec::<String>::new()
        );
        assert_eq!(differing(|seen| *seen = ObservedMachine::default()), Vec::<String>::new(), "nothing could be seen");
    }

    #[test]
    fn every_fact_can_differ() {
        assert_eq!(differing(|seen| seen.cpus = Some(40)), ["processors: promised 48, found 40"]);
        assert_eq!(differing(|seen| seen.memory = Some(Bytes::gib(96))), ["memory: promised 192GiB, found 96GiB"]);
        assert_eq!(differing(|seen| seen.disk = Some(Bytes::gib(100))), ["disk: promised 200GiB, found 100GiB"]);
        let others = |seen: &mut ObservedMachine| seen.gpus = Some(vec!["10de:15f8".into(); 2]);
        assert_eq!(differing(others), ["accelerators: promised 2 × V100, found 2 × 10de:15f8"]);
        let one = |seen: &mut ObservedMachine| seen.gpus = Some(vec!["V100".into()]);
        assert_eq!(differing(one), ["accelerators: promised 2 × V100, found 1 × V100"]);
        assert_eq!(differing(|seen| seen.gpus = Some(vec![])), ["accelerators: promised 2 × V100, found none"]);
        let arm = |seen: &mut ObservedMachine| seen.arch = Some("aarch64".into());
        assert_eq!(differing(arm), ["architecture: promised x86_64, found aarch64"]);
        let old = |seen: &mut ObservedMachine| {
            seen.os = Some(OsRelease { id: "ubuntu".into(), version: Some("20.04".into()) });
        };
        assert_eq!(differing(old), ["operating system: promised ubuntu 22.04, found ubuntu 20.04"]);
        let mute = |seen: &mut ObservedMachine| seen.names_resolve = Some(false);
        assert_eq!(differing(mute), ["name resolution: promised working, found not working"]);
        let failed = |seen: &mut ObservedMachine| seen.cloud_init = Some("error".into());
        assert_eq!(differing(failed), ["cloud-init: promised done, found error"]);
    }
}
