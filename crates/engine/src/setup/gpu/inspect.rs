//! Inspection of a machine's GPUs, drivers and toolkits.

use hostler_core::setup::gpu::{
    DeviceAccess, DottedVersion, FabricManager, GpuLinks, GpuState, PciAddress, PciDevice, Vendor, WorkingGpu,
};

use crate::host::{Command, Shell};
use crate::setup::error::SetupError;
use crate::setup::job::PhaseRun;

/// GPUs, drivers and toolkits of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GpuInventory {
    /// `ID` of `/etc/os-release`.
    pub(super) id: String,
    /// `VERSION_ID`.
    pub(super) version: String,
    /// Output of `uname -m`.
    pub(super) arch: String,
    /// Output of `uname -r`.
    pub(super) kernel: String,
    /// Modules of the running kernel on the disk.
    pub(super) modules: KernelModules,
    /// All GPUs on the PCI bus.
    pub(super) accelerators: Vec<PciDevice>,
    links: GpuLinks,
    fabric: FabricManager,
    /// Login user.
    pub(super) user: String,
    access: DeviceAccess,
    nvidia: VendorState,
    amd: VendorState,
}

/// Modules of the running kernel on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum KernelModules {
    /// Installed.
    Present,
    /// Missing, as in a container, whose kernel is the host's.
    #[default]
    Missing,
}

/// Driver and toolkit of one GPU vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct VendorState {
    working: Vec<WorkingGpu>,
    module: Option<DottedVersion>,
    toolkit: Option<DottedVersion>,
    places: Vec<(DottedVersion, String)>,
    cudnn: Option<DottedVersion>,
}

/// Inspects a machine with a single query.
pub(super) async fn inspect(job: &PhaseRun<'_>, devices: &str) -> Result<GpuInventory, SetupError> {
    let script = concat!(include_str!("../scripts/pci-devices.sh"), include_str!("../scripts/inspect-gpu.sh"));
    Ok(read(&job.query(&Command::new(script).args([devices]).shell(Shell::LoginBash)).await?))
}

fn read(lines: &[String]) -> GpuInventory {
    let mut inventory = GpuInventory::default();
    for line in lines {
        let (fact, value) = line.split_once(' ').unwrap_or((line, ""));
        let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
        match fact {
            "os" => (inventory.id, inventory.version) = (first.to_owned(), rest.to_owned()),
            "arch" => inventory.arch = value.to_owned(),
            "kernel" => inventory.kernel = value.to_owned(),
            "modules" => inventory.modules = KernelModules::Present,
            "device" => match PciDevice::read(value) {
                Some(device) if device.is_gpu() => inventory.accelerators.push(device),
                Some(device) if device.is_switch() => inventory.links = GpuLinks::Switched,
                _ => {}
            },
            "nvidia" => inventory.nvidia.working.extend(working(PciAddress::read(first), rest)),
            "amd" => inventory.amd.working.extend(working(PciAddress::within_domain(first), rest)),
            "fabric" => {
                inventory.fabric = if first == "running" { FabricManager::Running } else { FabricManager::Stopped }
            }
            "module" if first == "nvidia" => inventory.nvidia.module = DottedVersion::read(rest),
            "module" => inventory.amd.module = DottedVersion::read(rest),
            "cuda" => inventory.nvidia.toolkit = DottedVersion::read(value),
            "rocm" => inventory.amd.toolkit = DottedVersion::read(value),
            "cuda_at" => {
                inventory.nvidia.places.extend(DottedVersion::read(first).map(|version| (version, rest.to_owned())));
            }
            "rocm_at" => {
                inventory.amd.places.extend(DottedVersion::read(first).map(|version| (version, rest.to_owned())));
            }
            "cudnn" => inventory.nvidia.cudnn = DottedVersion::read(value),
            "user" => (inventory.user, inventory.access) = (first.to_owned(), access(first, rest)),
            _ => {}
        }
    }
    inventory
}

fn working(at: Option<PciAddress>, what: &str) -> Option<WorkingGpu> {
    at.map(|at| WorkingGpu { address: at, label: what.to_owned() })
}

fn access(user: &str, groups: &str) -> DeviceAccess {
    let is_in = |group: &&str| groups.split(' ').any(|one| one == *group);
    if user == "root" || ["render", "video"].iter().all(is_in) { DeviceAccess::Granted } else { DeviceAccess::Denied }
}

impl GpuInventory {
    /// State of one vendor's GPUs, driver and toolkit.
    pub(super) fn of(&self, vendor: Vendor) -> GpuState {
        let found = match vendor {
            Vendor::Nvidia => self.nvidia.clone(),
            Vendor::Amd => self.amd.clone(),
        };
        let VendorState { working, module, toolkit, places, cudnn } = found;
        // All users may open NVIDIA's devices.
        let access = if vendor == Vendor::Amd { self.access } else { DeviceAccess::Granted };
        // The host of a container configures the NVSwitches.
        let links = if self.modules == KernelModules::Present { self.links } else { GpuLinks::Direct };
        let (gpus, fabric) = (self.accelerators.clone(), self.fabric);
        GpuState { gpus, links, working, fabric, module, toolkit, places, cudnn, access }
    }

