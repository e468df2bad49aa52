//! Comparison of a machine with its offer: the facts that the plan expects, those observed on the machine, and the
//! differences.

mod model;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use model::pci_ids;

use crate::offer::OsRelease;
use crate::shape::Shape;
use crate::size::Bytes;

/// The facts that a plan expects of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMachine {
    /// Its size.
    #[serde(rename = "size")]
    pub shape: Shape,
    /// Its architecture, as `uname -m` prints it.
    pub arch: Option<String>,
    /// Its operating system, if the image names it.
    pub os: Option<OsRelease>,
}

/// The facts observed on a machine. `None`: could not be determined; never counts as a difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedMachine {
    /// Online CPUs.
    pub cpus: Option<u32>,
    /// Memory as the kernel reports it: less than is installed.
    pub memory: Option<Bytes>,
    /// Capacity of all disks together.
    pub disk: Option<Bytes>,
    /// Models of the GPUs, or their PCI ids if no driver reports the model.
    pub gpus: Option<Vec<String>>,
    /// Architecture, from `uname -m`.
    pub arch: Option<String>,
    /// Operating system, from `/etc/os-release`.
    pub os: Option<OsRelease>,
    /// True if a DNS server answers. It need not know any particular name: a site may have no access to the internet.
    pub names_resolve: Option<bool>,
    /// Status that cloud-init reports, as `done` or `error`.
    pub cloud_init: Option<String>,
}

/// A fact that differs from the expected one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactDifference {
    /// The fact.
    pub fact: CheckedFact,
    /// The expected value.
    pub promised: String,
    /// The observed value.
    pub seen: String,
}

/// A fact that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedFact {
    /// Number of CPUs.
    Cpus,
    /// Memory.
    Memory,
    /// Disk.
    Disk,
    /// Models and number of GPUs.
    Gpus,
    /// Architecture.
    Arch,
    /// Operating system.
    Os,
    /// Name resolution.
    Names,
    /// First boot, by cloud-init.
    CloudInit,
}

impl fmt::Display for CheckedFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpus => "CPUs",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Gpus => "GPUs",
            Self::Arch => "architecture",
            Self::Os => "operating system",
            Self::Names => "name resolution",
            Self::CloudInit => "cloud-init",
        })
    }
}

impl fmt::Display for FactDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.fact, self.promised, self.seen)
    }
}

/// Per cent of the expected memory that is enough: firmware and kernel reserve some, and inventories round.
const MEMORY_PERCENT: u64 = 90;
/// Per cent of the expected disk that is enough: disks are sold in powers of ten, and partitioning takes some.
const DISK_PERCENT: u64 = 85;

/// Every fact that is less than, or different from, the expected one. More than expected is no difference.
pub fn differences(expected: &ExpectedMachine, seen: &ObservedMachine) -> Vec<FactDifference> {
    let ExpectedMachine { shape, arch, os } = expected;
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

    fn expected() -> ExpectedMachine {
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
        differences(&expected(), &seen).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn slightly_less_memory_and_disk_and_more_of_anything_is_no_difference() {
        assert_eq!(differing(|_| {}), Vec::<String>::new());
        assert_eq!(
            differing(|seen| (seen.cpus, seen.memory) = (Some(96), Some(Bytes::gib(400)))),
            Vec::<String>::new()
        );
        assert_eq!(
            differing(|seen| *seen = ObservedMachine::default()),
            Vec::<String>::new(),
            "nothing was determined"
        );
    }

    #[test]
    fn each_difference_is_reported() {
        assert_eq!(differing(|seen| seen.cpus = Some(40)), ["CPUs: expected 48, found 40"]);
        assert_eq!(differing(|seen| seen.memory = Some(Bytes::gib(96))), ["memory: expected 192GiB, found 96GiB"]);
        assert_eq!(differing(|seen| seen.disk = Some(Bytes::gib(100))), ["disk: expected 200GiB, found 100GiB"]);
        let others = |seen: &mut ObservedMachine| seen.gpus = Some(vec!["10de:15f8".into(); 2]);
        assert_eq!(differing(others), ["GPUs: expected 2 × V100, found 2 × 10de:15f8"]);
        let one = |seen: &mut ObservedMachine| seen.gpus = Some(vec!["V100".into()]);
        assert_eq!(differing(one), ["GPUs: expected 2 × V100, found 1 × V100"]);
        assert_eq!(differing(|seen| seen.gpus = Some(vec![])), ["GPUs: expected 2 × V100, found none"]);
        let arm = |seen: &mut ObservedMachine| seen.arch = Some("aarch64".into());
        assert_eq!(differing(arm), ["architecture: expected x86_64, found aarch64"]);
        let old = |seen: &mut ObservedMachine| {
            seen.os = Some(OsRelease { id: "ubuntu".into(), version: Some("20.04".into()) });
        };
        assert_eq!(differing(old), ["operating system: expected ubuntu 22.04, found ubuntu 20.04"]);
        let mute = |seen: &mut ObservedMachine| seen.names_resolve = Some(false);
        assert_eq!(differing(mute), ["name resolution: expected working, found not working"]);
        let failed = |seen: &mut ObservedMachine| seen.cloud_init = Some("error".into());
        assert_eq!(differing(failed), ["cloud-init: expected done, found error"]);
    }
}
