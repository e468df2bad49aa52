//! State of a machine's GPU software, and what is missing for a request.

use super::bus::{GpuLinks, PciAddress, PciDevice};
use super::conflict::fits;
use super::hardware::GpuHardware;
use super::resolve::Installed;
use super::{DottedVersion, GpuStack, Vendor};

/// State of a machine's GPUs and their software.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuState {
    /// GPUs on the PCI bus, of all vendors.
    pub gpus: Vec<PciDevice>,
    /// Connection between the GPUs.
    pub links: GpuLinks,
    /// GPUs that the vendor's own program lists. A MIG-partitioned NVIDIA GPU is listed once; AMD lists each
    /// partition.
    pub working: Vec<WorkingGpu>,
    /// State of the fabric manager.
    pub fabric: FabricManager,
    /// Version of the kernel module that would be loaded.
    pub module: Option<DottedVersion>,
    /// Toolkit that login shells find.
    pub toolkit: Option<DottedVersion>,
    /// Toolkits in the vendor's default directories, with their directory. Login shells may not find them.
    pub places: Vec<(DottedVersion, String)>,
    /// Version according to cuDNN's headers.
    pub cudnn: Option<DottedVersion>,
    /// The user's access to the devices.
    pub access: DeviceAccess,
}

/// A working GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingGpu {
    /// Bus address.
    pub address: PciAddress,
    /// NVIDIA: version of the driver. AMD: name of the GPU.
    pub label: String,
}

/// State of the fabric manager, a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FabricManager {
    /// Not installed.
    #[default]
    NotInstalled,
    /// Installed but not running.
    Stopped,
    /// Running.
    Running,
}

/// The user's access to GPU devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceAccess {
    /// Everybody has access, or the user is in the required groups.
    #[default]
    Granted,
    /// The user is not in the required groups.
    Denied,
}

/// A part of the GPU software that is missing or unsuitable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPart {
    /// The driver: not installed, of another version, or not driving all GPUs.
    Driver,
    /// The fabric manager: not running.
    FabricManager,
    /// The toolkit: not installed, of another version, or incompatible with the GPUs.
    Toolkit,
    /// Environment variables: the toolkit is installed, but login shells do not find it.
    Path,
    /// cuDNN: not installed or of another version.
    Cudnn,
    /// Membership in the groups that may access the devices.
    DeviceAccess,
}

impl GpuState {
    /// Number of GPUs of a vendor on the bus.
    pub fn count(&self, vendor: Vendor) -> usize {
        self.gpus.iter().filter(|device| device.is_of(vendor)).count()
    }

    /// Vendor of the machine's GPUs. NVIDIA if there are GPUs of both, since the others are probably integrated in the
    /// CPU.
    pub fn vendor(&self) -> Option<Vendor> {
        [Vendor::Nvidia, Vendor::Amd].into_iter().find(|vendor| self.count(*vendor) > 0)
    }

    /// Constraints of a vendor's GPUs.
    pub fn hardware(&self, vendor: Vendor) -> GpuHardware {
        GpuHardware::new(vendor, &self.gpus, self.links)
    }

    /// GPUs of a vendor that are on the bus but not listed by the vendor's own program.
    pub fn undriven(&self, vendor: Vendor) -> Vec<&PciDevice> {
        let mut left: Vec<&WorkingGpu> = self.working.iter().collect();
        let mut is_driven = |device: &PciDevice| {
            let found = left.iter().position(|working| working.address.agrees(device.address));
            found.map(|index| left.swap_remove(index)).is_some()
        };
        self.gpus.iter().filter(|device| device.is_of(vendor) && !is_driven(device)).collect()
    }

    /// Version of the driver if it drives every GPU on the bus. Without GPUs, the installed driver counts.
    fn driver(&self, vendor: Vendor) -> Option<DottedVersion> {
        let all = self.undriven(vendor).is_empty() && !self.working.is_empty();
        let reported = self.working.first().and_then(|working| DottedVersion::read(&working.label));
        match (vendor, all) {
            _ if !all && self.count(vendor) == 0 => self.module.clone(),
            (_, false) => None,
            (Vendor::Nvidia, true) => reported,
            (Vendor::Amd, true) => self.module.clone().or_else(|| DottedVersion::read("0")),
        }
    }

    /// Software that can be kept. A driver without the fabric manager that it needs can't: the manager must have
    /// exactly its version, which distributions do not keep in their repositories.
    pub fn installed(&self, vendor: Vendor, stack: &GpuStack) -> Installed {
        let hardware = self.hardware(vendor);
        let is_suitable = |version: &DottedVersion| {
            fits(&version.to_string(), stack.toolkit(vendor)) && hardware.takes_toolkit(version)
        };
        let found = self.toolkit.clone().filter(is_suitable);
        let toolkit = found.or_else(|| self.place(vendor, stack).map(|(version, _)| version.clone()));
        let is_whole = !hardware.is_switched() || self.fabric != FabricManager::NotInstalled;
        Installed { driver: self.driver(vendor).filter(|_| is_whole), toolkit }
    }

    /// Toolkit that satisfies the request and supports the GPUs but that login shells may not find, with its
    /// directory.
    pub fn place(&self, vendor: Vendor, stack: &GpuStack) -> Option<&(DottedVersion, String)> {
        let hardware = self.hardware(vendor);
        let is_suitable = |(version, _): &&(DottedVersion, String)| {
            fits(&version.to_string(), stack.toolkit(vendor)) && hardware.takes_toolkit(version)
        };
        self.places.iter().filter(is_suitable).max_by_key(|(version, _)| version)
    }
}

/// Parts of the request that the machine lacks. A version that is not requested may be any that supports the GPUs.
pub fn missing_parts(vendor: Vendor, stack: &GpuStack, state: &GpuState) -> Vec<MissingPart> {
    let is = |version: &Option<DottedVersion>, request: Option<&String>| {
        version.as_ref().is_some_and(|version| fits(&version.to_string(), request))
    };
    let nvidia = vendor == Vendor::Nvidia;
    let hardware = state.hardware(vendor);
    let driver = is(&state.driver(vendor), stack.driver.as_ref().filter(|_| nvidia));
    let cudnn = stack.cudnn.as_ref().filter(|_| nvidia).is_none_or(|request| is(&state.cudnn, Some(request)));
    let takes = state.toolkit.as_ref().is_some_and(|version| hardware.takes_toolkit(version));
    let found = takes && is(&state.toolkit, stack.toolkit(vendor));
    let lies = state.place(vendor, stack).is_some();
    let missing_parts = [
        (MissingPart::Driver, driver),
        (MissingPart::FabricManager, !hardware.is_switched() || state.fabric == FabricManager::Running),
        (MissingPart::Toolkit, found || lies),
        (MissingPart::Path, found || !lies),
        (MissingPart::Cudnn, cudnn),
        (MissingPart::DeviceAccess, state.access == DeviceAccess::Granted),
    ];
    missing_parts.into_iter().filter(|(_, has)| !has).map(|(lack, _)| lack).collect()
}
