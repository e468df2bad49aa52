//! The phase `verify`: compares the machine with the offer.

use hostler_core::offer::OsRelease;
use hostler_core::setup::gpu::PciDevice;
use hostler_core::size::Bytes;
use hostler_core::verify::{ExpectedMachine, ObservedMachine, differences};

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use crate::host::Command;
use crate::run::Performed;

/// Inspects the machine and compares it with the promise of the offer. Inspects it each time: a reboot may change it. Waits for
/// a first boot that installs updates, within the phase's time limit.
pub(super) async fn verify(job: &PhaseRun<'_>, promise: &ExpectedMachine) -> Result<Performed, SetupError> {
    let script = concat!(include_str!("scripts/pci-devices.sh"), include_str!("scripts/inspect.sh"));
    let inspect = Command::new(script).as_root();
    let seen = read(&job.query(&inspect).await?);
    let differences = differences(promise, &seen);
    if differences.is_empty() {
        return Ok(Performed::Now);
    }
    let hint = "to inspect the machine, hold the deployment on failure; otherwise it is rolled back";
    Err(job.error_with_hint(Cause::Mismatch(differences), hint))
}

/// Parses the output of the script.
fn read(lines: &[String]) -> ObservedMachine {
    let mut seen = ObservedMachine::default();
    let (mut models, mut devices) = (Vec::new(), Vec::new());
    for line in lines {
        let (fact, value) = line.split_once(' ').unwrap_or((line, ""));
        match fact {
            "cpus" => seen.cpus = value.parse().ok().filter(|cpus| *cpus > 0),
            "memory" => seen.memory = value.parse().ok().map(|kib: u64| Bytes(kib.saturating_mul(1 << 10))),
            "sectors" => seen.disk = value.parse().ok().map(|sectors: u64| Bytes(sectors.saturating_mul(512))),
            "arch" => seen.arch = Some(value.to_owned()),
            "os" => seen.os = os(value),
            "names" => seen.names_resolve = Some(value == "yes"),
            "cloud_init" => seen.cloud_init = Some(value.to_owned()),
            "pci" => seen.gpus = Some(Vec::new()),
            "model" => models.push(value.to_owned()),
            "device" => {
                let found = PciDevice::read(value).filter(PciDevice::is_gpu);
                devices.extend(found.map(|device| device.pci_id()));
            }
            _ => {}
        }
    }
    // The driver's model names say more than PCI ids, but the driver may not be installed yet.
    seen.gpus = seen.gpus.map(|_| if models.len() >= devices.len() { models } else { devices });
    seen
}

fn os(text: &str) -> Option<OsRelease> {
    let mut words = text.split_whitespace();
    let id = words.next()?.to_owned();
    Some(OsRelease { id, version: words.next().map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> ObservedMachine {
        read(&text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn script_output_is_parsed() {
        let seen = seen(
            "cloud_init done\ncpus 48\nmemory 196608000\narch x86_64\nos ubuntu 22.04\nsectors 1000\npci\n\
             device 0000:01:00.0 0x030200 0x10de 0x1db4\ndevice 0000:02:00.0 0x030000 0x102b 0x0538\ndevice 0000:03:00.0 0x038000 0x1002 0x738c\n\
             device 0000:04:00.0 0x030000 0x8086 0x3e92\ndevice 0000:05:00.0 0x120000 0x1002 0x74a1",
        );
        assert_eq!(
            seen.gpus.unwrap(),
            ["10de:1db4", "1002:738c", "1002:74a1"],
            "neither the baseboard's nor the desktop's"
        );
        assert_eq!(
            (seen.cpus, seen.memory, seen.disk),
            (Some(48), Some(Bytes(196_608_000 << 10)), Some(Bytes(512_000)))
        );
        assert_eq!(seen.os.unwrap().to_string(), "ubuntu 22.04");
        assert_eq!((seen.cloud_init.as_deref(), seen.names_resolve), (Some("done"), None));
    }

    #[test]
    fn name_resolution_is_reported() {
        assert_eq!(seen("names yes").names_resolve, Some(true));
        assert_eq!(seen("names no").names_resolve, Some(false));
    }

    /// Output of the script on this computer, with a resolver that answers or not.
    fn inspected(answers: &str) -> ObservedMachine {
        let dir = tempfile::tempdir().unwrap();
        for program in ["getent", "python3"] {
            let path = dir.path().join(program);
            std::fs::write(&path, format!("#!/bin/sh\ncat >/dev/null\n{answers}\n")).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let script = ["-c", include_str!("scripts/inspect.sh")];
        let output = std::process::Command::new("sh").args(script).env("PATH", path).output().unwrap();
        assert!(output.status.success());
        seen(&String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn script_reports_this_computer() {
        let (with, without) = (inspected("true"), inspected("false"));
        assert!(with.cpus > Some(0) && with.memory > Some(Bytes::mib(1)) && with.arch.is_some(), "{with:?}");
        assert_eq!((with.names_resolve, without.names_resolve), (Some(true), Some(false)));
    }

    #[test]
    fn driver_names_are_preferred_unless_some_are_missing() {
        assert_eq!(
            seen("pci\nmodel Tesla V100\ndevice 0000:05:00.0 0x030200 0x10de 0x1db4").gpus.unwrap(),
            ["Tesla V100"]
        );
        let two = "pci\nmodel Tesla V100\ndevice 0000:06:00.0 0x030200 0x10de 0x1db4\ndevice 0000:07:00.0 0x030200 0x10de 0x1db4";
        assert_eq!(seen(two).gpus.unwrap().len(), 2);
        assert_eq!(seen("").gpus, None, "nothing is known without a PCI bus");
        assert_eq!(seen("pci").gpus.unwrap().len(), 0);
    }
}