    /// Vendor of the machine's GPUs.
    pub(super) fn vendor(&self) -> Option<Vendor> {
        self.of(Vendor::Nvidia).vendor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(text: &str) -> GpuInventory {
        read(&text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn script_output_is_parsed() {
        let inventory = inventory(
            "os debian 12\narch x86_64\nkernel 6.1.0-37-amd64\nmodules\ndevice 0000:01:00.0 0x030200 0x10de 0x1db5\n\
             device 0000:02:00.0 0x020000 0x8086 0x1572\ndevice 0000:03:00.0 0x030000 0x1002 0x164e\nnvidia 00000000:01:00.0 535.261.03\nmodule nvidia 535.261.03\n\
             module amdgpu 6.8.5\ncuda 11.8.89\n\
             cuda_at 12.2.140 /usr/local/cuda-12.2\ncudnn 8.5.0\nuser debian debian sudo",
        );
        assert_eq!(
            (inventory.id.as_str(), inventory.version.as_str(), inventory.modules),
            ("debian", "12", KernelModules::Present)
        );
        let accelerators: Vec<String> = inventory.accelerators.iter().map(PciDevice::pci_id).collect();
        assert_eq!(accelerators, ["10de:1db5"], "neither the network card nor the desktop's");
        assert_eq!(inventory.vendor(), Some(Vendor::Nvidia));
        let nvidia = inventory.of(Vendor::Nvidia);
        assert_eq!((nvidia.undriven(Vendor::Nvidia).len(), nvidia.access), (0, DeviceAccess::Granted));
        assert_eq!(nvidia.toolkit, DottedVersion::read("11.8.89"));
        assert_eq!(nvidia.places[0].1, "/usr/local/cuda-12.2");
        let amd = inventory.of(Vendor::Amd);
        assert_eq!(
            (amd.working.len(), amd.access, amd.module),
            (0, DeviceAccess::Denied, DottedVersion::read("6.8.5"))
        );
    }

    #[test]
    fn amd_gpus_that_are_not_display_controllers_are_found() {
        let inventory = inventory(
            "device 0002:c9:00.0 0x120000 0x1002 0x74a1\ndevice 0002:ca:00.0 0x120000 0x1002 0x74a1\namd 51456 gfx942",
        );
        let amd = inventory.of(Vendor::Amd);
        let undriven: Vec<String> = amd.undriven(Vendor::Amd).iter().map(ToString::to_string).collect();
        assert_eq!((inventory.vendor(), undriven), (Some(Vendor::Amd), vec!["0002:ca:00.0 (1002:74a1)".to_owned()]));
    }

    #[test]
    fn switches_are_ignored_in_containers() {
        let lines = "device 0000:01:00.0 0x030200 0x10de 0x2330\ndevice 0000:02:00.0 0x068000 0x10de 0x22a3\n\
                     fabric running\n";
        let own = inventory(&format!("{lines}modules")).of(Vendor::Nvidia);
        assert_eq!((own.count(Vendor::Nvidia), own.links, own.fabric), (1, GpuLinks::Switched, FabricManager::Running));
        assert_eq!(
            inventory(lines).of(Vendor::Nvidia).links,
            GpuLinks::Direct,
            "the host sets up those of a container"
        );
    }

    /// Output of the script on this computer, with these programs, and two GPUs and a switch on the bus.
    fn inspected(nvidia_smi: &str, systemctl: &str) -> GpuInventory {
        let dir = tempfile::tempdir().unwrap();
        for (program, text) in [("nvidia-smi", nvidia_smi), ("systemctl", systemctl)] {
            let path = dir.path().join(program);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        for (address, class, device) in
            [("3b", "0x030200", "0x2330"), ("d8", "0x030200", "0x2330"), ("e1", "0x068000", "0x22a3")]
        {
            let place = dir.path().join(format!("bus/pci/devices/0000:{address}:00.0"));
            std::fs::create_dir_all(&place).unwrap();
            for (file, id) in [("class", class), ("vendor", "0x10de"), ("device", device)] {
                std::fs::write(place.join(file), format!("{id}\n")).unwrap();
            }
        }
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let script = concat!(include_str!("../scripts/pci-devices.sh"), include_str!("../scripts/inspect-gpu.sh"));
        let mut command = std::process::Command::new("sh");
        let output = command.args(["-c", script, "sh"]).arg(dir.path()).env("PATH", path).output().unwrap();
        assert!(output.status.success());
        inventory(&String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn script_reports_working_gpus_and_the_fabric_manager() {
        let (both, one) = (
            "printf '00000000:3B:00.0, 580.95.05\\n00000000:D8:00.0, 580.95.05\\n'",
            "echo 00000000:3B:00.0, 580.95.05\necho 'Unable to determine the device handle for GPU1: 0000:D8:00.0: Unknown Error'\nexit 15",
        );
        let undriven = |inventory: &GpuInventory| {
            let seen = inventory.of(Vendor::Nvidia);
            seen.undriven(Vendor::Nvidia).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let running = inspected(both, "exit 0");
        assert_eq!(
            (running.links, running.fabric, undriven(&running)),
            (GpuLinks::Switched, FabricManager::Running, vec![])
        );
        let idle = inspected(one, "test \"$1\" = cat");
        assert_eq!(
            (idle.fabric, undriven(&idle)),
            (FabricManager::Stopped, vec!["0000:d8:00.0 (10de:2330)".to_owned()])
        );
        assert_eq!(inspected("echo 'No devices were found'; exit 6", "exit 1").fabric, FabricManager::NotInstalled);
    }

    #[test]
    fn unreported_gpus_are_absent() {
        assert_eq!(inventory("").vendor(), None);
        assert_eq!(
            inventory("device 0000:04:00.0 0x038000 0x1002 0x738c\nuser root root").of(Vendor::Amd).access,
            DeviceAccess::Granted
        );
        assert_eq!(inventory("device 0000:05:00.0 0x038000 0x8086 0x0bd5").vendor(), None, "another vendor's");
    }
}
